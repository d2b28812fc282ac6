import type { JsonObject } from '@taper/core';
import { describe, expect, test } from 'vitest';
import { grantsOf } from '../../src/grant/grant.ts';
import { readGrantSet } from '../../src/grant/read-grant-set.ts';
import { refusal } from '../refusal.ts';
import { ANY_ARGUMENTS, documentOf, grantText } from './document.ts';

async function refused(changes: Readonly<Record<string, unknown>>): Promise<JsonObject> {
  const { code, facts } = await refusal(() => readGrantSet(documentOf(grantText(changes))));
  expect(code).toBe('grant_malformed');
  return facts;
}

describe('a grant document', () => {
  test('is read whole, in the order of tenant and name, and written in one form', () => {
    const [one, other] = [grantText(), grantText({ name: 'audit', tenant: 'zeta' })];
    const set = readGrantSet(documentOf(other, one));
    expect(set.grants.map(({ tenant, name }) => `${tenant}/${name}`)).toEqual([
      'acme/refunds',
      'zeta/audit',
    ]);
    expect(set.document).toBe(readGrantSet(documentOf(one, other)).document);
    expect(readGrantSet(set.document).grants).toEqual(set.grants);
    expect(set.grants[0]).toMatchObject({
      maxDepth: 2,
      lifetime: 3600,
      ends: Date.UTC(2027, 0, 1) / 1000,
      approvals: [],
      caveats: undefined,
      subject: undefined,
    });
  });

  test('may have no grants: then nobody gets anything', () => {
    expect(readGrantSet(documentOf()).grants).toEqual([]);
  });

  test('may have more grants than a token may have values', () => {
    const grants = Array.from({ length: 700 }, (_, index) => grantText({ name: `grant-${index}` }));
    const set = readGrantSet(documentOf(...grants));
    expect(set.grants).toHaveLength(700);
    expect(readGrantSet(set.document).document).toBe(set.document);
  });

  test('names of tenants, grants and agents are compared as they are', () => {
    const set = readGrantSet(documentOf(grantText()));
    expect(grantsOf(set, { tenant: 'acme', name: 'desk' })).toHaveLength(1);
    for (const agent of [
      { tenant: 'ACME', name: 'desk' },
      { tenant: 'acme', name: 'Desk' },
      { tenant: 'acme', name: 'des' },
      { tenant: 'acme/x', name: 'desk' },
    ])
      expect(grantsOf(set, agent)).toEqual([]);
  });

  test.each([
    ['name', 'no grant name'],
    ['tenant', ''],
    ['agents', ''],
    ['tools', ''],
    ['audience', ''],
    ['max_depth', ''],
    ['max_depth_reason', ''],
    ['lifetime', ''],
    ['ends', ''],
  ])('cannot do without %s', async (member) => {
    expect(await refused({ [member]: undefined })).toMatchObject({ member, reason: 'missing' });
  });

  test('a member that nobody knows is refused, in every part', async () => {
    expect(await refused({ agent: ['desk'] })).toMatchObject({ member: 'agent' });
    expect(await refused({ caveats: { tenant: 'acme' } })).toMatchObject({ member: 'tenant' });
    expect(await refused({ subject: { kind: 'chain', any: true } })).toMatchObject({
      member: 'any',
    });
    expect(
      await refused({ approvals: [{ group: 'finance', count: 1, except: 'night' }] }),
    ).toMatchObject({ member: 'except' });
  });

  test.each<readonly [string, Readonly<Record<string, unknown>>]>([
    ['agents', { agents: [] }],
    ['tools', { tools: {} }],
    ['arguments of a tool', { tools: { refund: {} } }],
    ['audience', { audience: [] }],
    ['caveats', { caveats: {} }],
    ['a caveat', { caveats: { approvals: {} } }],
    ['approvals', { approvals: [] }],
    ['scopes', { subject: { kind: 'user', issuer: 'https://idp.example', scopes: {} } }],
    ['foreign tools', { subject: { kind: 'foreign', issuer: 'https://b.example', tools: {} } }],
    ['the reason for the depth', { max_depth_reason: ' ' }],
  ])('nothing that is empty comes to mean all: %s', async (_, changes) => {
    await refused(changes);
  });

  test('an audience of any is written out, and is never one of several', async () => {
    const [grant] = readGrantSet(documentOf(grantText({ audience: 'any' }))).grants;
    expect(grant?.audience).toBe('any');
    await refused({ audience: ['any'] });
    await refused({ audience: 'https://shop.example' });
  });

  test.each<readonly [string, unknown]>([
    ['agents', ['*']],
    ['agents', ['desk', 'desk']],
    ['agents', ['..']],
    ['agents', ['desk/x']],
    ['agents', 'desk'],
    ['tenant', 'acme/desk'],
    ['tenant', ''],
    ['name', 'a b'],
    ['max_depth', 9],
    ['max_depth', -1],
    ['max_depth', 1.5],
    ['max_depth', '2'],
    ['ends', 1_798_761_600],
    ['ends', '2027-01-01'],
    ['ends', '2027-02-30T00:00:00Z'],
    ['ends', 'never'],
    ['ends', null],
  ])('%s cannot be %j', async (member, value) => {
    expect(await refused({ [member]: value })).toMatchObject({ member });
  });

  test('J01 a grant without an end, or that never ends, is refused', async () => {
    for (const ends of [undefined, null, 'never', '', '9999999-01-01T00:00:00Z'])
      expect(await refused({ ends })).toMatchObject({ member: 'ends' });
  });

  test('J03 a lifetime in milliseconds is more than any lifetime may be', async () => {
    expect(await refused({ lifetime: 3_600_000 })).toMatchObject({ member: 'lifetime' });
    expect(await refused({ lifetime: 86_401 })).toMatchObject({ member: 'lifetime' });
    expect(readGrantSet(documentOf(grantText({ lifetime: 86_400 }))).grants[0]?.lifetime).toBe(
      86_400,
    );
    await refused({ lifetime: 0 });
  });

  test('J10 an end without a zone, or in another than UTC, is refused', async () => {
    await refused({ ends: '2027-01-01T00:00:00' });
    await refused({ ends: '2027-01-01T00:00:00+02:00' });
    await refused({ ends: '2027-01-01T00:00:00z' });
  });

  test('constraints are those of tokens: unknown types and malformed ones are refused where they stand', async () => {
    expect(
      await refused({ tools: { refund: { amount: { constraint_type: 'regex', pattern: '.*' } } } }),
    ).toMatchObject({ tool: 'refund', argument: 'amount', reason: 'constraint_unknown' });
    expect(
      await refused({ tools: { refund: { '*': { constraint_type: 'exact', value: 1 } } } }),
    ).toMatchObject({ tool: 'refund', argument: '*' });
    expect(await refused({ tools: { refund: { amount: 5 } } })).toMatchObject({ tool: 'refund' });
  });

  test('a caveat about a tool that is not granted is refused: the real one would go without', async () => {
    const approvals = { refunds: { finance: 1 } };
    expect(await refused({ caveats: { approvals } })).toMatchObject({ tool: 'refunds' });
    const [grant] = readGrantSet(
      documentOf(grantText({ caveats: { approvals: { refund: { finance: 1 } } } })),
    ).grants;
    expect(grant?.caveats).toEqual({ approvals: { refund: { finance: 1 } } });
  });

  test('caveats are those of tokens, but for the tenant and the epoch, which nobody writes', async () => {
    await refused({ caveats: { budget: { calls: '1.5' } } });
    await refused({ caveats: { approvals: { refund: { finance: 0 } } } });
    const log = 'log.example/authority';
    await refused({ caveats: { revocation: { log, epoch: 1, max_staleness: 60 } } });
    const caveats = { revocation: { log, max_staleness: 60 } };
    expect(readGrantSet(documentOf(grantText({ caveats }))).grants[0]?.caveats).toEqual(caveats);
  });

  test('P09 a number of approvers below 1, or a group twice, is refused', async () => {
    for (const count of [0, -1, 1.5, 17, '1', null])
      await refused({ approvals: [{ group: 'finance', count }] });
    await refused({
      approvals: [
        { group: 'finance', count: 1 },
        { group: 'finance', count: 2 },
      ],
    });
  });

  test('one grant of a name for each tenant', async () => {
    const twice = documentOf(grantText(), grantText({ agents: ['other'] }));
    expect((await refusal(() => readGrantSet(twice))).facts).toMatchObject({
      tenant: 'acme',
      grant: 'refunds',
    });
    const apart = documentOf(grantText(), grantText({ tenant: 'beta' }));
    expect(readGrantSet(apart).grants).toHaveLength(2);
  });

  test('scopes and foreign tools give tools of the grant, and nothing is united', async () => {
    const user = (scopes: object): Readonly<Record<string, unknown>> => ({
      subject: { kind: 'user', issuer: 'https://idp.example', scopes },
    });
    const small = { refund: { amount: { constraint_type: 'range', max: 5, min: 0 } } };
    expect(
      readGrantSet(documentOf(grantText(user({ 'refunds:small': small })))).grants[0]?.subject,
    ).toMatchObject({ kind: 'user', scopes: { 'refunds:small': small } });
    expect(await refused(user({ all: { delete: ANY_ARGUMENTS } }))).toMatchObject({
      tool: 'delete',
    });
    expect(
      await refused(
        user({ a: small, b: { refund: { amount: { constraint_type: 'exact', value: 9 } } } }),
      ),
    ).toMatchObject({ tool: 'refund' });
    const foreign = (tools: object): Readonly<Record<string, unknown>> => ({
      subject: { kind: 'foreign', issuer: 'https://partner.example', tools },
    });
    expect(await refused(foreign({ pay: 'refund', pay2: 'refund' }))).toMatchObject({
      tool: 'refund',
    });
    expect(await refused(foreign({ pay: 'wire' }))).toMatchObject({ tool: 'wire' });
    expect(readGrantSet(documentOf(grantText(foreign({ pay: 'refund' })))).grants).toHaveLength(1);
  });

  test.each([
    ['a member twice', documentOf(grantText()).replace('"lifetime"', '"lifetime":9,"lifetime"')],
    ['another type', documentOf(grantText()).replace('taper-grants', 'grants')],
    ['another version', documentOf(grantText()).replace('"version":1', '"version":2')],
    ['no JSON', '{"type": taper-grants}'],
    [
      'a number that a double cannot hold',
      documentOf(grantText()).replace('"max":100', '"max":9007199254740993'),
    ],
    ['__proto__', documentOf(grantText()).replace('"refund"', '"__proto__"')],
    ['no list', '{"type":"taper-grants","version":1,"grants":{}}'],
    ['null', 'null'],
    ['nothing', ''],
  ])('is strict JSON: %s', async (_, text) => {
    expect((await refusal(() => readGrantSet(text))).code).toBe('grant_malformed');
  });
});
