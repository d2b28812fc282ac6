import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { platform, verifyCheckpoint } from '../../src/index.ts';
import { expectedOf, judgeAsync, judgeSync, type LogVectors } from './judge.ts';

// The implementation that a browser gets, here without a browser.
vi.mock('#crypto', () => import('../../src/crypto/browser.ts'));

const FOLDER = new URL('../../../../vectors/log/', import.meta.url);
const read = (name: string): LogVectors =>
  JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as LogVectors;
const asynchronous = expect.objectContaining({ code: 'crypto_asynchronous' });

test.each(['checkpoint.json', 'merkle.json', 'proof.json'])(
  'vectors/log/%s comes to what it expects on WebCrypto',
  async (name) => {
    expect(platform.name).toBe('webcrypto');
    expect(await judgeAsync(read(name))).toEqual(expectedOf(read(name)));
  },
);

test('where signatures are checked asynchronously, nothing is believed synchronously', () => {
  expect(() => judgeSync(read('checkpoint.json'))).toThrow(asynchronous);
  expect(() => verifyCheckpoint('', {} as never)).toThrow(asynchronous);
});
