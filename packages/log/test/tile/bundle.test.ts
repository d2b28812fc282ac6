import { describe, expect, test } from 'vitest';
import { MAX_ENTRY, readBundle, writeBundle } from '../../src/tile/bundle.ts';

describe('an entry bundle', () => {
  test('is each entry behind its length in two bytes, big-endian', () => {
    const bytes = Buffer.from('00036f6e65000374776f0000', 'hex');
    const entries = ['one', 'two', ''].map((text) => new TextEncoder().encode(text));
    expect(Buffer.from(writeBundle(entries))).toEqual(bytes);
    const read = readBundle(bytes);
    expect(read.entries.map((entry) => Buffer.from(entry).toString())).toEqual(['one', 'two', '']);
    expect(read.rest).toBe(0);
  });

  test('holds entries of up to 65,535 bytes', () => {
    const entry = new Uint8Array(MAX_ENTRY).fill(7);
    const { entries, rest } = readBundle(writeBundle([entry, entry]));
    expect([entries.length, rest]).toEqual([2, 0]);
    expect(entries[1]).toEqual(entry);
  });

  test('that is cut short has the entries before the cut, and says that something is left over', () => {
    const bytes = writeBundle([new Uint8Array(3), new Uint8Array(4)]);
    for (let length = 0; length < bytes.length; length++) {
      const { entries, rest } = readBundle(bytes.subarray(0, length));
      expect(entries.length).toBe(length >= 5 ? 1 : 0);
      expect(rest).toBe(length >= 5 ? length - 5 : length);
    }
  });
});
