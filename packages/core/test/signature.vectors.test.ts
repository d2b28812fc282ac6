import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { isStrictBase64url } from '../src/base64url.ts';
import type { JsonObject } from '../src/json.ts';
import { readPublicKey } from '../src/key.ts';
import { canonicalSignature } from '../src/signature.ts';
import { everywhere, okp, type Verdict, verdicts } from './signature-verdict.ts';
import { thirdPartyVectors } from './third-party-vectors.ts';

interface Cctv {
  number: number;
  key: string;
  sig: string;
  msg: string;
  flags: string[] | null;
}

const cctv = thirdPartyVectors<Cctv[]>('cctv-ed25519/ed25519/ed25519vectors.json');

/** What the flags mean under Taper's rules (`spec/stricter-choices.md`). */
function expectedOfFlags(flags: ReadonlySet<string>): Verdict {
  if (flags.has('low_order_A') || flags.has('non_canonical_A')) return 'weak';
  if (flags.has('low_order_R') || flags.has('non_canonical_R')) return 'signature_malformed';
  return flags.has('low_order_residue') ? 'signature_invalid' : 'valid';
}

describe.skipIf(cctv === undefined)('C2SP CCTV Ed25519 edge cases', () => {
  test('all 914 get one verdict on every backend, the one their flags call for (A02, A03, A04, A05)', async () => {
    const tally: Partial<Record<Verdict, number>> = {};
    for (const { number, key, sig, msg, flags } of cctv ?? []) {
      const expected = expectedOfFlags(new Set(flags));
      const actual = await verdicts(okp(key), Buffer.from(msg), Buffer.from(sig, 'hex'));
      expect(actual, `case ${number}`).toEqual(everywhere(expected));
      tally[expected] = (tally[expected] ?? 0) + 1;
    }
    expect(tally).toEqual({
      weak: 526,
      signature_malformed: 282,
      signature_invalid: 63,
      valid: 43,
    });
  });

  test('accepts a key of mixed order wherever the cofactorless equation holds, on every backend (A05)', () => {
    const mixed = (cctv ?? []).filter(({ flags }) => {
      const set = new Set(flags);
      return set.has('low_order_component_A') && expectedOfFlags(set) === 'valid';
    });
    expect(mixed.length).toBe(42);
  });
});

interface Speccheck {
  message: string;
  pub_key: string;
  signature: string;
}

const speccheck = thirdPartyVectors<Speccheck[]>('ed25519-speccheck/cases.json');

describe.skipIf(speccheck === undefined)('ed25519-speccheck', () => {
  test.each<[number, string, Verdict]>([
    [0, 'A and R of small order (A02)', 'weak'],
    [1, 'A of small order (A03)', 'weak'],
    [2, 'R of small order', 'signature_malformed'],
    [3, 'A and R of mixed order, both equations hold (A05)', 'valid'],
    [4, 'A and R of mixed order, only the cofactored equation holds (A05)', 'signature_invalid'],
    [5, 'A of mixed order, only the cofactored equation holds (A05)', 'signature_invalid'],
    [6, 'S above the group order (A01)', 'signature_malformed'],
    [7, 'S far above the group order (A01)', 'signature_malformed'],
    [8, 'R not canonical, reduced before hashing', 'signature_malformed'],
    [9, 'R not canonical, hashed as it is', 'signature_malformed'],
    [10, 'A not canonical, reduced before hashing (A04)', 'weak'],
    [11, 'A not canonical, hashed as it is (A04)', 'weak'],
  ])('case %i, %s: %s on every backend', async (index, _, expected) => {
    const { message, pub_key, signature } = (speccheck ?? [])[index] as Speccheck;
    const actual = await verdicts(
      okp(pub_key),
      Buffer.from(message, 'hex'),
      Buffer.from(signature, 'hex'),
    );
    expect(actual).toEqual(everywhere(expected));
  });
});

interface Wycheproof<G> {
  numberOfTests: number;
  testGroups: G[];
}

interface SignatureCase {
  tcId: number;
  msg: string;
  sig: string;
  result: 'valid' | 'invalid';
}

const ed25519 = thirdPartyVectors<
  Wycheproof<{ publicKey: { pk: string }; tests: SignatureCase[] }>
>('wycheproof/testvectors_v1/ed25519_test.json');

describe.skipIf(ed25519 === undefined)('Wycheproof ed25519', () => {
  test('all 151 get the expected result on every backend, without exception (A01, A07)', async () => {
    let count = 0;
    for (const { publicKey, tests } of ed25519?.testGroups ?? []) {
      for (const { tcId, msg, sig, result } of tests) {
        const actual = await verdicts(
          okp(publicKey.pk),
          Buffer.from(msg, 'hex'),
          Buffer.from(sig, 'hex'),
        );
        const [first] = Object.values(actual);
        expect(actual, `case ${tcId}`).toEqual(everywhere(first as Verdict));
        expect(first === 'valid', `case ${tcId}: ${first}`).toBe(result === 'valid');
        count++;
      }
    }
    expect(count).toBe(151);
  });
});

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

