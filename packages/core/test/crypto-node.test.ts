import { Buffer } from 'node:buffer';
import { execFile } from 'node:child_process';
import { createHash, createPrivateKey, sign as signBytes } from 'node:crypto';
import { inspect, promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createSigner,
  generateKeyPair,
  nodePlatform,
  platform,
  sodiumPlatform,
} from '../src/crypto/node.ts';
import type { PlatformCrypto, SignatureVerifier } from '../src/crypto/port.ts';
import { TaperError } from '../src/error.ts';
import { importPublicKey, isPublicKey } from '../src/key.ts';
import type { PrivateJwk } from '../src/private-key.ts';
import { precheckSignature } from '../src/signature.ts';
import { hexOfInteger, yOffTheCurve } from './edwards-points.ts';
import { backends, okp } from './signature-verdict.ts';

const ALGORITHMS = ['Ed25519', 'ES256'] as const;
const NODE_BACKENDS = [sodiumPlatform, nodePlatform] as PlatformCrypto[];
const input = Buffer.from('some signing input');

function thrownBy(action: () => unknown): TaperError {
  try {
    action();
  } catch (error) {
    if (error instanceof TaperError) return error;
    throw error;
  }
  throw new Error('nothing thrown');
}

describe('which implementation answers', () => {
  test('sodium-native when it loads', () => {
    expect(sodiumPlatform?.name).toBe('sodium-native');
    expect(platform).toBe(sodiumPlatform);
    expect(nodePlatform.name).toBe('node:crypto');
  });

  /** Runs the module in a process where requiring sodium-native gives what `replacement` evaluates to. */
  async function namesWith(replacement: string): Promise<string> {
    const preload = `
      import { Module, createRequire } from 'node:module';
      const real = createRequire(${JSON.stringify(import.meta.url)})('sodium-native');
      const load = Module._load;
      Module._load = function (request, ...rest) {
        return request === 'sodium-native' ? ${replacement} : load.call(this, request, ...rest);
      };`;
    const source = `
      const { platform, sodiumPlatform } = await import(${JSON.stringify(new URL('../src/crypto/node.ts', import.meta.url))});
      console.log(platform.name, sodiumPlatform?.name);`;
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--conditions=@taper/source',
      `--import=data:text/javascript,${encodeURIComponent(preload)}`,
      '--input-type=module',
      `--eval=${source}`,
    ]);
    return stdout.trim();
  }

  const verdictIs = (body: string) =>
    `{ crypto_sign_verify_detached: (signature, message, key) => ${body} }`;

  test.each<[string, string]>([
    ['does not load', '(() => { throw new Error("no prebuild") })()'],
    ['has no such function', '{}'],
    ['says yes to everything', verdictIs('true')],
    ['says no to everything', verdictIs('false')],
    [
      'answers with a truthy number',
      verdictIs('real.crypto_sign_verify_detached(signature, message, key) ? 1 : 0'),
    ],
    [
      'ignores the message',
      verdictIs('real.crypto_sign_verify_detached(signature, Buffer.of(0x72), key)'),
    ],
    ['throws', verdictIs('{ throw new Error("broken") }')],
  ])('node:crypto when sodium-native %s', async (_, replacement) => {
    expect(await namesWith(replacement)).toBe('node:crypto undefined');
  });

  test('sodium-native in the same set-up when it is the real one', async () => {
    expect(await namesWith('real')).toBe('sodium-native sodium-native');
  });
});

