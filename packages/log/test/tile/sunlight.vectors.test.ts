import { readFileSync } from 'node:fs';
import { parseCheckpoint, parseNote, verifyInclusion } from '@taper/core';
import { describe, expect, test } from 'vitest';
import type { TileSource } from '../../src/port/tile-store.ts';
import { createLogReader } from '../../src/reader/log-reader.ts';
import { thirdPartyFolder } from '../third-party-folder.ts';

const mirror = thirdPartyFolder(
  'tlog-sunlight-tree/cmd/skylight/testdata/witness/mirror/000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706',
);
const tree = thirdPartyFolder('tlog-sunlight-tree/cmd/skylight/testdata/tree');

function folderSource(folder: URL | undefined): TileSource {
  return {
    async read(path) {
      try {
        return new Uint8Array(readFileSync(new URL(path, folder)));
      } catch {
        return undefined;
      }
    },
  };
}

function headIn(folder: URL | undefined): { size: number; root: Uint8Array } {
  const note = parseNote(readFileSync(new URL('checkpoint', folder), 'utf8'));
  const head = parseCheckpoint(note?.text ?? '');
  if (head === undefined) throw new Error('no checkpoint');
  return head;
}

describe.skipIf(mirror === undefined)('the tree that Sunlight keeps a mirror of', () => {
  test('is read: 300 leaf hashes over a full and a partial tile, with a proof for each', async () => {
    const head = headIn(mirror);
    const reader = createLogReader({ source: folderSource(mirror), head: () => head });
    expect(head.size).toBe(300);
    let index = 0;
    for await (const leaf of reader.leafHashes()) {
      const proof = await reader.inclusionProof(index);
      expect(verifyInclusion({ leaf, index, ...head, proof })).toBe(true);
      index += 1;
    }
    expect(index).toBe(300);
  });

  test('N18 does not take the files that only look like tiles for tiles', async () => {
    const reader = createLogReader({ source: folderSource(mirror), head: () => headIn(mirror) });
    await expect(reader.entries()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'log_corrupt',
      item: 'entry 0',
    });
    const fake = createLogReader({ source: folderSource(tree), head: () => headIn(tree) });
    await expect(fake.inclusionProof(3)).rejects.toMatchObject({ code: 'log_corrupt' });
  });
});
