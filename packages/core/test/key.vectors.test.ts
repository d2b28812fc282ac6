import { createPublicKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../src/json.ts';
import { importPublicKey, isWellKnownTestKey, type KeyProblem, readPublicKey } from '../src/key.ts';
import { okp } from './signature-verdict.ts';
import { thirdPartyVectors } from './third-party-vectors.ts';

interface KeySetGroup {
  comment: string;
  public?: { keys: JsonObject[] };
  private: { keys: JsonObject[] };
  tests: { tcId: number }[];
}

const keySets = thirdPartyVectors<{ testGroups: KeySetGroup[] }>(
  'wycheproof/testvectors_v1/json_web_key_test.json',
);

/** Per case, what each key of its set (the public one where there is one) reads as. */
const EXPECTED: readonly [number, string, (KeyProblem | 'ES256')[]][] = [
  [1, 'a secret key beside a public one', ['private', 'ES256']],
  [2, 'two secret keys', ['private', 'private']],
  [4, 'two secret keys of one kid', ['private', 'private']],
  [5, 'RSA', ['unsupported']],
  [6, 'RSA for encryption', ['unsupported']],
  [7, 'an RSA key that ROCA breaks,', ['unsupported']],
  [8, 'RSA of 1024 bits', ['unsupported']],
  [9, 'RSA with public exponent 1', ['unsupported']],
  [10, 'a short secret key', ['private']],
  [11, 'a short secret key', ['private']],
  [12, 'a short secret key', ['private']],
  [13, 'a long secret key', ['private']],
  [14, 'a long secret key', ['private']],
  [15, 'a long secret key', ['private']],
  [16, 'an empty secret key', ['private']],
  [17, 'an empty secret key', ['private']],
  [18, 'an empty secret key', ['private']],
  [19, 'P-256 whose alg is ES521', ['unsupported']],
  [20, 'P-256 whose alg is ES224', ['unsupported']],
  [21, 'P-256 whose use is enc', ['unsupported']],
  [22, 'a point off P-256', ['malformed']],
  [23, 'a P-256 point labelled P-384', ['unsupported']],
  [24, 'a P-256 point labelled RSA', ['unsupported']],
  [25, 'an AES-GCM key', ['private']],
  [26, 'an AES key wrap key', ['private']],
];

describe.skipIf(keySets === undefined)('Wycheproof json_web_key (B17, B18)', () => {
  const groups = keySets?.testGroups ?? [];

  test('has no set that the table below leaves out', () => {
    const first = groups.map((group) => group.tests[0]?.tcId);
    expect(first).toEqual(EXPECTED.map(([tcId]) => tcId));
  });

  test.each(EXPECTED)('case %i, %s: %j', (tcId, _, expected) => {
    const group = groups.find(({ tests }) => tests[0]?.tcId === tcId);
    const keys = (group?.public ?? group?.private)?.keys ?? [];
    expect(keys.map(describeKey)).toEqual(expected);
  });

  test('refuses each key as private where the set holds the private half', () => {
    const privateKeys = groups.flatMap((group) =>
      group.private.keys.filter((jwk) => 'd' in jwk || 'k' in jwk),
    );
    expect(privateKeys.length).toBeGreaterThan(20);
    for (const jwk of privateKeys) expect(readPublicKey(jwk)).toBe('private');
  });
});

function describeKey(jwk: JsonObject): KeyProblem | string {
  const key = readPublicKey(jwk);
  return typeof key === 'string' ? key : key.alg;
}

const cctv = thirdPartyVectors<{ key: string; flags: string[] | null }[]>(
  'cctv-ed25519/ed25519/ed25519vectors.json',
);

describe.skipIf(cctv === undefined)('C2SP CCTV Ed25519 keys', () => {
  test('refuses exactly the 14 encodings of points of small order, and no key of mixed order (A02, A03, A04)', () => {
    const small = new Set<string>();
    const others = new Set<string>();
    for (const { key, flags } of cctv ?? []) {
      const weak = flags?.includes('low_order_A') === true;
      (weak ? small : others).add(key);
      expect(readPublicKey(okp(key)) === 'weak', key).toBe(weak);
    }
    expect(small.size).toBe(14);
    expect(others.size).toBeGreaterThan(1);
  });
});

const rfc9421 = thirdPartyVectors<{ keys: Record<string, string[]> }>('rfc9421/vectors.json');

describe.skipIf(rfc9421 === undefined)('RFC 9421 appendix B.1', () => {
  test.each(['Ed25519', 'P-256'])('the %s key is well known (A16)', (name) => {
    const [, pems] =
      Object.entries(rfc9421?.keys ?? {}).find(([title]) => title.includes(name)) ?? [];
    const jwk = createPublicKey(pems?.[0] ?? '').export({ format: 'jwk' });
    expect(isWellKnownTestKey(importPublicKey(jwk))).toBe(true);
  });
});

interface AatKey {
  jwk: JsonObject;
  thumbprint: string;
  thumbprint_uri: string;
}

const aat = thirdPartyVectors<{ keys: Record<string, AatKey> }>('aat/aat-vectors-compact.json');

describe.skipIf(aat === undefined)('AAT vectors: keys', () => {
  test.each(Object.entries(aat?.keys ?? {}))(
    'the key of %s has the suite’s thumbprint and URI, and is well known (A16)',
    (_, { jwk, thumbprint, thumbprint_uri }) => {
      const key = importPublicKey(jwk);
      expect(key.thumbprint).toBe(thumbprint);
      expect(key.thumbprintUri).toBe(thumbprint_uri);
      expect(isWellKnownTestKey(key)).toBe(true);
    },
  );
});