describe.each(NODE_BACKENDS)('$name: verify', ({ verify: maybe, verifyAsync }) => {
  const verify = maybe as SignatureVerifier;

  test.each(ALGORITHMS)(
    'accepts a %s signature over exactly its input under exactly its key',
    async (alg) => {
      const { publicKey, sign } = createSigner(generateKeyPair(alg).privateJwk);
      const signature = Buffer.from(await sign(input));
      const other = generateKeyPair(alg).publicKey;
      expect(verify(publicKey, input, signature)).toBe(true);
      expect(await verifyAsync(publicKey, input, signature)).toBe(true);
      expect(verify(other, input, signature)).toBe(false);
      expect(await verifyAsync(other, input, signature)).toBe(false);
      expect(verify(publicKey, Buffer.concat([input, Buffer.of(0)]), signature)).toBe(false);
      for (let bit = 0; bit < 512; bit += 37) {
        const changed = Buffer.from(signature);
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(verify(publicKey, input, changed)).toBe(false);
      }
    },
  );

  test.each(ALGORITHMS)(
    'verifies %s over no bytes, over a view, and over a megabyte',
    async (alg) => {
      const { publicKey, sign } = createSigner(generateKeyPair(alg).privateJwk);
      const megabyte = new Uint8Array(1_000_000).fill(7);
      for (const bytes of [new Uint8Array(0), megabyte.subarray(3, 90), megabyte]) {
        const signature = await sign(bytes);
        expect(verify(publicKey, bytes, signature)).toBe(true);
        const inside = new Uint8Array(80);
        inside.set(signature, 9);
        expect(verify(publicKey, Uint8Array.from(bytes), inside.subarray(9, 73))).toBe(true);
      }
    },
  );

  test.each(ALGORITHMS)(
    'says false, and never throws, to a %s signature of a wrong length or kind (A07)',
    async (alg) => {
      const { publicKey, sign } = createSigner(generateKeyPair(alg).privateJwk);
      const signature = await sign(input);
      const longer = Buffer.concat([signature, Buffer.of(0)]);
      for (const wrong of [
        new Uint8Array(0),
        signature.subarray(0, 63),
        longer,
        null,
        'x',
        [...signature],
      ]) {
        expect(verify(publicKey, input, wrong as Uint8Array)).toBe(false);
      }
      expect(verify(publicKey, undefined as unknown as Uint8Array, signature)).toBe(false);
    },
  );

  test('says false, and does not throw, for a key that is on no curve', async () => {
    const key = importPublicKey(okp(hexOfInteger(yOffTheCurve())));
    const signature = await createSigner(generateKeyPair().privateJwk).sign(input);
    expect(verify(key, input, signature)).toBe(false);
  });
});

test.each(ALGORITHMS)('every backend verifies what the Node signer makes (%s)', async (alg) => {
  const { publicKey, sign } = createSigner(generateKeyPair(alg).privateJwk);
  const signature = await sign(input);
  for (const backend of backends) {
    expect(await backend.verifyAsync(publicKey, input, signature), backend.name).toBe(true);
  }
});

test.each(backends)(
  '$name: writing into the raw bytes of a key changes no verdict',
  async (backend) => {
    for (const alg of ALGORITHMS) {
      const { publicKey, sign } = createSigner(generateKeyPair(alg).privateJwk);
      const signature = await sign(input);
      const before = Buffer.from(publicKey.raw);
      publicKey.raw.fill(0);
      expect(Buffer.from(publicKey.raw)).toEqual(before);
      expect(await backend.verifyAsync(publicKey, input, signature)).toBe(true);
      expect(await backend.verifyAsync(publicKey, Buffer.of(0), signature)).toBe(false);
    }
  },
);

describe.each(backends)('$name: bytes and text', (backend) => {
  test('SHA-256 of "abc" is that of FIPS 180-4, and any other that of OpenSSL, in base64url', () => {
    expect(backend.sha256(Buffer.from('abc'))).toBe(
      Buffer.from(
        'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
        'hex',
      ).toString('base64url'),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const expected = createHash('sha256').update(bytes).digest('base64url');
        expect(backend.sha256(bytes)).toBe(expected);
      }),
    );
  });

  test('base64url goes there and back without padding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = backend.encodeBase64url(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64url'));
        const decoded = backend.decodeBase64url(text);
        expect(decoded && Uint8Array.from(decoded)).toEqual(bytes);
      }),
    );
  });

  test.each(['AA', 'AAA', 'AAAA', '_-_-', '', 'AQ'])('decodes %j', (text) => {
    const decoded = backend.decodeBase64url(text) as Uint8Array;
    expect(Buffer.from(decoded).toString('base64url')).toBe(text);
  });

  test.each([
    ['non-zero trailing bits (C01)', 'AR'],
    ['non-zero trailing bits of three (C01)', 'AAB'],
    ['padding (C02)', 'AQ=='],
    ['a space (C02)', 'A Q'],
    ['a line feed at the end (C02)', 'AAAA\n'],
    ['plain base64 (C02)', '+/+/'],
    ['one character', 'A'],
    ['five characters', 'AAAAA'],
    ['a character beyond Latin-1', 'AAA\u0141'],
    ['NUL', 'AAA\0'],
  ])('decodes no text with %s', (_, text) => {
    expect(backend.decodeBase64url(text)).toBe(undefined);
  });

  test('a view is read from where it begins to where it ends', () => {
    const view = Buffer.from('xxabcxx').subarray(2, 5);
    expect(backend.encodeBase64url(view)).toBe('YWJj');
    expect(backend.decodeUtf8(view)).toBe('abc');
    expect(backend.sha256(view)).toBe(backend.sha256(Buffer.from('abc')));
  });

  test('ASCII text becomes its bytes', () => {
    expect([...backend.asciiBytes('aZ09-_.\u007f')]).toEqual([97, 90, 48, 57, 45, 95, 46, 127]);
    expect(backend.asciiBytes('').length).toBe(0);
  });

  test('UTF-8 becomes its text, a byte order mark and NUL included', () => {
    expect(backend.decodeUtf8(Buffer.from('efbbbf7b7d', 'hex'))).toBe('\ufeff{}');
    expect(backend.decodeUtf8(Buffer.from('a\0b'))).toBe('a\0b');
    expect(backend.decodeUtf8(new Uint8Array(0))).toBe('');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(backend.decodeUtf8(new TextEncoder().encode(text))).toBe(text);
      }),
    );
  });

  test.each([
    ['a lone continuation byte', '80'],
    ['an overlong form', 'c080'],
    ['a surrogate', 'eda080'],
    ['beyond U+10FFFF', 'f4908080'],
    ['a sequence cut short', '61e282'],
    ['Latin-1', '63e9'],
  ])('%s is not UTF-8 (C08)', (_, hex) => {
    expect(backend.decodeUtf8(Buffer.from(hex, 'hex'))).toBe(undefined);
  });
});

