import { describe, expect, test } from 'vitest';
import type { CheckpointStore, StoredCheckpoint } from '../../src/port/checkpoint-store.ts';
import type { TileStore } from '../../src/port/tile-store.ts';
import {
  bytes,
  many,
  newStores,
  open,
  RestorableTiles,
  restoredCheckpoint,
  textsIn,
} from './scene.ts';

/** A log that grew in two steps, with copies of both stores from before the second. */
async function grownLog(steps: { publish: boolean; appends: number }): Promise<{
  oldTiles: RestorableTiles;
  oldCheckpoint: StoredCheckpoint | undefined;
  tiles: RestorableTiles;
  checkpoint: StoredCheckpoint | undefined;
}> {
  const tiles = new RestorableTiles();
  const { checkpoints } = newStores();
  const log = await open({ tiles, checkpoints });
  await log.appendAll(many(300));
  await log.publish();
  await log.append(bytes('last before the copy'));
  const oldTiles = await tiles.backup();
  const oldCheckpoint = await checkpoints.read();
  for (let count = 0; count < steps.appends; count++)
    await log.append(bytes(`after the copy ${count}`));
  if (steps.publish) await log.publish();
  await log.close();
  return { oldTiles, oldCheckpoint, tiles, checkpoint: await checkpoints.read() };
}

const WAYS = [
  { publish: false, appends: 2 },
  { publish: true, appends: 1 },
  { publish: true, appends: 2 },
  { publish: true, appends: 400 },
];

describe('a log whose stores were restored', () => {
  test('N13 is refused when its tiles are older than its checkpoint', async () => {
    for (const way of WAYS) {
      const { oldTiles, checkpoint } = await grownLog(way);
      const checkpoints = await restoredCheckpoint(checkpoint);
      await expect(open({ tiles: oldTiles, checkpoints })).rejects.toMatchObject({
        code: 'log_rolled_back',
      });
    }
  });

  test('N13 is refused when its tiles are gone', async () => {
    for (const way of WAYS) {
      const { checkpoint } = await grownLog(way);
      const checkpoints = await restoredCheckpoint(checkpoint);
      const { tiles } = newStores();
      await expect(open({ tiles, checkpoints })).rejects.toMatchObject({ code: 'log_rolled_back' });
    }
  });

  test('N13 is refused when its checkpoint is older than its tiles', async () => {
    for (const way of WAYS) {
      const { tiles, oldCheckpoint } = await grownLog(way);
      const checkpoints = await restoredCheckpoint(oldCheckpoint);
      await expect(open({ tiles, checkpoints })).rejects.toMatchObject({ code: 'log_rolled_back' });
    }
  });

  test('N13 is refused when its checkpoint is gone, also where a new log may be made', async () => {
    for (const way of WAYS) {
      const { tiles } = await grownLog(way);
      const checkpoints = await restoredCheckpoint(undefined);
      await expect(open({ tiles, checkpoints })).rejects.toMatchObject({ code: 'log_rolled_back' });
    }
  });

  test('N13 N12 goes on with the same history when its checkpoint is older by the one step that a crash could have cut off', async () => {
    const { tiles, oldCheckpoint } = await grownLog({ publish: false, appends: 1 });
    const log = await open({ tiles, checkpoints: await restoredCheckpoint(oldCheckpoint) });
    expect(log.size).toBe(302);
    await log.publish();
    expect((await textsIn(log)).slice(-2)).toEqual(['last before the copy', 'after the copy 0']);
  });

  test('N13 takes of two groups that were staged at one place the later one, which was committed', async () => {
    const tiles = new RestorableTiles();
    const { checkpoints } = newStores();
    let fails = false;
    const flaky: CheckpointStore = {
      read: () => checkpoints.read(),
      replace(expected, next) {
        if (fails && next.size !== expected?.size) return Promise.reject(new Error('no'));
        return checkpoints.replace(expected, next);
      },
    };
    const log = await open({ tiles, checkpoints: flaky });
    const old = await checkpoints.read();
    fails = true;
    await expect(log.append(bytes('not acknowledged'))).rejects.toMatchObject({
      code: 'log_unavailable',
    });
    fails = false;
    expect(await log.append(bytes('acknowledged'))).toEqual({ index: 0 });
    await log.close();
    expect((await tiles.staged()).records.length).toBe(3);
    const restored = await open({ tiles, checkpoints: await restoredCheckpoint(old) });
    await restored.publish();
    expect(await textsIn(restored)).toEqual(['acknowledged']);
  });

  test('goes on when both are of the same time, as nothing tells it apart from a stop at that time; see the witnesses', async () => {
    const { oldTiles, oldCheckpoint } = await grownLog({ publish: true, appends: 2 });
    const log = await open({
      tiles: oldTiles,
      checkpoints: await restoredCheckpoint(oldCheckpoint),
    });
    expect(log.size).toBe(301);
  });

  test('is refused when the stores are of two logs of the same origin', async () => {
    const one = await grownLog({ publish: true, appends: 2 });
    const tiles = new RestorableTiles();
    const { checkpoints } = newStores();
    const other = await open({ tiles, checkpoints });
    await other.appendAll(many(303, 'other'));
    await other.close();
    const mixed = await restoredCheckpoint(one.checkpoint);
    await expect(open({ tiles, checkpoints: mixed })).rejects.toMatchObject({ code: 'log_forked' });
  });
});