function hasHighS(signature: Uint8Array): boolean {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`);
  return 2n * s > P256_ORDER && s < P256_ORDER;
}

const p1363 = thirdPartyVectors<
  Wycheproof<{ publicKey: { wx: string; wy: string }; tests: SignatureCase[] }>
>('wycheproof/testvectors_v1/ecdsa_secp256r1_sha256_p1363_test.json');

describe.skipIf(p1363 === undefined)('Wycheproof ecdsa_secp256r1_sha256_p1363', () => {
  test('all 262 get the expected result on every backend, but for 70 valid ones with a high S (A07, A08)', async () => {
    const differences: Record<string, number> = {};
    let count = 0;
    for (const { publicKey, tests } of p1363?.testGroups ?? []) {
      const jwk = { kty: 'EC', crv: 'P-256', x: p256Hex(publicKey.wx), y: p256Hex(publicKey.wy) };
      for (const { tcId, msg, sig, result } of tests) {
        count++;
        const input = Buffer.from(msg, 'hex');
        const signature = Buffer.from(sig, 'hex');
        const actual = await verdicts(jwk, input, signature);
        const [first] = Object.values(actual);
        expect(actual, `case ${tcId}`).toEqual(everywhere(first as Verdict));
        if ((first === 'valid') === (result === 'valid')) continue;
        const reason = hasHighS(signature) ? 'high S' : 'unexplained';
        differences[`${result} but ${first}: ${reason}`] =
          (differences[`${result} but ${first}: ${reason}`] ?? 0) + 1;
        // the only fault is the form: the other form of the same signature is accepted
        const normalized = canonicalSignature('ES256', signature);
        expect(await verdicts(jwk, input, normalized), `case ${tcId}`).toEqual(everywhere('valid'));
      }
    }
    expect(count).toBe(262);
    expect(differences).toEqual({ 'valid but signature_malformed: high S': 70 });
  });
});

/** Wycheproof writes coordinates as signed hexadecimal integers: a leading zero byte, or fewer digits. */
function p256Hex(hex: string): string {
  return Buffer.from(hex.padStart(64, '0').slice(-64), 'hex').toString('base64url');
}

interface JwsGroup {
  comment: string;
  public?: JsonObject;
  private: JsonObject;
  tests: { tcId: number; jws: string; result: 'valid' | 'invalid' }[];
}

const jws = thirdPartyVectors<Wycheproof<JwsGroup>>(
  'wycheproof/testvectors_v1/json_web_signature_test.json',
);

/** A minimal JWS reader, so that these vectors test keys and signatures and nothing else. */
async function jwsVerdicts(jwk: JsonObject, compact: string): Promise<Record<string, Verdict>> {
  const [header = '', payload = '', signature = '', ...rest] = compact.split('.');
  const key = readPublicKey(jwk);
  if (typeof key === 'string') return everywhere(key);
  if (rest.length > 0 || ![header, payload, signature].every((s) => s && isStrictBase64url(s))) {
    return everywhere('malformed');
  }
  const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg: unknown };
  if (alg !== key.alg) return everywhere('unsupported');
  return verdicts(
    jwk,
    Buffer.from(`${header}.${payload}`),
    Uint8Array.from(Buffer.from(signature, 'base64url')),
  );
}

describe.skipIf(jws === undefined)('Wycheproof json_web_signature', () => {
  test('all 401 get the expected result on every backend, but for 45 valid ones: one with a high S, the rest under RSA, P-521 and secret keys (A08, B02, B17, B18)', async () => {
    const differences: Record<string, number> = {};
    let count = 0;
    for (const group of jws?.testGroups ?? []) {
      const jwk = group.public ?? group.private;
      for (const { tcId, jws: compact, result } of group.tests) {
        count++;
        const actual = await jwsVerdicts(jwk, compact);
        const [first] = Object.values(actual);
        expect(actual, `case ${tcId}`).toEqual(everywhere(first as Verdict));
        if ((first === 'valid') === (result === 'valid')) continue;
        const difference = `${result} but ${first}: ${jwk.kty} ${jwk.crv ?? ''}`.trim();
        differences[difference] = (differences[difference] ?? 0) + 1;
      }
    }
    expect(count).toBe(401);
    expect(differences).toEqual({
      'valid but private: oct': 10,
      'valid but unsupported: RSA': 32,
      'valid but unsupported: EC P-521': 2,
      'valid but signature_malformed: EC P-256': 1,
    });
  });
});