describe('generateKeyPair', () => {
  test('makes an Ed25519 pair unless told otherwise, new each time', () => {
    const [first, second] = [generateKeyPair(), generateKeyPair()];
    expect(first.publicKey.alg).toBe('Ed25519');
    expect(first.publicKey.thumbprint).not.toBe(second.publicKey.thumbprint);
    expect(generateKeyPair('ES256').publicKey.alg).toBe('ES256');
  });

  test.each(ALGORITHMS)(
    'gives the required private members and a checked public key (%s)',
    (alg) => {
      const { privateJwk, publicKey } = generateKeyPair(alg);
      const { d, ...rest } = privateJwk;
      expect(isPublicKey(publicKey)).toBe(true);
      expect(rest).toEqual(publicKey.jwk);
      expect(Buffer.from(d, 'base64url').length).toBe(32);
    },
  );

  test('refuses another algorithm', () => {
    expect(thrownBy(() => generateKeyPair('RS256' as 'ES256')).code).toBe('option_invalid');
  });
});

/** Another text that a lenient decoder takes for the same 32 bytes: the last of 43 characters carries 2 bits that count for nothing. */
function withTrailingBit(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return text.slice(0, -1) + alphabet[alphabet.indexOf(text.slice(-1)) + 1];
}

describe('createSigner', () => {
  test('signs what RFC 8032 section 7.1 test 3 signs', async () => {
    const { sign } = createSigner({
      ...okp('fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025'),
      d: Buffer.from(
        'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
        'hex',
      ).toString('base64url'),
    });
    expect(Buffer.from(await sign(Buffer.from('af82', 'hex'))).toString('hex')).toBe(
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac' +
        '18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    );
  });

  test('makes ES256 signatures in the accepted form only (A08)', async () => {
    const { sign } = createSigner(generateKeyPair('ES256').privateJwk);
    for (let i = 0; i < 64; i++) {
      expect(precheckSignature('ES256', await sign(Buffer.of(i)))).toBe(undefined);
    }
  });

  test('accepts a JWK that says it is for signing', () => {
    const { privateJwk, publicKey } = generateKeyPair('ES256');
    const jwk = { ...privateJwk, use: 'sig', key_ops: ['sign'], alg: 'ES256', kid: 'k', ext: true };
    expect(createSigner(jwk).publicKey).toEqual(publicKey);
  });

  const wrong: [string, (jwk: PrivateJwk, other: PrivateJwk) => unknown][] = [
    ['d of another key', (jwk, other) => ({ ...jwk, d: other.d })],
    ['the public half of another key (A09)', (jwk, other) => ({ ...other, d: jwk.d })],
    ['no d', ({ d: _, ...jwk }) => jwk],
    ['d that is padded', (jwk) => ({ ...jwk, d: `${jwk.d}=` })],
    ['d with non-zero trailing bits', (jwk) => ({ ...jwk, d: withTrailingBit(jwk.d) })],
    ['d of 33 bytes', (jwk) => ({ ...jwk, d: Buffer.alloc(33, 1).toString('base64url') })],
    ['d of 31 bytes', (jwk) => ({ ...jwk, d: Buffer.alloc(31, 1).toString('base64url') })],
    ['d that is zero', (jwk) => ({ ...jwk, d: Buffer.alloc(32).toString('base64url') })],
    ['d that is all ones', (jwk) => ({ ...jwk, d: Buffer.alloc(32, 255).toString('base64url') })],
    ['key_ops without sign', (jwk) => ({ ...jwk, key_ops: ['verify'] })],
    ['key_ops that are no array', (jwk) => ({ ...jwk, key_ops: 'sign' })],
    ['use enc (B17)', (jwk) => ({ ...jwk, use: 'enc' })],
    ['alg of another algorithm', (jwk) => ({ ...jwk, alg: 'RS256' })],
    ['another curve (B18)', (jwk) => ({ ...jwk, crv: 'X25519' })],
    ['nothing', () => undefined],
    ['text', (jwk) => JSON.stringify(jwk)],
    ['an array', (jwk) => [jwk]],
  ];
  describe.each(ALGORITHMS)('refuses, for %s, with a hint and without showing d', (alg) => {
    test.each(wrong)('%s', (_, spoil) => {
      const { privateJwk } = generateKeyPair(alg);
      const other = generateKeyPair(alg).privateJwk;
      const error = thrownBy(() => createSigner(spoil(privateJwk, other)));
      expect(error.code).toBe('key_invalid');
      expect(error.hint).toBeTypeOf('string');
      const shown = inspect(error, { showHidden: true, depth: 20 });
      expect(shown).not.toContain(privateJwk.d);
      expect(shown).not.toContain(other.d);
    });
  });

  test('refuses a P-256 d that is the order of the group or more', () => {
    const { privateJwk } = generateKeyPair('ES256');
    const order = Buffer.from(
      'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
      'hex',
    );
    const error = thrownBy(() => createSigner({ ...privateJwk, d: order.toString('base64url') }));
    expect(error.code).toBe('key_invalid');
  });

  test('refuses a P-256 d with the negative of its point, which has the same x', () => {
    const { privateJwk } = generateKeyPair('ES256');
    if (privateJwk.kty !== 'EC') throw new Error('not P-256');
    const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
    const y = BigInt(`0x${Buffer.from(privateJwk.y, 'base64url').toString('hex')}`);
    const negative = Buffer.from((p - y).toString(16).padStart(64, '0'), 'hex');
    const jwk = { ...privateJwk, y: negative.toString('base64url') };
    expect(thrownBy(() => createSigner(jwk)).code).toBe('key_invalid');
  });

  test('refuses a weak public half as weak (A02)', () => {
    const { privateJwk } = generateKeyPair();
    const error = thrownBy(() => createSigner({ ...privateJwk, ...okp(`01${'00'.repeat(31)}`) }));
    expect(error.code).toBe('key_weak');
  });

  test.each(ALGORITHMS)(
    'shows nothing private when it is inspected, spread or serialized (%s)',
    (alg) => {
      const { privateJwk, publicKey } = generateKeyPair(alg);
      const signer = createSigner(privateJwk);
      const secret = Buffer.from(privateJwk.d, 'base64url');
      const shown = [
        inspect(signer, { showHidden: true, depth: 20, getters: true }),
        inspect(signer.sign, { showHidden: true, depth: 20 }),
        JSON.stringify({ ...signer }),
        String(signer.sign),
      ].join('\n');
      expect(shown).not.toContain(privateJwk.d);
      expect(shown).not.toContain(secret.toString('hex'));
      expect(shown).not.toContain([...secret].join(', '));
      expect(Reflect.ownKeys(signer).sort()).toEqual(['publicKey', 'sign']);
      expect(JSON.stringify(signer)).toContain(publicKey.thumbprint);
    },
  );

  test('signs under no other key than its own: the public key is no argument (A09)', async () => {
    const { publicKey, sign } = createSigner(generateKeyPair().privateJwk);
    expect(sign.length).toBe(1);
    const other = generateKeyPair().publicKey;
    const meddled = (sign as (...parts: unknown[]) => Uint8Array)(input, other, other.raw);
    expect(nodePlatform.verify?.(publicKey, input, meddled)).toBe(true);
    expect(nodePlatform.verify?.(other, input, meddled)).toBe(false);
  });

  test('keeps signing with its key when the JWK it came from is changed', async () => {
    const privateJwk: Record<string, unknown> = { ...generateKeyPair().privateJwk };
    const { publicKey, sign } = createSigner(privateJwk);
    for (const member of Object.keys(privateJwk)) privateJwk[member] = 'changed';
    expect(nodePlatform.verify?.(publicKey, input, await sign(input))).toBe(true);
  });

  test('makes the one signature that RFC 8032 has for key and message, whatever backend signs', async () => {
    const { privateJwk } = generateKeyPair();
    const { sign } = createSigner(privateJwk);
    const openSsl = createPrivateKey({ key: { ...privateJwk }, format: 'jwk' });
    for (const message of [new Uint8Array(0), input, new Uint8Array(100_000).fill(7)])
      expect(Buffer.from(await sign(message))).toEqual(signBytes(null, message, openSsl));
  });

  test('throws signing_failed for what is not bytes', () => {
    const { sign } = createSigner(generateKeyPair().privateJwk);
    expect(thrownBy(() => sign(undefined as unknown as Uint8Array)).code).toBe('signing_failed');
  });
});
