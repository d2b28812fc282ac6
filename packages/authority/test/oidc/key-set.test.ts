import { generateKeyPairSync } from 'node:crypto';
import { testKey } from '@taper/testkit';
import { describe, expect, it } from 'vitest';
import { readKeySet } from '../../src/oidc/key-set.ts';
import { keySet } from './issuer.ts';

const edwards = testKey('edwards');
const curve = testKey('curve', 'ES256');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsaJwk = rsa.publicKey.export({ format: 'jwk' });

function read(...keys: readonly object[]): ReturnType<typeof readKeySet> {
  return readKeySet(JSON.stringify({ keys }));
}

describe('key set of an issuer', () => {
  it('finds a key by kid and algorithm', async () => {
    const keys = readKeySet(JSON.stringify(keySet(edwards, curve)));
    expect(await keys?.find('edwards', 'Ed25519')).toBeDefined();
    expect(await keys?.find('edwards', 'EdDSA')).toBeDefined();
    expect(await keys?.find('curve', 'ES256')).toBeDefined();
    expect(await keys?.find('edwards', 'ES256')).toBeUndefined();
    expect(await keys?.find('curve', 'RS256')).toBeUndefined();
    expect(await keys?.find('other', 'Ed25519')).toBeUndefined();
  });

  it('finds RSA keys, for the algorithm that the key names if it does', async () => {
    const keys = read({ ...rsaJwk, kid: 'any' }, { ...rsaJwk, kid: 'one', alg: 'PS256' });
    expect(await keys?.find('any', 'RS256')).toBeDefined();
    expect(await keys?.find('any', 'PS256')).toBeDefined();
    expect(await keys?.find('one', 'PS256')).toBeDefined();
    expect(await keys?.find('one', 'RS256')).toBeUndefined();
  });

  it('finds P-384 keys', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const keys = read({ ...publicKey.export({ format: 'jwk' }), kid: 'wide' });
    expect(await keys?.find('wide', 'ES384')).toBeDefined();
    expect(await keys?.find('wide', 'ES256')).toBeUndefined();
  });

  it('takes a token without kid where one key fits, and not where two do', async () => {
    const two = testKey('another');
    expect(await read(edwards.publicKey.jwk)?.find(undefined, 'Ed25519')).toBeDefined();
    const keys = read(edwards.publicKey.jwk, two.publicKey.jwk);
    expect(await keys?.find(undefined, 'Ed25519')).toBeUndefined();
  });

  it('finds nothing under a kid that stands twice for one algorithm (F12)', async () => {
    const kid = 'same';
    const clash = read({ ...edwards.publicKey.jwk, kid }, { ...testKey('x').publicKey.jwk, kid });
    expect(await clash?.find(kid, 'Ed25519')).toBeUndefined();
    const apart = read({ ...edwards.publicKey.jwk, kid }, { ...curve.publicKey.jwk, kid });
    expect(await apart?.find(kid, 'Ed25519')).toBeDefined();
  });

  it.each([
    ['a private Ed25519 key', edwards.privateJwk],
    ['a private P-256 key', curve.privateJwk],
    ['a private RSA key', rsa.privateKey.export({ format: 'jwk' })],
    ['a symmetric key', { kty: 'oct', k: 'c2VjcmV0' }],
    ['a symmetric key of no type', { k: 'c2VjcmV0' }],
    ['a private key of a kind that is not known', { kty: 'AKP', alg: 'ML-DSA-65', priv: 'AA' }],
    ['a private member that is empty', { ...edwards.publicKey.jwk, d: '' }],
  ])('is refused whole with %s in it (W07)', (_, key) => {
    expect(read(edwards.publicKey.jwk)).toBeDefined();
    expect(read(edwards.publicKey.jwk, key as object)).toBeUndefined();
  });

  it.each([
    ['a key of small order', { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) }],
    ['a point off its curve', { ...curve.publicKey.jwk, y: curve.publicKey.jwk.x }],
    [
      'a key in print',
      { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
    ],
    ['an RSA exponent of 1', { ...rsaJwk, e: 'AQ' }],
    ['an RSA exponent of 1 with zeros before it', { ...rsaJwk, e: 'AAAB' }],
    ['an even RSA exponent', { ...rsaJwk, e: 'Ag' }],
  ])('is refused whole with %s in it', (_, key) => {
    expect(read(edwards.publicKey.jwk, key)).toBeUndefined();
  });

  it('leaves out keys for something else', async () => {
    const kid = 'edwards';
    for (const change of [
      { use: 'enc' },
      { use: 'x509-svid' },
      { key_ops: ['sign'] },
      { key_ops: 'verify' },
      { alg: 5 },
    ]) {
      const keys = read({ ...edwards.publicKey.jwk, kid, ...change });
      expect(keys?.has(kid)).toBe(false);
    }
    for (const change of [{ use: 'sig' }, { use: 'jwt-svid' }, { key_ops: ['verify'] }]) {
      const keys = read({ ...edwards.publicKey.jwk, kid, ...change });
      expect(await keys?.find(kid, 'Ed25519')).toBeDefined();
    }
    expect(read({ kty: 'OKP', crv: 'X25519', x: 'AA', kid })?.has(kid)).toBe(false);
  });

  it('leaves out an RSA key that costs too much, and never uses one that is too small', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const small = { ...publicKey.export({ format: 'jwk' }), kid: 'small' };
    const ofBytes = (length: number): string => Buffer.alloc(length, 0xff).toString('base64url');
    const large = { ...rsaJwk, n: ofBytes(1025), kid: 'large' };
    const largest = { ...rsaJwk, n: ofBytes(1024), kid: 'largest' };
    const keys = read(small, large, largest);
    expect(keys?.has('largest')).toBe(true);
    expect(keys?.has('large')).toBe(false);
    expect(keys?.has('small')).toBe(false);
  });

  it.each([
    '',
    '[]',
    '{}',
    '{"keys":{}}',
    '{"keys":[1]}',
    '{"keys":[],"keys":[]}',
    '<html></html>',
    '{"keys":[]',
  ])('is not %j (W06)', (text) => {
    expect(readKeySet(text)).toBeUndefined();
  });

  it('has 64 keys at most', () => {
    const many = (count: number): object[] =>
      Array.from({ length: count }, () => ({ kty: 'unknown' }));
    expect(read(...many(64))).toBeDefined();
    expect(read(...many(65))).toBeUndefined();
  });
});
