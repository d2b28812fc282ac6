import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { createSigner, generateKeyPair } from '../src/crypto/node.ts';
import type { Algorithm, Signer } from '../src/crypto/port.ts';
import { TaperError } from '../src/error.ts';
import { canonicalSignature, precheckSignature } from '../src/signature.ts';
import { hexOfInteger, smallOrderEncodings } from './edwards-points.ts';
import { backends, everywhere, verdicts } from './signature-verdict.ts';

const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const input = Buffer.from('some signing input');

function signerFor(alg: Algorithm): Signer {
  return createSigner(generateKeyPair(alg).privateJwk);
}

function bigEndian(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}

function littleEndian(value: bigint): Buffer {
  return Buffer.from(hexOfInteger(value), 'hex');
}

describe('the form of any signature (A07)', () => {
  const cases: [string, unknown][] = [
    ['undefined', undefined],
    ['null', null],
    ['no bytes', new Uint8Array(0)],
    ['63 bytes', new Uint8Array(63).fill(1)],
    ['65 bytes', new Uint8Array(65).fill(1)],
    ['128 bytes', new Uint8Array(128).fill(1)],
    ['64 zero bytes', new Uint8Array(64)],
    ['an array of 64 numbers', new Array(64).fill(1)],
    ['64 characters', 'a'.repeat(64)],
    ['an array buffer', new Uint8Array(64).fill(1).buffer],
    ['16-bit elements', new Uint16Array(64).fill(1)],
  ];
  test.each(cases)('refuses %s under both algorithms', (_, signature) => {
    expect(precheckSignature('Ed25519', signature as Uint8Array)).toBe('signature_malformed');
    expect(precheckSignature('ES256', signature as Uint8Array)).toBe('signature_malformed');
  });

  test.each(['Ed25519', 'ES256'] as const)(
    'lets a fresh %s signature pass, and it verifies',
    async (alg) => {
      const { publicKey, sign } = signerFor(alg);
      const signature = await sign(input);
      expect(precheckSignature(alg, signature)).toBe(undefined);
      expect(await verdicts(publicKey.jwk, input, signature)).toEqual(everywhere('valid'));
    },
  );

  test.each(['Ed25519', 'ES256'] as const)(
    'refuses a %s signature with a byte before or behind it, or without its last',
    async (alg) => {
      const signature = Buffer.from(await signerFor(alg).sign(input));
      for (const other of [
        Buffer.concat([Buffer.of(0), signature]),
        Buffer.concat([signature, Buffer.of(0)]),
        signature.subarray(0, 63),
      ]) {
        expect(precheckSignature(alg, other)).toBe('signature_malformed');
      }
    },
  );

  test('refuses any signature under an algorithm that Taper does not know', async () => {
    const signature = await signerFor('Ed25519').sign(input);
    for (const alg of ['none', 'EdDSA', 'HS256', '', undefined]) {
      expect(precheckSignature(alg as Algorithm, signature)).toBe('signature_malformed');
    }
  });
});

