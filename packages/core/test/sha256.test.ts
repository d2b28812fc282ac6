import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../src/sha256.ts';

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function ofNode(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('sha256', () => {
  test.each([
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    ],
    [
      'abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu',
      'cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1',
    ],
    ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
  ])('gives the digest that NIST gives for its example (%#)', (message, digest) => {
    expect(hex(sha256(Buffer.from(message)))).toBe(digest);
  });

  test('agrees with node:crypto at every length around the block boundaries', () => {
    for (let length = 0; length <= 300; length++) {
      const bytes = Uint8Array.from({ length }, (_, at) => at * 7 + length);
      expect([length, hex(sha256(bytes))]).toEqual([length, ofNode(bytes)]);
    }
  });

  test('agrees with node:crypto on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1000 }), (bytes) => {
        expect(hex(sha256(bytes))).toBe(ofNode(bytes));
      }),
      { numRuns: 500 },
    );
  });

  test('hashes the bytes of a view, leaves them alone, and keeps nothing from call to call', () => {
    const buffer = Uint8Array.from({ length: 500 }, (_, at) => at % 251);
    const before = buffer.slice();
    const view = buffer.subarray(3, 203);
    const first = sha256(view);
    sha256(buffer);
    expect(sha256(view)).toStrictEqual(first);
    expect(hex(first)).toBe(ofNode(view.slice()));
    expect(buffer).toStrictEqual(before);
    expect(first).toHaveLength(32);
  });
});
