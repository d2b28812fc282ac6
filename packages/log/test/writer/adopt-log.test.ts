import { type LogTrust, noteKey } from '@taper/core';
import { testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import type { TileSource } from '../../src/port/tile-store.ts';
import { parseTilePath } from '../../src/tile/path.ts';
import { adoptLog } from '../../src/writer/adopt-log.ts';
import type { Log } from '../../src/writer/log.ts';
import { changed, entryOf, flipped, ORIGIN, publishedLog } from '../reader/scene.ts';
import { newStores, open, type Stores, textsIn } from './scene.ts';

const NOW = 1_800_000_000;

async function original(size: number) {
  const { log, tiles } = await publishedLog(size);
  const trust: LogTrust = { origin: ORIGIN, keys: [log.key], witnesses: [], quorum: 0 };
  return { log, tiles, note: log.checkpoint() as string, trust };
}

/** What a writer finds who opens the log in these stores. */
async function goOn(stores: Stores): Promise<{ log: Log; texts: string[] }> {
  const log = await open(stores, { create: false });
  await log.append(new TextEncoder().encode('one more'));
  await log.publish();
  return { log, texts: await textsIn(log) };
}

async function expectNothing(stores: Stores): Promise<void> {
  expect(await stores.checkpoints.read()).toBeUndefined();
  await expect(open(stores, { create: false })).rejects.toMatchObject({ code: 'log_unavailable' });
}

describe('a log that is taken over from elsewhere', () => {
  test.each([0, 1, 255, 256, 257, 700])('goes on where it was, with %i entries', async (size) => {
    const { log, tiles, note, trust } = await original(size);
    const stores = newStores();
    const head = await adoptLog({ source: tiles, note, trust, now: NOW, ...stores });
    expect(head.size).toBe(size);
    const { log: next, texts } = await goOn(stores);
    expect(texts).toHaveLength(size + 1);
    expect(texts.slice(0, size)).toEqual(
      Array.from({ length: size }, (_, index) => new TextDecoder().decode(entryOf(index))),
    );
    expect(await next.reader.root(size)).toEqual(await log.reader.root(size));
  });

  test('is read from full tiles where the partial ones of its checkpoint are gone', async () => {
    const { log, tiles, note, trust } = await original(300);
    await log.appendAll(Array.from({ length: 400 }, (_, index) => entryOf(300 + index)));
    await log.publish();
    const source: TileSource = {
      read: async (path) =>
        (parseTilePath(path)?.width ?? 256) < 256 && !path.startsWith('tile/1')
          ? undefined
          : tiles.read(path),
    };
    const stores = newStores();
    await adoptLog({ source, note, trust, now: NOW, ...stores });
    expect((await goOn(stores)).texts).toHaveLength(301);
  });

  test.each([
    ['tile/entries/001.p/44', 'an entry'],
    ['tile/0/000', 'a hash'],
    ['tile/1/000.p/1', 'a hash above'],
  ])('N09: is none when %s is changed (%s) or missing', async (path) => {
    const { tiles, note, trust } = await original(300);
    for (const change of [(bytes: Uint8Array) => flipped(bytes, 30), () => undefined]) {
      const stores = newStores();
      const source = changed(tiles, path, change);
      await expect(adoptLog({ source, note, trust, now: NOW, ...stores })).rejects.toMatchObject({
        code: 'log_corrupt',
        item: path,
      });
      await expectNothing(stores);
    }
  });

  test('N09: is none under a checkpoint of another log, under another key, or without its witnesses', async () => {
    const { tiles, note, trust } = await original(3);
    const { publicKey } = testKey('other');
    const elsewhere = 'log.example/other';
    const wrong: readonly [string, LogTrust][] = [
      [
        'origin_mismatch',
        { ...trust, origin: elsewhere, keys: [noteKey(elsewhere, publicKey, 1)] },
      ],
      ['signature_missing', { ...trust, keys: [noteKey(ORIGIN, publicKey, 1)] }],
      [
        'quorum_unmet',
        { ...trust, witnesses: [noteKey('witness.example', publicKey, 4)], quorum: 1 },
      ],
    ];
    for (const [item, other] of wrong) {
      const stores = newStores();
      await expect(
        adoptLog({ source: tiles, note, trust: other, now: NOW, ...stores }),
      ).rejects.toMatchObject({ code: 'log_unverified', item });
      await expectNothing(stores);
    }
  });

  test('N13: takes the place of no other', async () => {
    const { tiles, note, trust } = await original(3);
    const stores = newStores();
    const there = await open(stores);
    await there.append(entryOf(99));
    await there.publish();
    const before = await stores.checkpoints.read();
    await expect(
      adoptLog({ source: tiles, note, trust, now: NOW, ...stores }),
    ).rejects.toMatchObject({ code: 'log_forked' });
    expect(await stores.checkpoints.read()).toEqual(before);
  });

  test('N13: touches no stores of which one holds something, whichever it is', async () => {
    const { tiles, note, trust } = await original(3);
    const [taken, fresh] = [newStores(), newStores()];
    const there = await open(taken);
    await there.append(entryOf(99));
    await there.publish();
    for (const stores of [
      { ...taken, checkpoints: fresh.checkpoints },
      { ...taken, tiles: fresh.tiles },
    ]) {
      const before = await stores.tiles.staged();
      await expect(
        adoptLog({ source: tiles, note, trust, now: NOW, ...stores }),
      ).rejects.toMatchObject({ code: 'log_forked' });
      expect(await stores.tiles.staged()).toEqual(before);
    }
    await expectNothing(fresh);
  });
});
