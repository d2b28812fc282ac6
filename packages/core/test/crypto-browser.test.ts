import { Buffer } from 'node:buffer';
import { execFile } from 'node:child_process';
import { inspect, promisify } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { createSigner, generateKeyPair, platform } from '../src/crypto/browser.ts';
import { generateKeyPair as generateOnNode } from '../src/crypto/node.ts';
import type { ErrorCode } from '../src/error.ts';
import { importPublicKey, isPublicKey } from '../src/key.ts';
import { precheckSignature } from '../src/signature.ts';
import { hexOfInteger, yOffTheCurve } from './edwards-points.ts';
import { backends, okp } from './signature-verdict.ts';

const ALGORITHMS = ['Ed25519', 'ES256'] as const;
const input = Buffer.from('some signing input');

function refusal(code: ErrorCode): { code: ErrorCode; hint: unknown } {
  return { code, hint: expect.any(String) };
}

describe('webcrypto: verify', () => {
  test('has no synchronous verification', () => {
    expect(platform.name).toBe('webcrypto');
    expect(platform.verify).toBe(undefined);
  });

  test.each(ALGORITHMS)(
    'accepts a %s signature over exactly its input under exactly its key',
    async (alg) => {
      const { publicKey, sign } = await createSigner((await generateKeyPair(alg)).privateJwk);
      const other = (await generateKeyPair(alg)).publicKey;
      const signature = await sign(input);
      expect(await platform.verifyAsync(publicKey, input, signature)).toBe(true);
      expect(await platform.verifyAsync(other, input, signature)).toBe(false);
      expect(await platform.verifyAsync(publicKey, input.subarray(1), signature)).toBe(false);
      const changed = Uint8Array.from(signature);
      changed[40] = (changed[40] as number) ^ 1;
      expect(await platform.verifyAsync(publicKey, input, changed)).toBe(false);
    },
  );

  test.each(ALGORITHMS)(
    'says false, and never rejects, to a %s signature of a wrong length or kind (A07)',
    async (alg) => {
      const { publicKey, sign } = await createSigner(generateOnNode(alg).privateJwk);
      const signature = await sign(input);
      const longer = Buffer.concat([signature, Buffer.of(0)]);
      for (const wrong of [
        new Uint8Array(0),
        signature.subarray(0, 63),
        longer,
        null,
        'x',
        undefined,
      ]) {
        expect(await platform.verifyAsync(publicKey, input, wrong as Uint8Array)).toBe(false);
      }
    },
  );

  test('says false, and does not reject, for a key that is on no curve', async () => {
    const key = importPublicKey(okp(hexOfInteger(yOffTheCurve())));
    const { sign } = await createSigner(generateOnNode().privateJwk);
    const signature = await sign(input);
    expect(await platform.verifyAsync(key, input, signature)).toBe(false);
    expect(await platform.verifyAsync(key, input, signature)).toBe(false);
  });
});

describe('webcrypto: generateKeyPair', () => {
  test('makes an extractable Ed25519 pair unless told otherwise, in the shape that Node gives', async () => {
    const { privateJwk, publicKey } = await generateKeyPair();
    const { d, ...rest } = privateJwk;
    expect(publicKey.alg).toBe('Ed25519');
    expect(isPublicKey(publicKey)).toBe(true);
    expect(rest).toEqual(publicKey.jwk);
    expect(Object.keys(privateJwk).sort()).toEqual(Object.keys(generateOnNode().privateJwk).sort());
    expect(Buffer.from(d, 'base64url').length).toBe(32);
  });

  test.each(ALGORITHMS)(
    'can keep the %s private key inside WebCrypto, and signs with it',
    async (alg) => {
      const { keyPair, publicKey } = await generateKeyPair(alg, { extractable: false });
      await expect(crypto.subtle.exportKey('jwk', keyPair.privateKey)).rejects.toThrow();
      const signer = await createSigner(keyPair);
      expect(signer.publicKey).toEqual(publicKey);
      expect(await platform.verifyAsync(publicKey, input, await signer.sign(input))).toBe(true);
    },
  );

  test('refuses another algorithm', async () => {
    const made = generateKeyPair('RS256' as 'ES256');
    await expect(made).rejects.toMatchObject(refusal('option_invalid'));
  });
});

