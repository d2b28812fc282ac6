import { createVerifier, readRotation, verifyRotation } from '@taper/core';
import {
  CAST,
  consentOf,
  forge,
  present,
  statementOf,
  TEST_TIME,
  type TestKey,
  takeApart,
  testKey,
} from '@taper/testkit';
import { describe, expect, it } from 'vitest';

const [root] = CAST.anchors as unknown as readonly [{ issuer: string; key: TestKey }];
const [alice] = CAST.holders as readonly [TestKey];
const second = testKey('alice, second key');
const third = testKey('alice, third key', 'ES256');
const anchors = [{ issuer: root.issuer, key: root.key.publicKey }];
const SUBJECT = 'spiffe://example.com/acme/agent/alice';
const consent = { from: alice, to: second, issuer: root.issuer, at: TEST_TIME - 60 };

const isFollowed = (compact: string): boolean =>
  verifyRotation(compact, { anchors, oldKey: alice.publicKey }).ok;

/** What the root signs instead, its text changed. */
function resigned(compact: string, change: (payload: string) => string): string {
  const { header, payload } = takeApart(compact);
  return forge({ header, payload: change(payload), signature: root.key });
}

describe('a rotation statement', () => {
  it.each(['holder', 'administrator', '', null, true])(
    'that nobody consented to is the operator’s or nobody’s, and not `%s`’s (Q02)',
    (by) => {
      const said = (value: unknown): string =>
        statementOf({ from: alice, to: second, claims: { consent: undefined, by: value } });
      expect(isFollowed(said('operator'))).toBe(true);
      expect(isFollowed(said(by))).toBe(false);
    },
  );

  it('has its numbers as RFC 8785 writes them, in its claims and in the consents (C11)', () => {
    const good = statementOf({ from: alice, to: second });
    expect(isFollowed(resigned(good, (text) => text))).toBe(true);
    expect(isFollowed(resigned(good, (text) => text.replace(/"iat":(\d+)/, '"iat":$1.0')))).toBe(
      false,
    );
    expect(isFollowed(resigned(good, (text) => text.replace(/"iat":(\d+)/, '"iat":$1e0')))).toBe(
      false,
    );
    const agreed = takeApart(consentOf({ ...consent, signer: second, subject: SUBJECT }));
    const accepted = (change: (payload: string) => string): string => {
      const { header, payload } = agreed;
      const acceptance = forge({ header, payload: change(payload), signature: second });
      return statementOf({ from: alice, to: second, claims: { acceptance } });
    };
    expect(isFollowed(accepted((text) => text))).toBe(true);
    expect(isFollowed(accepted((text) => text.replace(/"iat":(\d+)/, '"iat":$1.0')))).toBe(false);
  });

  it('is of an agent whose SPIFFE ID has no `.` or `..` in its path (C05)', () => {
    const of = (path: string): string =>
      statementOf({ from: alice, to: second, subject: `spiffe://example.com/${path}` });
    expect(isFollowed(of('acme/agent/a.b'))).toBe(true);
    expect(readRotation(of('acme/agent/a.b'))?.tenant).toBe('acme');
    for (const path of ['./acme/a', '../acme/a', 'acme/../other', 'acme/.', 'acme/..'])
      expect(isFollowed(of(path)), path).toBe(false);
  });

  it('names the algorithm of the key that signed it (B21)', () => {
    const { thumbprint: kid } = root.key.publicKey;
    const named = (alg: string, jti: string): string =>
      statementOf({
        from: alice,
        to: second,
        claims: { jti },
        header: { alg, kid, typ: 'taper-rotation+jwt' },
      });
    for (let each = 0; each < 32; each += 1) {
      expect(isFollowed(named('Ed25519', `${each}`))).toBe(true);
      expect(isFollowed(named('ES256', `${each}`))).toBe(false);
    }
  });

  it('has at most 8192 characters, however it comes (R01)', () => {
    // A JWK may have members that say nothing, and they are counted.
    const padded = (length: number): string =>
      statementOf({
        from: alice,
        to: second,
        claims: { new: { ...second.publicKey.jwk, x5u: 'x'.repeat(length) } },
      });
    const rest = padded(0).length;
    expect(isFollowed(padded(Math.floor(((8192 - rest) * 3) / 4) - 4))).toBe(true);
    expect(isFollowed(padded(Math.ceil(((8192 - rest) * 3) / 4) + 4))).toBe(false);
  });

  it('leads to no key that stood before it, the holder’s or another (D08)', () => {
    const verifier = createVerifier({ anchors, audience: CAST.audience });
    const call = (keys: readonly TestKey[]): string => {
      const signer = keys.at(-1) as TestKey;
      const taper_rotation = keys.map((to, at) =>
        statementOf({ from: keys[at - 1] ?? alice, to, at: TEST_TIME - 100 + at }),
      );
      const header = { alg: signer.alg, taper_rotation, typ: 'aat-pop+jwt' };
      const { chain, pop, tool, args_json, now } = present({
        hops: [{}],
        proof: { signer, header },
      });
      const presentation = { aat_chain: chain, aat_pop: pop };
      const decision = verifier.authorize({ presentation, tool, args: args_json, now });
      return decision.verdict === 'permit' ? 'permit' : (decision.denial.facts?.reason ?? 'other');
    };
    expect(call([second, third])).toBe('permit');
    expect(call([second, third, second])).toBe('key_repeated');
    expect(call([second, alice])).toBe('key_repeated');
  });
});

describe('a rotation statement under a child', () => {
  const bob = CAST.holders[1] as TestKey;
  const bob2 = testKey('bob, second key');
  const verifier = createVerifier({ anchors, audience: CAST.audience });
  const ofAlice = statementOf({ from: alice, to: second });
  const ofBob = statementOf({ from: bob, to: bob2 });

  const proved = (signer: TestKey, statement: string) =>
    present({
      proof: {
        signer,
        header: { alg: signer.alg, taper_rotation: [statement], typ: 'aat-pop+jwt' },
      },
    });
  const derived = (signer: TestKey, statement: string) =>
    present({
      hops: [
        {},
        {},
        {
          signer,
          header: { alg: signer.alg, taper_rotation: [statement], typ: 'aat+jwt' },
          claims: { iss: signer.publicKey.thumbprintUri, iat: TEST_TIME - 30 },
        },
      ],
    });

  it.each([
    ['proof', proved],
    ['token', derived],
  ])(
    'lets the successor of its own holder sign a %s, and not that of the root’s (D01)',
    (_, make) => {
      const call = (signer: TestKey, statement: string): string => {
        const { chain, pop, tool, args_json, now } = make(signer, statement);
        const presentation = { aat_chain: chain, aat_pop: pop };
        const decision = verifier.authorize({ presentation, tool, args: args_json, now });
        return decision.verdict === 'permit' ? 'permit' : decision.denial.code;
      };
      expect(call(bob2, ofBob)).toBe('permit');
      expect(call(second, ofAlice)).toBe('rotation_invalid');
    },
  );
});
