import { Buffer } from 'node:buffer';
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { generateKeyPair } from '../src/crypto/node.ts';
import { TaperError } from '../src/error.ts';
import { canonicalize } from '../src/jcs.ts';
import type { JsonObject } from '../src/json.ts';
import {
  importPublicKey,
  isPublicKey,
  isWellKnownTestKey,
  type PublicKey,
  readPublicKey,
} from '../src/key.ts';
import { hexOfInteger, smallOrderEncodings, yOffTheCurve } from './edwards-points.ts';
import { okp } from './signature-verdict.ts';

// RFC 8037 appendix A.2 and A.3
const RFC8037 = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };
const RFC8037_D = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A';
const RFC8037_THUMBPRINT = 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k';

// RFC 9449 section 4.1; its thumbprint stands in section 6.1
const RFC9449 = {
  kty: 'EC',
  crv: 'P-256',
  x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
  y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA',
};
const RFC9449_THUMBPRINT = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I';

function read(jwk: JsonObject): PublicKey {
  const key = readPublicKey(jwk);
  if (typeof key === 'string') throw new Error(`read as ${key}`);
  return key;
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof TaperError && error.hint !== undefined) return error.code;
    throw error;
  }
  return 'nothing thrown';
}

describe('what a key is read into', () => {
  test('Ed25519: the algorithm, the required members, 32 raw bytes, the RFC 7638 thumbprint and its RFC 9278 URI', () => {
    const key = read(RFC8037);
    expect(key.alg).toBe('Ed25519');
    expect(key.jwk).toEqual(RFC8037);
    expect(Buffer.from(key.raw).toString('base64url')).toBe(RFC8037.x);
    expect(key.thumbprint).toBe(RFC8037_THUMBPRINT);
    expect(key.thumbprintUri).toBe(
      `urn:ietf:params:oauth:jwk-thumbprint:sha-256:${RFC8037_THUMBPRINT}`,
    );
  });

  test('P-256: the same, with 65 raw bytes 04 || x || y', () => {
    const key = read(RFC9449);
    expect(key.alg).toBe('ES256');
    expect(key.jwk).toEqual(RFC9449);
    expect(Buffer.from(key.raw)).toEqual(
      Buffer.concat([
        Buffer.of(4),
        Buffer.from(RFC9449.x, 'base64url'),
        Buffer.from(RFC9449.y, 'base64url'),
      ]),
    );
    expect(key.thumbprint).toBe(RFC9449_THUMBPRINT);
  });

  test.each(['Ed25519', 'ES256'] as const)(
    'the thumbprint is the SHA-256 of the JCS form of the required members (%s)',
    (alg) => {
      const { publicKey } = generateKeyPair(alg);
      const hashed = createHash('sha256').update(canonicalize(publicKey.jwk)).digest('base64url');
      expect(publicKey.thumbprint).toBe(hashed);
    },
  );

  test('drops members that are not required, without letting them change the thumbprint', () => {
    const key = read({ ...RFC8037, kid: 'k1', x5c: ['AA=='], ext: true, y: 'not a coordinate' });
    expect(key.jwk).toEqual(RFC8037);
    expect(key.thumbprint).toBe(RFC8037_THUMBPRINT);
  });

  test('is frozen, with its JWK', () => {
    const key = read(RFC8037);
    expect(Object.isFrozen(key)).toBe(true);
    expect(Object.isFrozen(key.jwk)).toBe(true);
  });
});

describe('members that say what a key is for (B17)', () => {
  test.each<[string, JsonObject]>([
    ['use sig', { use: 'sig' }],
    ['key_ops with verify', { key_ops: ['sign', 'verify'] }],
    ['alg Ed25519', { alg: 'Ed25519' }],
  ])('accepts %s', (_, members) => {
    expect(read({ ...RFC8037, ...members }).thumbprint).toBe(RFC8037_THUMBPRINT);
  });

  test.each<[string, JsonObject]>([
    ['use enc', { use: 'enc' }],
    ['use null', { use: null }],
    ['key_ops without verify', { key_ops: ['sign'] }],
    ['empty key_ops', { key_ops: [] }],
    ['key_ops that are no array', { key_ops: 'verify' }],
    ['alg EdDSA', { alg: 'EdDSA' }],
    ['alg of the other algorithm', { alg: 'ES256' }],
    ['alg none', { alg: 'none' }],
  ])('refuses %s as unsupported', (_, members) => {
    expect(readPublicKey({ ...RFC8037, ...members })).toBe('unsupported');
  });

  test('refuses them for a key that has just been read without them', () => {
    read(RFC9449);
    expect(readPublicKey({ ...RFC9449, use: 'enc' })).toBe('unsupported');
    expect(readPublicKey({ ...RFC9449, alg: 'ES384' })).toBe('unsupported');
    expect(read({ ...RFC9449, alg: 'ES256' }).thumbprint).toBe(RFC9449_THUMBPRINT);
  });
});