describe('webcrypto: createSigner', () => {
  test.each(ALGORITHMS)(
    'takes a private JWK from Node; every backend verifies its %s signatures',
    async (alg) => {
      const { privateJwk, publicKey } = generateOnNode(alg);
      const signer = await createSigner(privateJwk);
      expect(signer.publicKey).toEqual(publicKey);
      const signature = await signer.sign(input);
      for (const backend of backends) {
        expect(await backend.verifyAsync(publicKey, input, signature), backend.name).toBe(true);
      }
    },
  );

  test('makes ES256 signatures in the accepted form only (A08)', async () => {
    const { sign } = await createSigner(generateOnNode('ES256').privateJwk);
    for (let i = 0; i < 64; i++) {
      expect(precheckSignature('ES256', await sign(Buffer.of(i)))).toBe(undefined);
    }
  });

  test.each(ALGORITHMS)(
    'refuses a %s JWK whose halves do not belong together (A09)',
    async (alg) => {
      const [one, other] = [generateOnNode(alg).privateJwk, generateOnNode(alg).privateJwk];
      for (const jwk of [
        { ...one, d: other.d },
        { ...other, d: one.d },
      ]) {
        await expect(createSigner(jwk)).rejects.toMatchObject(refusal('key_invalid'));
      }
    },
  );

  test.each(ALGORITHMS)(
    'refuses a %s key pair whose halves do not belong together (A09)',
    async (alg) => {
      const one = await generateKeyPair(alg, { extractable: false });
      const other = await generateKeyPair(alg, { extractable: false });
      const { privateKey } = one.keyPair;
      const { publicKey } = other.keyPair;
      await expect(createSigner({ privateKey, publicKey })).rejects.toMatchObject(
        refusal('key_invalid'),
      );
    },
  );

  test('refuses a key pair for another algorithm, or whose public half cannot be read', async () => {
    const p384 = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, [
      'sign',
      'verify',
    ]);
    await expect(createSigner(p384)).rejects.toMatchObject(refusal('key_invalid'));
    const { keyPair } = await generateKeyPair('Ed25519', { extractable: false });
    const exported = await crypto.subtle.exportKey('raw', keyPair.publicKey);
    const sealed = await crypto.subtle.importKey('raw', exported, 'Ed25519', false, ['verify']);
    const pair = { privateKey: keyPair.privateKey, publicKey: sealed };
    await expect(createSigner(pair)).rejects.toMatchObject(refusal('key_invalid'));
  });

  test.each<[string, Record<string, unknown>]>([
    ['no d', { d: undefined }],
    ['key_ops without sign', { key_ops: ['verify'] }],
    ['use enc (B17)', { use: 'enc' }],
    ['another curve (B18)', { crv: 'X25519' }],
  ])('refuses a JWK with %s', async (_, members) => {
    const made = createSigner({ ...generateOnNode().privateJwk, ...members });
    await expect(made).rejects.toMatchObject(refusal('key_invalid'));
  });

  test.each([undefined, null, 'key', []])('refuses %j', async (value) => {
    await expect(createSigner(value)).rejects.toMatchObject(refusal('key_invalid'));
  });

  test('imports a JWK so that WebCrypto will not give the private key out again', async () => {
    const importKey = vi.spyOn(crypto.subtle, 'importKey');
    await createSigner(generateOnNode().privateJwk);
    const imported = await Promise.all(importKey.mock.results.map(({ value }) => value));
    importKey.mockRestore();
    const privateKeys = (imported as CryptoKey[]).filter(({ type }) => type === 'private');
    expect(privateKeys.map(({ extractable }) => extractable)).toEqual([false]);
  });

  test('shows nothing private when it is inspected or serialized', async () => {
    const { privateJwk } = generateOnNode();
    const signer = await createSigner(privateJwk);
    const shown = inspect(signer, { showHidden: true, depth: 20 }) + JSON.stringify(signer);
    expect(shown).not.toContain(privateJwk.d);
    expect(Reflect.ownKeys(signer).sort()).toEqual(['publicKey', 'sign']);
  });

  test('rejects with signing_failed for what is not bytes', async () => {
    const { sign } = await createSigner(generateOnNode().privateJwk);
    await expect(sign(undefined as unknown as Uint8Array)).rejects.toMatchObject({
      code: 'signing_failed',
    });
  });
});

test('with the browser condition, keys, signatures and signers run without any module of Node', async () => {
  const preload = `
    import { registerHooks } from 'node:module';
    registerHooks({
      resolve(specifier, context, next) {
        const resolved = next(specifier, context);
        if (resolved.url.startsWith('node:') || resolved.url.includes('/node_modules/')) {
          throw new Error('not for browsers: ' + specifier);
        }
        return resolved;
      },
    });`;
  const at = (file: string) => JSON.stringify(new URL(`../src/${file}`, import.meta.url));
  const source = `
    const { platform } = await import(${at('crypto/browser.ts')});
    const { createSigner, generateKeyPair } = await import(${at('crypto/browser.ts')});
    const { importPublicKey } = await import(${at('key.ts')});
    const { precheckSignature } = await import(${at('signature.ts')});
    delete globalThis.Buffer;
    for (const alg of ['Ed25519', 'ES256']) {
      const { privateJwk } = await generateKeyPair(alg);
      const { publicKey, sign } = await createSigner(privateJwk);
      const signature = await sign(Uint8Array.of(1));
      const key = importPublicKey({ ...publicKey.jwk });
      console.log(
        key.alg,
        precheckSignature(alg, signature),
        await platform.verifyAsync(key, Uint8Array.of(1), signature),
        await platform.verifyAsync(key, Uint8Array.of(2), signature),
      );
    }`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=@taper/source',
    '--conditions=browser',
    `--import=data:text/javascript,${encodeURIComponent(preload)}`,
    '--input-type=module',
    `--eval=${source}`,
  ]);
  expect(stdout.trim().split('\n')).toEqual([
    'Ed25519 undefined true false',
    'ES256 undefined true false',
  ]);
});
