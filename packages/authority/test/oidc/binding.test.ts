import type { JsonObject } from '@taper/core';
import { describe, expect, it } from 'vitest';
import { boundAgent, requireBinding } from '../../src/oidc/binding.ts';

function bound(binding: object, claims: JsonObject): unknown {
  return boundAgent([requireBinding(binding, true)], claims);
}

const desk = { where: { sub: 'ci-desk' }, tenant: 'acme', name: 'desk' };

describe('binding of a workload to an agent', () => {
  it('holds where every claim is exactly that text (F07)', () => {
    expect(bound(desk, { sub: 'ci-desk' })).toEqual({ tenant: 'acme', name: 'desk' });
    for (const sub of ['ci-desk2', 'CI-desk', 'ci-desk ', 'xci-desk', '', ['ci-desk'], null, 1])
      expect(bound(desk, { sub })).toBeUndefined();
    expect(bound(desk, {})).toBeUndefined();
    const both = { ...desk, where: { sub: 'ci-desk', environment: 'production' } };
    expect(bound(both, { sub: 'ci-desk' })).toBeUndefined();
    expect(bound(both, { sub: 'ci-desk', environment: 'production' })).toBeDefined();
  });

  it('lets a workload come back only where it says so, with no overlap unless it says one', () => {
    const claims = { sub: 'ci-desk' };
    expect(bound(desk, claims)).not.toHaveProperty('returning');
    const returning = { ...desk, returning: 'replace_key' };
    expect(bound(returning, claims)).toMatchObject({ returning: { overlap: 0 } });
    for (const overlap of [0, 60, 2_592_000])
      expect(bound({ ...returning, overlap }, claims)).toMatchObject({ returning: { overlap } });
  });

  it.each([
    { returning: true },
    { returning: 'yes' },
    { returning: null },
    { overlap: 60 },
    { returning: 'replace_key', overlap: -1 },
    { returning: 'replace_key', overlap: 0.5 },
    { returning: 'replace_key', overlap: 2_592_001 },
    { returning: 'replace_key', overlap: '60' },
    { returning: 'replace_key', overlaps: 60 },
  ])('is refused at the start with %j (Z03)', (more) => {
    expect(() => requireBinding({ ...desk, ...more }, false)).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });

  it('does not hold by what objects inherit', () => {
    const inherited = { ...desk, where: { '/constructor/name': 'Object' } };
    expect(bound(inherited, { sub: 'ci-desk' })).toBeUndefined();
  });

  it('takes tenant and name from claims where the operator says so, as they stand', () => {
    const binding = {
      where: { '/kubernetes.io/cluster': 'prod' },
      tenant: { claim: '/kubernetes.io/namespace' },
      name: { claim: '/kubernetes.io/serviceaccount/name' },
    };
    const claims = (namespace: string): JsonObject => ({
      'kubernetes.io': { cluster: 'prod', namespace, serviceaccount: { name: 'desk' } },
    });
    expect(bound(binding, claims('acme'))).toEqual({ tenant: 'acme', name: 'desk' });
    for (const namespace of ['acme/agent', '..', '', 'ac me', 'acm%65'])
      expect(bound(binding, claims(namespace))).toBeUndefined();
  });

  it('reads JSON pointers with their escapes', () => {
    const binding = { ...desk, where: { '/a~1b/c~0d': 'x' } };
    expect(bound(binding, { 'a/b': { 'c~d': 'x' } })).toBeDefined();
  });

  it('is nobody’s where two hold', () => {
    const other = { ...desk, where: { aud: 'x' }, name: 'other' };
    const bindings = [desk, other].map((each) => requireBinding(each, false));
    expect(boundAgent(bindings, { sub: 'ci-desk', aud: 'x' })).toBeUndefined();
    expect(boundAgent(bindings, { sub: 'ci-desk' })).toBeDefined();
  });

  it.each(['email', 'preferred_username', 'upn', 'name', 'nickname', 'unique_name'])(
    'by %s needs the operator to accept that it changes hands',
    (claim) => {
      for (const binding of [
        { ...desk, where: { [claim]: 'ada' } },
        { ...desk, name: { claim } },
        { ...desk, tenant: { claim } },
      ]) {
        expect(() => requireBinding(binding, false)).toThrow(
          expect.objectContaining({ code: 'option_invalid' }),
        );
        expect(requireBinding(binding, true)).toEqual(binding);
      }
    },
  );

  it('by an address holds only where the issuer verified it', () => {
    const binding = { ...desk, where: { email: 'ada@acme.example' } };
    const email = 'ada@acme.example';
    expect(bound(binding, { email, email_verified: true })).toBeDefined();
    for (const claims of [
      { email },
      { email, email_verified: false },
      { email, email_verified: 'true' },
    ])
      expect(bound(binding, claims)).toBeUndefined();
  });

  it.each([
    ['no claim at all', { ...desk, where: {} }],
    ['a claim that is no text', { ...desk, where: { sub: 1 } }],
    ['an empty claim', { ...desk, where: { sub: '' } }],
    ['a pattern for a tenant', { ...desk, tenant: '*' }],
    ['a tenant that is no segment', { ...desk, tenant: 'a/b' }],
    ['a name that is left out', { where: desk.where, tenant: 'acme' }],
    ['a member that nobody knows', { ...desk, audience: 'x' }],
    ['a claim with more beside it', { ...desk, name: { claim: 'sub', prefix: 'x' } }],
    ['nothing', null],
  ])('is refused with %s (Z03)', (_, binding) => {
    expect(() => requireBinding(binding, true)).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });
});