describe('private and secret members (B17)', () => {
  test.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'])(
    'refuses a key with %s as private, whatever its kty and whatever the value',
    (member) => {
      for (const kty of ['OKP', 'EC', 'RSA', 'oct', 'AKP']) {
        expect(readPublicKey({ ...RFC8037, kty, [member]: '' })).toBe('private');
      }
      expect(readPublicKey({ ...RFC8037, [member]: null })).toBe('private');
    },
  );

  test('takes a member of another name or case for what it is: not required', () => {
    expect(read({ ...RFC8037, D: 'x', private: 'x' }).thumbprint).toBe(RFC8037_THUMBPRINT);
  });
});

describe('kinds of key (B18)', () => {
  test.each<[string, JsonObject]>([
    ['X25519', { kty: 'OKP', crv: 'X25519', x: RFC8037.x }],
    ['Ed448', { kty: 'OKP', crv: 'Ed448', x: RFC8037.x }],
    ['P-384', { ...RFC9449, crv: 'P-384' }],
    ['secp256k1', { ...RFC9449, crv: 'secp256k1' }],
    ['Ed25519 labelled EC', { ...RFC8037, kty: 'EC' }],
    ['P-256 labelled OKP', { ...RFC9449, kty: 'OKP' }],
    ['RSA', { kty: 'RSA', n: 'AQAB', e: 'AQAB' }],
    ['a secret key without its secret', { kty: 'oct' }],
    ['ML-DSA', { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA' }],
    ['kty in another case', { ...RFC8037, kty: 'okp' }],
    ['crv in another case', { ...RFC8037, crv: 'ed25519' }],
  ])('refuses %s as unsupported', (_, jwk) => {
    expect(readPublicKey(jwk)).toBe('unsupported');
  });

  test.each([undefined, null, true, 1, 'key', [], [RFC8037], {}, { kty: ['OKP'] }, { kty: 'OKP' }])(
    'refuses %j as malformed, without throwing',
    (value) => {
      expect(readPublicKey(value as JsonObject)).toBe('malformed');
    },
  );
});

describe('coordinates', () => {
  test.each<[string, unknown]>([
    ['missing', undefined],
    ['empty', ''],
    ['31 bytes', Buffer.alloc(31, 1).toString('base64url')],
    ['33 bytes', Buffer.alloc(33, 1).toString('base64url')],
    ['padded', `${RFC8037.x}=`],
    ['plain base64', RFC8037.x.replace('_', '/')],
    ['with non-zero trailing bits', `${RFC8037.x.slice(0, -1)}p`],
    ['with a line feed', `${RFC8037.x.slice(0, -1)}\n`],
    ['an array of the text', [RFC8037.x]],
    ['hex', Buffer.from(RFC8037.x, 'base64url').toString('hex')],
  ])('refuses x that is %s as malformed', (_, x) => {
    expect(readPublicKey({ ...RFC8037, x } as JsonObject)).toBe('malformed');
    expect(readPublicKey({ ...RFC9449, x } as JsonObject)).toBe('malformed');
    expect(readPublicKey({ ...RFC9449, y: x } as JsonObject)).toBe('malformed');
  });
});

describe('Ed25519 points', () => {
  const { canonical, others } = smallOrderEncodings();

  test('there are 8 small-order points, with 6 more encodings', () => {
    expect([canonical.size, others.size]).toEqual([8, 6]);
  });

  test.each([...canonical, ...others])(
    'refuses the small-order point %s as weak (A02, A03)',
    (hex) => {
      expect(readPublicKey(okp(hex))).toBe('weak');
    },
  );

  test('refuses every y from p up, with either sign, as weak (A04)', () => {
    const p = 2n ** 255n - 19n;
    for (let y = p; y < 2n ** 255n; y++) {
      expect(readPublicKey(okp(hexOfInteger(y)))).toBe('weak');
      expect(readPublicKey(okp(hexOfInteger(y | (1n << 255n))))).toBe('weak');
    }
    expect(read(okp(hexOfInteger(p - 2n))).alg).toBe('Ed25519');
    expect(read(okp(hexOfInteger(2n ** 255n - 257n))).alg).toBe('Ed25519');
  });

  test('reads the neighbours of small-order points', () => {
    for (const hex of canonical) {
      const bytes = Buffer.from(hex, 'hex');
      bytes[16] = (bytes[16] as number) ^ 1;
      expect(read(okp(bytes.toString('hex'))).alg).toBe('Ed25519');
    }
  });

  test('reads a y that is on no curve: nothing verifies under it, and the check would cost more than a signature', () => {
    expect(read(okp(hexOfInteger(yOffTheCurve()))).alg).toBe('Ed25519');
  });
});

describe('P-256 points (B18)', () => {
  const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
  const base64url = (value: bigint) =>
    Buffer.from(value.toString(16).padStart(64, '0'), 'hex').toString('base64url');
  const integer = (text: string) => BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`);

  test('tells a point and its negative apart, though they share x', () => {
    const negative = { ...RFC9449, y: base64url(P - integer(RFC9449.y)) };
    const [first, second] = [read(RFC9449), read(negative)];
    expect(second.jwk).toEqual(negative);
    expect(second.thumbprint).not.toBe(first.thumbprint);
    expect(read(RFC9449).thumbprint).toBe(first.thumbprint);
  });

  test.each<[string, JsonObject]>([
    ['off the curve by one', { ...RFC9449, y: base64url(integer(RFC9449.y) + 1n) }],
    ['with x and y exchanged', { ...RFC9449, x: RFC9449.y, y: RFC9449.x }],
    [
      'all zero, as infinity is sometimes written',
      { ...RFC9449, x: base64url(0n), y: base64url(0n) },
    ],
  ])('refuses a point %s as malformed', (_, jwk) => {
    expect(readPublicKey(jwk)).toBe('malformed');
  });

  test('refuses a coordinate that is not reduced, which would give a point a second thumbprint (A04)', () => {
    // the points with x = 0 and x = 5 have coordinates that still fit into 32 bytes with p added
    for (const x of [0n, 5n]) {
      const square =
        ((((x * x - 3n) * x + 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn) %
          P) +
          P) %
        P;
      const y = modularPower(square, (P + 1n) / 4n, P);
      expect((y * y) % P).toBe(square);
      expect(read({ ...RFC9449, x: base64url(x), y: base64url(y) }).alg).toBe('ES256');
      expect(readPublicKey({ ...RFC9449, x: base64url(x + P), y: base64url(y) })).toBe('malformed');
    }
  });
});

function modularPower(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

describe('importPublicKey', () => {
  test('returns what readPublicKey reads', () => {
    expect(importPublicKey(RFC8037).thumbprint).toBe(RFC8037_THUMBPRINT);
  });

  test.each<[string, unknown, string]>([
    ['a weak key (A02)', okp(`01${'00'.repeat(31)}`), 'key_weak'],
    ['a private key', { ...RFC8037, d: RFC8037_D }, 'key_invalid'],
    ['an unsupported key', { ...RFC8037, crv: 'X25519' }, 'key_invalid'],
    ['a malformed key', { ...RFC8037, x: 'AA' }, 'key_invalid'],
    ['no key', undefined, 'key_invalid'],
  ])('throws for %s, with a hint', (_, jwk, code) => {
    expect(codeOf(() => importPublicKey(jwk))).toBe(code);
  });
});

describe('isPublicKey', () => {
  test('knows what was read and what was imported', () => {
    expect(isPublicKey(readPublicKey(RFC8037))).toBe(true);
    expect(isPublicKey(importPublicKey(RFC9449))).toBe(true);
  });

  test('is not taken in by look-alikes', () => {
    const key = read(RFC8037);
    const Forger = key.constructor as new (...parts: unknown[]) => unknown;
    for (const other of [
      undefined,
      null,
      'key',
      RFC8037,
      { ...key },
      Object.create(key),
      structuredClone({ ...key }),
      new Proxy(key, {}),
      new Forger(key.alg, { ...RFC8037 }, key.raw, 'forged'),
    ]) {
      expect(isPublicKey(other)).toBe(false);
    }
  });
});

describe('the cache of keys', () => {
  test('gives a key that was read before, for equal members', () => {
    expect(read({ ...RFC8037, kid: 'a' })).toBe(read({ ...RFC8037, kid: 'b' }));
  });

  test('does not take an Ed25519 key for the P-256 key with the same x', () => {
    const p256 = read(RFC9449);
    const ed25519 = read({ kty: 'OKP', crv: 'Ed25519', x: RFC9449.x });
    expect([p256.alg, ed25519.alg]).toEqual(['ES256', 'Ed25519']);
    expect(read(RFC9449).alg).toBe('ES256');
  });

  test('is bounded: a key that is not used is dropped, one that is used stays', () => {
    const dropped = read(RFC9449);
    const kept = read(RFC8037);
    for (let i = 0; i < 5000; i++) {
      read(okp(hexOfInteger(2n ** 200n + BigInt(i))));
      if (i % 1000 === 0) read(RFC8037);
    }
    expect(read(RFC8037)).toBe(kept);
    expect(read(RFC9449)).not.toBe(dropped);
    expect(read(RFC9449).thumbprint).toBe(dropped.thumbprint);
  });

  test('holds no refusal', () => {
    const weak = okp(`01${'00'.repeat(31)}`);
    expect([readPublicKey(weak), readPublicKey(weak)]).toEqual(['weak', 'weak']);
  });
});

describe('isWellKnownTestKey (A16)', () => {
  const seed = (hex: string) => ({
    key: Buffer.concat([
      Buffer.from('302e020100300506032b657004220420', 'hex'),
      Buffer.from(hex, 'hex'),
    ]),
    format: 'der' as const,
    type: 'pkcs8' as const,
  });
  const scalar = (x: string, y: string, d: string) => ({
    key: { kty: 'EC', crv: 'P-256', x, y, d },
    format: 'jwk' as const,
  });

  test.each<[string, Parameters<typeof createPrivateKey>[0]]>([
    ['RFC 8032 test 1', seed('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60')],
    ['RFC 8032 test 2', seed('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb')],
    ['RFC 8032 test 3', seed('c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7')],
    [
      'RFC 8032 test 1024',
      seed('f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5'),
    ],
    ['RFC 8032 SHA(abc)', seed('833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42')],
    [
      'RFC 9421 test-key-ed25519',
      seed('9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5'),
    ],
    [
      'the note key PeterNeumann',
      seed('810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173'),
    ],
    ...['00', '01', '02', '03', '04', 'ff'].map((byte): [string, ReturnType<typeof seed>] => [
      `the seed of 32 bytes ${byte}`,
      seed(byte.repeat(32)),
    ]),
    [
      'RFC 9421 test-key-ecc-p256',
      scalar(
        'qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA',
        'Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0',
        'UpuF81l-kOxbjf7T4mNSv0r5tN67Gim7rnf6EFpcYDs',
      ),
    ],
    [
      'RFC 7515 appendix A.3',
      scalar(
        'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
        'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
        'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI',
      ),
    ],
    [
      'RFC 7517 appendix A.2',
      scalar(
        'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
        '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
        '870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE',
      ),
    ],
    [
      'RFC 6979 appendix A.2.5',
      scalar(
        'YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y',
        'eQP-EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk',
        'ya-p2EW6dRZrXCFXZ7HWk05Qw9s26JsSe4piKxIPZyE',
      ),
    ],
  ])('knows %s', (_, privateKey) => {
    const jwk = createPublicKey(createPrivateKey(privateKey)).export({ format: 'jwk' });
    expect(isWellKnownTestKey(importPublicKey(jwk))).toBe(true);
  });

  test('does not know a fresh key', () => {
    expect(isWellKnownTestKey(generateKeyPair('Ed25519').publicKey)).toBe(false);
    expect(isWellKnownTestKey(generateKeyPair('ES256').publicKey)).toBe(false);
  });

  test('does not stop such a key from being read', () => {
    expect(isPublicKey(readPublicKey(RFC8037))).toBe(true);
  });
});