describe('Ed25519 signatures', () => {
  test('refuses S + L, S + 2L … of a valid signature, each as long as it fits (A01)', async () => {
    const { publicKey, sign } = signerFor('Ed25519');
    const signature = Buffer.from(await sign(input));
    const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`);
    for (let second = s + L; second < 2n ** 256n; second += L) {
      const twin = Buffer.concat([signature.subarray(0, 32), littleEndian(second)]);
      expect(await verdicts(publicKey.jwk, input, twin)).toEqual(everywhere('signature_malformed'));
    }
  });

  test.each<[string, bigint, 'signature_malformed' | undefined]>([
    ['0', 0n, undefined],
    ['L − 1', L - 1n, undefined],
    ['L', L, 'signature_malformed'],
    ['L + 1', L + 1n, 'signature_malformed'],
    ['2^252 − 1', 2n ** 252n - 1n, undefined],
    ['2^252', 2n ** 252n, undefined],
    ['2^253', 2n ** 253n, 'signature_malformed'],
    ['2^256 − 1', 2n ** 256n - 1n, 'signature_malformed'],
  ])('S = %s', (_, s, expected) => {
    const r = Buffer.alloc(32, 7);
    expect(precheckSignature('Ed25519', Buffer.concat([r, littleEndian(s)]))).toBe(expected);
  });

  test('refuses R that is a small-order point in any encoding, and passes its neighbours', () => {
    const { canonical, others } = smallOrderEncodings();
    const s = littleEndian(1n);
    for (const hex of [...canonical, ...others]) {
      const r = Buffer.from(hex, 'hex');
      expect(precheckSignature('Ed25519', Buffer.concat([r, s])), hex).toBe('signature_malformed');
    }
    for (const hex of canonical) {
      const r = Buffer.from(hex, 'hex');
      r[16] = (r[16] as number) ^ 1;
      expect(precheckSignature('Ed25519', Buffer.concat([r, s])), hex).toBe(undefined);
    }
  });

  test('refuses R whose y is p or above', () => {
    const s = littleEndian(1n);
    for (let y = 2n ** 255n - 19n; y < 2n ** 255n; y++) {
      const signature = Buffer.concat([littleEndian(y), s]);
      expect(precheckSignature('Ed25519', signature)).toBe('signature_malformed');
    }
    const below = Buffer.concat([littleEndian(2n ** 255n - 21n), s]);
    expect(precheckSignature('Ed25519', below)).toBe(undefined);
  });
});

describe('ES256 signatures', () => {
  test('refuses the high-S twin of a valid signature, which every backend would accept (A08)', async () => {
    const { publicKey, sign } = signerFor('ES256');
    const signature = Buffer.from(await sign(input));
    const s = BigInt(`0x${signature.subarray(32).toString('hex')}`);
    const twin = Buffer.concat([signature.subarray(0, 32), bigEndian(N - s)]);
    for (const backend of backends) {
      expect(await backend.verifyAsync(publicKey, input, twin), backend.name).toBe(true);
    }
    expect(await verdicts(publicKey.jwk, input, twin)).toEqual(everywhere('signature_malformed'));
    expect(Buffer.from(canonicalSignature('ES256', twin))).toEqual(signature);
  });

  test('refuses DER, even of 64 bytes (A08)', () => {
    const der = Buffer.concat([
      Buffer.from('303e021d', 'hex'),
      Buffer.alloc(29, 1),
      Buffer.from('021d', 'hex'),
      Buffer.alloc(29, 1),
    ]);
    expect(der.length).toBe(64);
    // Read as r || s it is in range, so it must fail as a signature instead.
    expect(precheckSignature('ES256', der)).toBe(undefined);
    const { publicKey } = signerFor('ES256');
    return expect(verdicts(publicKey.jwk, input, der)).resolves.toEqual(
      everywhere('signature_invalid'),
    );
  });

  const half = (N - 1n) / 2n;
  test.each<[string, bigint, bigint, 'signature_malformed' | undefined]>([
    ['r = 1, s = 1', 1n, 1n, undefined],
    ['r = 0', 0n, 1n, 'signature_malformed'],
    ['s = 0', 1n, 0n, 'signature_malformed'],
    ['r = n − 1', N - 1n, 1n, undefined],
    ['r = n', N, 1n, 'signature_malformed'],
    ['r = n + 1', N + 1n, 1n, 'signature_malformed'],
    ['s = n/2 rounded down', 1n, half, undefined],
    ['s = n/2 rounded up', 1n, half + 1n, 'signature_malformed'],
    ['s = n − 1', 1n, N - 1n, 'signature_malformed'],
    ['s = n', 1n, N, 'signature_malformed'],
    ['r = s = 2^256 − 1', 2n ** 256n - 1n, 2n ** 256n - 1n, 'signature_malformed'],
  ])('%s', (_, r, s, expected) => {
    const signature = Buffer.concat([bigEndian(r), bigEndian(s)]);
    expect(precheckSignature('ES256', signature)).toBe(expected);
  });
});

describe('canonicalSignature', () => {
  test.each<[string, bigint, bigint]>([
    ['n/2 rounded up', (N + 1n) / 2n, (N - 1n) / 2n],
    ['n − 1', N - 1n, 1n],
    ['n − 2^128', N - 2n ** 128n, 2n ** 128n],
  ])('turns s = %s into n − s and leaves r', (_, high, low) => {
    const r = bigEndian(123n);
    const made = canonicalSignature('ES256', Buffer.concat([r, bigEndian(high)]));
    expect(Buffer.from(made)).toEqual(Buffer.concat([r, bigEndian(low)]));
  });

  test('leaves a low s, and Ed25519 with any S, as they are', async () => {
    const low = Buffer.concat([bigEndian(1n), bigEndian((N - 1n) / 2n)]);
    expect(canonicalSignature('ES256', low)).toBe(low);
    const ed25519 = await signerFor('Ed25519').sign(input);
    expect(canonicalSignature('Ed25519', ed25519)).toBe(ed25519);
  });

  test('does not write into what the signer returned', () => {
    const high = Buffer.concat([bigEndian(1n), bigEndian(N - 1n)]);
    canonicalSignature('ES256', high);
    expect(high.subarray(32)).toEqual(bigEndian(N - 1n));
  });

  test.each<[string, unknown]>([
    ['63 bytes', new Uint8Array(63)],
    ['a DER signature', new Uint8Array(71)],
    ['nothing', undefined],
    ['a promise', Promise.resolve(new Uint8Array(64))],
    ['text', 'a'.repeat(64)],
  ])('throws signing_failed, with a hint, when a signer gives %s', (_, signature) => {
    for (const alg of ['Ed25519', 'ES256'] as const) {
      let thrown: unknown;
      try {
        canonicalSignature(alg, signature as Uint8Array);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(TaperError);
      expect(thrown).toMatchObject({ code: 'signing_failed', hint: expect.any(String) });
    }
  });
});

test('the constant signature that fits every message under the identity key is refused twice: key and form (A02)', async () => {
  const x = Buffer.from(`01${'00'.repeat(31)}`, 'hex').toString('base64url');
  const constant = Buffer.from(`01${'00'.repeat(63)}`, 'hex');
  const actual = await verdicts({ kty: 'OKP', crv: 'Ed25519', x }, input, constant);
  expect(actual).toEqual(everywhere('weak'));
  expect(precheckSignature('Ed25519', constant)).toBe('signature_malformed');
});