describe('a log whose stores were damaged', () => {
  test('S10 is refused, naming the journal, when acknowledged entries in it cannot be read', async () => {
    const { tiles, checkpoint } = await grownLog({ publish: false, appends: 3 });
    const harmed: TileStore = {
      read: (path) => tiles.read(path),
      write: (files) => tiles.write(files),
      dropPartials: () => tiles.dropPartials(),
      stage: (record) => tiles.stage(record),
      restage: (record) => tiles.restage(record),
      staged: async () => ({
        records: (await tiles.staged()).records.slice(0, 2),
        unreadable: 200,
      }),
    };
    const checkpoints = await restoredCheckpoint(checkpoint);
    await expect(open({ tiles: harmed, checkpoints })).rejects.toMatchObject({
      code: 'log_corrupt',
      item: 'journal',
    });
  });

  test('S10 is refused when an entry in a record is another than the root says', async () => {
    const { tiles, checkpoint } = await grownLog({ publish: false, appends: 3 });
    const { records } = await tiles.staged();
    await tiles.restage(records[0] as Uint8Array);
    for (const record of records.slice(1)) {
      const harmed = Uint8Array.from(record);
      harmed[harmed.length - 1] = 0x58;
      await tiles.stage(harmed);
    }
    const checkpoints = await restoredCheckpoint(checkpoint);
    await expect(open({ tiles, checkpoints })).rejects.toMatchObject({ code: 'log_corrupt' });
  });

  test('drops nothing of a record that is none: it is refused', async () => {
    const { tiles, checkpoint } = await grownLog({ publish: false, appends: 3 });
    await tiles.stage(bytes('no record'));
    const checkpoints = await restoredCheckpoint(checkpoint);
    await expect(open({ tiles, checkpoints })).rejects.toMatchObject({ code: 'log_corrupt' });
  });

  test('is refused when its published checkpoint is of another tree, origin or a later time', async () => {
    const { tiles, checkpoint } = await grownLog({ publish: true, appends: 3 });
    const other = await open(newStores());
    await other.appendAll(many(300, 'other'));
    const { note } = await other.publish();
    const stored = checkpoint as StoredCheckpoint;
    const wrong: readonly (readonly [string, string])[] = [
      [note, 'log_forked'],
      ['no note', 'log_corrupt'],
      [(stored.note as string).replace('log.example', 'xxx.example'), 'log_corrupt'],
      [(stored.note as string).replace('\n304\n', '\n305\n'), 'log_corrupt'],
    ];
    for (const [text, code] of wrong) {
      const checkpoints = await restoredCheckpoint({ ...stored, note: text });
      await expect(open({ tiles, checkpoints })).rejects.toMatchObject({ code });
    }
    await open({ tiles, checkpoints: await restoredCheckpoint(stored) });
  });
});
