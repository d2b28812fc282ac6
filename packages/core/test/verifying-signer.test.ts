import { generateKeyPairSync } from 'node:crypto';
import { plusOrder, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { platform, type Signer, TaperError, verifyingSigner } from '../src/index.ts';

const INPUT = Buffer.from('what is signed');
const key = testKey('verifying signer');
const p256 = testKey('verifying signer', 'ES256');

async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    if (error instanceof TaperError) return error.code;
    throw error;
  }
  return 'nothing thrown';
}

/** A signer whose signatures are changed on the way, at once or later. */
function signers(change: (signature: Uint8Array, input: Uint8Array) => Uint8Array): Signer[] {
  const { publicKey } = key;
  const sign = (input: Uint8Array) => change(Uint8Array.from(key.sign(input)), input);
  return [
    { publicKey, sign },
    { publicKey, sign: async (input) => sign(input) },
  ];
}

describe('a verifying signer', () => {
  test.each(['Ed25519', 'ES256'] as const)('releases good signatures of %s keys', async (alg) => {
    const { publicKey, signer } = testKey('good', alg);
    const made = verifyingSigner(signer);
    expect(made.publicKey).toBe(publicKey);
    expect(platform.verify?.(publicKey, INPUT, await made.sign(INPUT))).toBe(true);
  });

  test('Q09: releases no signature in which a bit is wrong, wherever it is', async () => {
    for (const at of [0, 31, 32, 63]) {
      for (const signer of signers((signature) => {
        signature[at] = (signature[at] as number) ^ 4;
        return signature;
      }))
        expect(await codeOf(() => verifyingSigner(signer).sign(INPUT))).toBe('signing_failed');
    }
  });

  test('Q06: releases no signature of another key, or over something else', async () => {
    const other = testKey('another');
    for (const signer of [
      ...signers((_, input) => other.sign(input)),
      ...signers(() => key.sign(Buffer.from('something else'))),
    ])
      expect(await codeOf(() => verifyingSigner(signer).sign(INPUT))).toBe('signing_failed');
  });

  test('releases nothing that is no signature in the one form that is accepted', async () => {
    for (const signer of [
      ...signers((signature) => signature.subarray(1)),
      ...signers((signature) => plusOrder(signature)),
      ...signers(() => new Uint8Array(64)),
      ...signers(() => undefined as unknown as Uint8Array),
    ])
      expect(await codeOf(() => verifyingSigner(signer).sign(INPUT))).toBe('signing_failed');
  });

  test('Q05: asks its signer once and nobody else, and asks it again for the next one', async () => {
    let calls = 0;
    let works = false;
    const signer = verifyingSigner({
      publicKey: key.publicKey,
      sign: async (input) => {
        calls++;
        if (!works) throw new Error('gone');
        return key.sign(input);
      },
    });
    expect(await codeOf(() => signer.sign(INPUT))).toBe('signing_failed');
    expect(calls).toBe(1);
    works = true;
    expect(await codeOf(() => signer.sign(INPUT))).toBe('nothing thrown');
  });

  test('passes on why a signer failed', async () => {
    const hint = 'put it back';
    const signer = verifyingSigner({
      publicKey: key.publicKey,
      sign: () => {
        throw new TaperError('signing_failed', 'The device is gone.', { hint });
      },
    });
    await expect(async () => signer.sign(INPUT)).rejects.toMatchObject({ hint });
  });

  test('releases the bytes that it verified, though its signer changes its own', async () => {
    const shared = new Uint8Array(64);
    const signer = verifyingSigner({
      publicKey: key.publicKey,
      sign: async (input) => {
        shared.set(key.sign(input));
        return shared;
      },
    });
    const signature = await signer.sign(INPUT);
    shared.fill(0);
    expect(platform.verify?.(key.publicKey, INPUT, signature)).toBe(true);
  });

  test('verifies once, however often it is wrapped', () => {
    const made = verifyingSigner(key.signer);
    expect(verifyingSigner(made)).toBe(made);
  });

  test('takes no key that nobody has checked', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const unchecked = { publicKey, sign: () => new Uint8Array(64) } as unknown as Signer;
    expect(await codeOf(() => verifyingSigner(unchecked))).toBe('option_invalid');
  });
});

describe('Q10: a signer that uses an ES256 nonce twice', () => {
  /** r and s of two messages under one nonce, as a cloned machine or a broken generator gives them: from which d follows. */
  const ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
  const inverse = (value: bigint): bigint => power(((value % ORDER) + ORDER) % ORDER, ORDER - 2n);
  function power(base: bigint, exponent: bigint): bigint {
    let result = 1n;
    let square = base;
    for (let left = exponent; left > 0n; left >>= 1n) {
      if (left & 1n) result = (result * square) % ORDER;
      square = (square * square) % ORDER;
    }
    return result;
  }
  const read = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  const write = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
  const hashOf = (input: Uint8Array): bigint => read(platform.digest(input));
  const d = read(Buffer.from(String(p256.privateJwk['d']), 'base64url'));

  /** Signs with the nonce of this signature, whatever is signed. */
  function withNonceOf(input: Uint8Array): (other: Uint8Array) => Uint8Array {
    const signature = p256.sign(input);
    const r = read(signature.subarray(0, 32));
    const k = (inverse(read(signature.subarray(32))) * (hashOf(input) + r * d)) % ORDER;
    return (other) => {
      const s = (inverse(k) * (hashOf(other) + r * d)) % ORDER;
      return Buffer.concat([write(r), write(s)]);
    };
  }

  test('releases the first signature, and neither the second nor any other', async () => {
    const signer = verifyingSigner({ publicKey: p256.publicKey, sign: withNonceOf(INPUT) });
    expect(await codeOf(() => signer.sign(INPUT))).toBe('nothing thrown');
    expect(await codeOf(() => signer.sign(Buffer.from('other')))).toBe('signing_failed');
    expect(await codeOf(() => signer.sign(INPUT))).toBe('signing_failed');
  });

  test('is told from one that signs the same text twice alike (RFC 6979)', async () => {
    const signer = verifyingSigner({ publicKey: p256.publicKey, sign: p256.sign });
    for (const input of [INPUT, INPUT, Buffer.from('other'), INPUT])
      expect(await codeOf(() => signer.sign(input))).toBe('nothing thrown');
  });
});
