import { platform } from '@taper/core';
import { describe, expect, test } from 'vitest';
import { signEs256 } from '../src/es256.ts';
import {
  canonicalText,
  createRandom,
  createTestClock,
  forge,
  forgeSegments,
  otherS,
  plusOrder,
  segment,
  TEST_TIME,
  takeApart,
  testKey,
  tokenHash,
  tokenHeader,
} from '../src/index.ts';

describe('a test key', () => {
  test.each(['Ed25519', 'ES256'] as const)('of %s is the same for the same name', (alg) => {
    const key = testKey('alice', alg);
    expect(testKey('alice', alg).publicKey.jwk).toEqual(key.publicKey.jwk);
    expect(testKey('bob', alg).publicKey.jwk).not.toEqual(key.publicKey.jwk);
    expect(key.publicKey.alg).toBe(alg);
  });

  test.each(['Ed25519', 'ES256'] as const)('of %s signs what verifies under it', (alg) => {
    const key = testKey('alice', alg);
    const input = Buffer.from('a.b');
    expect(platform.verify?.(key.publicKey, input, key.sign(input))).toBe(true);
    expect(platform.verify?.(testKey('bob', alg).publicKey, input, key.sign(input))).toBe(false);
  });

  test.each(['Ed25519', 'ES256'] as const)('of %s signs the same every time', (alg) => {
    const key = testKey('alice', alg);
    expect(key.sign(Buffer.from('a.b'))).toEqual(key.sign(Buffer.from('a.b')));
  });

  test('has signatures whose other form a verifier without checks would take', () => {
    const key = testKey('alice', 'ES256');
    const input = Buffer.from('a.b');
    expect(platform.verify?.(key.publicKey, input, otherS(key.sign(input)))).toBe(true);
    const signature = testKey('alice').sign(input);
    expect(plusOrder(signature)).not.toEqual(signature);
    expect(plusOrder(signature)).toHaveLength(64);
  });
});

test('ES256 signatures are those of RFC 6979, appendix A.2.5', () => {
  const key = 'c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721';
  const signature = signEs256(Buffer.from(key, 'hex'), Buffer.from('sample'));
  expect(Buffer.from(signature).toString('hex')).toBe(
    'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716' +
      'f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
  );
});

describe('the forger', () => {
  const key = testKey('alice');

  test('signs objects as canonical JSON and text as it is', () => {
    const compact = forge({ header: tokenHeader(key), payload: ' {"b" :1}', signature: key });
    expect(takeApart(compact)).toMatchObject({
      header: '{"alg":"Ed25519","typ":"aat+jwt"}',
      payload: ' {"b" :1}',
    });
    expect(takeApart(forge({ header: '', payload: { b: 1, a: 2 }, signature: key })).payload).toBe(
      '{"a":2,"b":1}',
    );
  });

  test('takes segments and signatures that are none', () => {
    expect(forgeSegments('*', '?', new Uint8Array())).toBe('*.?.');
    expect(segment(Uint8Array.of(255))).toBe('_w');
  });

  test('hashes the signing input and not the signature', () => {
    expect(tokenHash('a.b.c')).toBe(tokenHash('a.b.d'));
    expect(tokenHash('a.b.c')).not.toBe(tokenHash('a.c.c'));
  });
});

describe('canonical text', () => {
  test('sorts members by UTF-16 code units at every depth', () => {
    const value = { '\u{1f600}': 1, '\ufb33': [{ b: null, a: 'x' }], a: 1e21 };
    expect(canonicalText(value)).toBe('{"a":1e+21,"\u{1f600}":1,"\ufb33":[{"a":"x","b":null}]}');
  });
});

describe('seeded randomness', () => {
  test('repeats itself from the same seed and differs for another', () => {
    const draw = (seed: string) => Array.from({ length: 20 }, createRandom(seed).u32);
    expect(draw('a')).toEqual(draw('a'));
    expect(draw('a')).not.toEqual(draw('b'));
    expect(createRandom('a').fork(1).u32()).toBe(createRandom('a/1').u32());
  });

  test('stays within its bounds and reaches both', () => {
    const random = createRandom('bounds');
    const drawn = new Set(Array.from({ length: 200 }, () => random.between(-1, 1)));
    expect([...drawn].sort((left, right) => left - right)).toEqual([-1, 0, 1]);
    expect(random.shuffle([1, 2, 3]).sort()).toEqual([1, 2, 3]);
    expect(random.some(['x', 'y'], 1).length).toBeGreaterThan(0);
    expect(() => random.pick([])).toThrow(RangeError);
  });
});

describe('the test clock', () => {
  test('stands still until it is moved', () => {
    const clock = createTestClock();
    expect(clock.now()).toBe(TEST_TIME);
    clock.advance(-5);
    expect(clock.now()).toBe(TEST_TIME - 5);
    clock.set(1);
    expect(clock.now()).toBe(1);
  });
});
