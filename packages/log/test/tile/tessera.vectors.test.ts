import { readFileSync } from 'node:fs';
import { parseCheckpoint, parseNote, writeCheckpoint } from '@taper/core';
import { describe, expect, test } from 'vitest';
import { createMemoryCheckpointStore } from '../../src/memory/checkpoint-store.ts';
import { createMemoryTileStore } from '../../src/memory/tile-store.ts';
import { createLogReader } from '../../src/reader/log-reader.ts';
import { readBundle } from '../../src/tile/bundle.ts';
import { openLog } from '../../src/writer/open-log.ts';
import { KEY } from '../reader/scene.ts';
import { thirdPartyFolder } from '../third-party-folder.ts';

const folder = thirdPartyFolder('tlog-tessera-log/testdata/log');
const ORIGIN = 'example.com/log/testdata';
const SIZE = 15;

function file(path: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(path, folder)));
}

// Their private key is not published: everything is compared but the signature.
describe.skipIf(folder === undefined)('the log that Tessera built', () => {
  test('is built again from its entries, each tile, bundle and checkpoint byte for byte', async () => {
    const { entries } = readBundle(file(`tile/entries/000.p/${SIZE}`));
    expect(entries.length).toBe(SIZE);
    const tiles = createMemoryTileStore();
    const checkpoints = createMemoryCheckpointStore();
    const log = await openLog({
      origin: ORIGIN,
      signer: KEY.signer,
      tiles,
      checkpoints,
      create: true,
    });
    for (let size = 0; size <= SIZE; size++) {
      if (size > 0) await log.append(entries[size - 1] as Uint8Array);
      const { note } = await log.publish();
      const theirs = parseNote(new TextDecoder().decode(file(`checkpoint.${size}`)));
      expect(parseNote(note)?.text).toBe(theirs?.text);
      expect(writeCheckpoint({ origin: ORIGIN, ...log.reader.head() })).toBe(theirs?.text);
      if (size === 0) continue;
      for (const path of [`tile/0/000.p/${size}`, `tile/entries/000.p/${size}`])
        expect(new Uint8Array((await tiles.read(path)) ?? []), path).toEqual(file(path));
    }
  });

  test('is read: every entry under every one of its checkpoints', async () => {
    const source = {
      read: async (path: string) => {
        try {
          return file(path);
        } catch {
          return undefined;
        }
      },
    };
    for (let size = 1; size <= SIZE; size++) {
      const note = parseNote(new TextDecoder().decode(file(`checkpoint.${size}`)));
      const head = parseCheckpoint(note?.text ?? '');
      if (head === undefined) throw new Error('no checkpoint');
      const reader = createLogReader({ source, head: () => head });
      let count = 0;
      for await (const { index } of reader.entries()) expect(index).toBe(count++);
      expect(count).toBe(size);
    }
  });
});
