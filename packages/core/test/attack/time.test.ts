import { describe, expect, test } from 'vitest';
import { createVerifier, derive, prove } from '../../src/index.ts';
import {
  AUDIENCE,
  alice,
  anchors,
  bob,
  call,
  childToken,
  ISSUER,
  mallory,
  NOW,
  outcome,
  place,
  rootToken,
  verifier,
  verify,
} from './attacker.ts';

// Group J of the attack catalogue: time.

const tools = { read: {} };
const DAYS_90 = 90 * 24 * 3600;

describe('expiry', () => {
  test.each([
    undefined,
    null,
    'never',
    '1795176000',
    true,
    [NOW + 60],
    {},
    NOW + 0.5,
    1e300,
    -1,
    0,
  ])('J01 J02 J10 must be a whole number of seconds that has not come: %j', (exp) => {
    expect(['time_claim_invalid', 'token_expired']).toContain(
      outcome(verify([rootToken(tools, { claims: { exp } })])),
    );
    const root = rootToken(tools);
    expect(['time_claim_invalid', 'token_expired']).toContain(
      outcome(verify([root, childToken(root, tools, { claims: { exp } })])),
    );
  });

  test('J03 in milliseconds is too long a life', () => {
    const claims = { exp: (NOW + 3600) * 1000 };
    expect(place(verify([rootToken(tools, { claims })]))).toBe('lifetime_too_long 3h 0');
    const both = { iat: NOW * 1000, exp: (NOW + 3600) * 1000 };
    expect(place(verify([rootToken(tools, { claims: both })]))).toBe('token_issued_in_future 3f 0');
  });

  test('J03 is bounded to the second', () => {
    expect(outcome(verify([rootToken(tools, { claims: { exp: NOW + DAYS_90 } })]))).toBe(
      'verified',
    );
    const longer = rootToken(tools, { claims: { exp: NOW + DAYS_90 + 1 } });
    expect(place(verify([longer]))).toBe('lifetime_too_long 3h 0');
  });

  test('J04 of a child is never later than that of its parent', () => {
    const root = rootToken(tools, { claims: { exp: NOW + 60 } });
    const child = (exp: number) => childToken(root, tools, { claims: { exp } });
    expect(outcome(verify([root, child(NOW + 60)]))).toBe('verified');
    expect(place(verify([root, child(NOW + 61)]))).toBe('expiry_extended 4h 1');
  });

  test('J13 is exclusive, without grace, for every hop, whether the chain is known or not', () => {
    const root = rootToken(tools, { claims: { exp: NOW + 60 } });
    const child = childToken(root, tools, { claims: { exp: NOW + 30 } });
    const compacts = [root.compact, child.compact];
    const known = createVerifier({ anchors });
    for (const by of [known, known, createVerifier({ anchors, cacheCharacters: 0 })]) {
      expect(outcome(by.verifyChain(compacts, NOW + 29))).toBe('verified');
      expect(place(by.verifyChain(compacts, NOW + 30))).toBe('token_expired 4i 1');
      expect(place(by.verifyChain(compacts, NOW + 60))).toBe('token_expired 3e 0');
    }
  });

  test('J05 must lie behind issuance', () => {
    const claims = { iat: NOW + 20, exp: NOW + 20 };
    expect(place(verify([rootToken(tools, { claims })]))).toBe('expiry_not_after_issuance 3g 0');
    const root = rootToken(tools);
    expect(place(verify([root, childToken(root, tools, { claims })]))).toBe(
      'expiry_not_after_issuance 4l 1',
    );
  });
});

describe('issuance', () => {
  test('J05 J06 may lie as far ahead as the skew, once and not for each hop', () => {
    const ahead = (iat: number) => ({ claims: { iat } });
    expect(outcome(verify([rootToken(tools, ahead(NOW + 30))]))).toBe('verified');
    expect(place(verify([rootToken(tools, ahead(NOW + 31))]))).toBe('token_issued_in_future 3f 0');
    const root = rootToken(tools, ahead(NOW + 30));
    expect(outcome(verify([root, childToken(root, tools, ahead(NOW + 30))]))).toBe('verified');
    expect(place(verify([root, childToken(root, tools, ahead(NOW + 31))]))).toBe(
      'token_issued_in_future 4k 1',
    );
  });

  test('J05 is not before that of the parent', () => {
    const root = rootToken(tools);
    const early = childToken(root, tools, { claims: { iat: NOW - 1 } });
    expect(place(verify([root, early]))).toBe('issued_before_parent 4j 1');
  });

  test('J06 J05 is judged again when a known chain comes back at an earlier time', () => {
    const by = createVerifier({ anchors });
    const root = rootToken(tools);
    expect(outcome(by.verifyChain([root.compact], NOW))).toBe('verified');
    expect(place(by.verifyChain([root.compact], NOW - 31))).toBe('token_issued_in_future 3f 0');
  });

  test('J11 says nothing about trust: without its anchor a token is refused, whenever it was signed', () => {
    const root = rootToken(tools, { claims: { iat: NOW - 10 * 24 * 3600 } });
    expect(outcome(verify([root]))).toBe('verified');
    const rotated = createVerifier({ anchors: [{ issuer: ISSUER, key: mallory.publicKey }] });
    expect(outcome(verify([root], rotated))).toBe('signature_invalid');
  });
});

describe('the time of judgement', () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY, NOW + 0.5, `${NOW}`, undefined, null, {}])(
    'J02 J12 is a whole number given by the enforcement point: %j',
    (now) => {
      const root = rootToken(tools);
      expect(outcome(verifier.verifyChain([root.compact], now as number))).toBe(
        'clock_unavailable',
      );
      expect(outcome(call([root], 'read', {}, { now: now as number }))).toBe('clock_unavailable');
    },
  );

  test('J12 is not moved by anything in a token', () => {
    const claims = { exp: NOW - 1, iat: NOW - 60, nbf: 0, now: NOW - 30, date: NOW - 30 };
    expect(place(verify([rootToken(tools, { claims })]))).toBe('token_expired 3e 0');
  });
});

describe('making', () => {
  test('J07 derives nothing that outlives its parent, and nothing from an expired one', async () => {
    const root = rootToken(tools, { claims: { exp: NOW + 60 } });
    const verdict = verify([root]);
    if (verdict.verdict !== 'verified') throw new Error(verdict.denial.code);
    const options = { signer: alice.signer, holder: bob.publicKey, tools, id: 'child' };
    const child = await derive(verdict.chain, { ...options, now: NOW + 59 });
    expect(child.leaf.claims.exp).toBe(NOW + 60);
    await expect(
      derive(verdict.chain, { ...options, now: NOW, lifetime: 61 }),
    ).rejects.toMatchObject({ denial: { code: 'expiry_extended' } });
    await expect(derive(verdict.chain, { ...options, now: NOW + 60 })).rejects.toMatchObject({
      denial: { code: 'token_expired' },
    });
    await expect(
      prove(verdict.chain, {
        signer: alice.signer,
        tool: 'read',
        args: {},
        now: NOW + 60,
        id: 'late',
        audience: AUDIENCE,
      }),
    ).rejects.toMatchObject({ denial: { code: 'token_expired' } });
  });
});
