import { noteKey, parseCheckpoint, parseNote, verifyCheckpoint } from '@taper/core';
import { testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import type { TileStore } from '../../src/port/tile-store.ts';
import type { LogOptions } from '../../src/writer/open-log.ts';
import { KEY, ORIGIN } from '../reader/scene.ts';
import { bytes, many, newStores, open, textsIn } from './scene.ts';

describe('a log', () => {
  test('gives entries consecutive indexes in the order in which they were appended', async () => {
    const log = await open(newStores());
    const indexes = await Promise.all(many(50).map((entry) => log.append(entry)));
    expect(indexes.map(({ index }) => index)).toEqual(
      Array.from({ length: 50 }, (_, index) => index),
    );
    expect(await log.appendAll(many(300, 'more'))).toEqual({ index: 50 });
    expect(log.size).toBe(350);
    await log.publish();
    const names = (name: string, count: number): string[] =>
      Array.from({ length: count }, (_, index) => `${name} ${index}`);
    expect(await textsIn(log)).toEqual([...names('entry', 50), ...names('more', 300)]);
  });

  test('commits what is appended at the same time in one step', async () => {
    const stores = newStores();
    let steps = 0;
    const tiles: TileStore = {
      ...stores.tiles,
      stage(record) {
        steps += 1;
        return stores.tiles.stage(record);
      },
    };
    const log = await open({ ...stores, tiles });
    await Promise.all(many(1000).map((entry) => log.append(entry)));
    expect(steps).toBe(1);
  });

  test('S09 acknowledges nothing before the checkpoint store has it', async () => {
    const stores = newStores();
    const log = await open(stores);
    await Promise.all(
      many(20).map(async (entry) => {
        const { index } = await log.append(entry);
        expect((await stores.checkpoints.read())?.size).toBeGreaterThan(index);
      }),
    );
  });

  test('has its own bytes of an entry, whatever the caller does with his', async () => {
    const log = await open(newStores());
    const entry = bytes('as it was given');
    const done = log.append(entry);
    entry.fill(0);
    await done;
    await log.publish();
    expect(await textsIn(log)).toEqual(['as it was given']);
  });

  test('N17 takes entries of 0 to 65,535 bytes and no longer ones', async () => {
    const log = await open(newStores());
    await log.append(new Uint8Array(0));
    await log.append(new Uint8Array(65_535));
    await expect(log.append(new Uint8Array(65_536))).rejects.toMatchObject({
      code: 'entry_too_large',
    });
    await expect(log.appendAll([bytes('a'), new Uint8Array(65_536)])).rejects.toMatchObject({
      code: 'entry_too_large',
    });
    expect(log.size).toBe(2);
  });

  test('refuses what is no entry', async () => {
    const log = await open(newStores());
    for (const wrong of ['text', undefined, null, [1], new ArrayBuffer(3)])
      await expect(log.append(wrong as never)).rejects.toMatchObject({ code: 'option_invalid' });
    for (const wrong of [[], undefined, [bytes('a'), 'b']])
      await expect(log.appendAll(wrong as never)).rejects.toMatchObject({ code: 'option_invalid' });
    expect(log.size).toBe(0);
  });

  test('N17 lets so much wait and no more, and goes on when it is written', async () => {
    const log = await open(newStores(), { limits: { waitingEntries: 10 } });
    const waiting = many(10).map((entry) => log.append(entry));
    await expect(log.append(bytes('one more'))).rejects.toMatchObject({ code: 'log_unavailable' });
    await Promise.all(waiting);
    expect(await log.append(bytes('later'))).toEqual({ index: 10 });
    await expect(log.appendAll(many(11))).rejects.toMatchObject({ code: 'option_invalid' });
    const small = await open(newStores(), { limits: { waitingBytes: 1000 } });
    const first = small.append(new Uint8Array(900));
    await expect(small.append(new Uint8Array(100))).rejects.toMatchObject({
      code: 'log_unavailable',
    });
    await first;
    await small.append(new Uint8Array(100));
  });

  test('publishes checkpoints that verify under its key, each of all that is durable', async () => {
    const log = await open(newStores());
    const trust = { origin: ORIGIN, keys: [log.key], witnesses: [], quorum: 0 };
    expect(log.key).toEqual(noteKey(ORIGIN, KEY.publicKey, 1));
    expect(log.checkpoint()).toBe(undefined);
    for (const size of [0, 1, 2, 258]) {
      if (size > 0) await log.appendAll(many(size - log.size, `up to ${size}`));
      const published = await log.publish();
      expect(published.size).toBe(size);
      expect(log.checkpoint()).toBe(published.note);
      expect(log.reader.head()).toMatchObject({ size, root: published.root });
      const verdict = verifyCheckpoint(published.note, trust);
      expect(verdict).toMatchObject({ ok: true, checkpoint: { size, root: published.root } });
    }
  });

  test('answers the checkpoint it has when there is nothing new', async () => {
    const log = await open(newStores());
    await log.append(bytes('a'));
    const { note } = await log.publish();
    expect((await log.publish()).note).toBe(note);
  });

  test('N15 what was promised an index is in the tree of the next checkpoint, at that index', async () => {
    const log = await open(newStores());
    const promised = many(700).map(async (entry) => ({
      entry,
      index: (await log.append(entry)).index,
    }));
    for (const { entry, index } of await Promise.all(promised)) {
      await log.publish();
      const [found] = [
        await log.reader
          .entries(index, index + 1)
          [Symbol.asyncIterator]()
          .next(),
      ];
      expect(found?.value).toEqual({ index, entry });
      if (index % 50 === 0) await log.append(bytes(`later ${index}`));
    }
  });

  test('shows after a restart the checkpoint that it showed before, and goes on', async () => {
    const stores = newStores();
    const before = await open(stores);
    await before.appendAll(many(300));
    const { note } = await before.publish();
    await before.append(bytes('not published'));
    await before.close();
    const after = await open(stores, { create: false });
    expect(after.checkpoint()).toBe(note);
    expect([after.size, after.reader.head().size]).toEqual([301, 300]);
    expect(await after.append(bytes('next'))).toEqual({ index: 301 });
    await after.publish();
    expect((await textsIn(after)).slice(299)).toEqual(['entry 299', 'not published', 'next']);
  });

  test('makes tiles of what piles up although nothing is published', async () => {
    const stores = newStores();
    const log = await open(stores, { limits: { stagedEntries: 100 } });
    for (let round = 0; round < 10; round++) await log.appendAll(many(60, `round ${round}`));
    expect((await stores.tiles.staged()).records.length).toBeLessThan(4);
    expect(await stores.tiles.read('tile/0/000')).not.toBe(undefined);
    await log.close();
    const again = await open(stores);
    await again.publish();
    expect((await textsIn(again)).length).toBe(600);
  });

  test('R09 takes four times what it may stage while no tiles can be made, no more, and goes on when they can', async () => {
    const stores = newStores();
    let isFull = true;
    const tiles: typeof stores.tiles = {
      ...stores.tiles,
      write: (files) =>
        isFull ? Promise.reject(new Error('no space left')) : stores.tiles.write(files),
    };
    const log = await open({ ...stores, tiles }, { limits: { stagedEntries: 10 } });
    for (let round = 0; round < 8; round++) await log.appendAll(many(5, `round ${round}`));
    await expect(log.append(bytes('one more'))).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(log.size).toBe(40);
    isFull = false;
    expect(await log.append(bytes('after'))).toEqual({ index: 40 });
    await log.publish();
    expect((await textsIn(log)).length).toBe(41);
  });

  test('S09 writes again what was written by a step that failed, before it acknowledges anything behind it', async () => {
    const stores = newStores();
    const ends: string[] = [];
    let mustFail = false;
    const checkpoints: typeof stores.checkpoints = {
      read: () => stores.checkpoints.read(),
      async replace(expected, next) {
        const answer = await stores.checkpoints.replace(expected, next);
        const isFailing = mustFail;
        mustFail = false;
        ends.push(`${next.size} ${isFailing ? 'unknown' : 'durable'}`);
        if (isFailing) throw new Error('the folder was not synced');
        return answer;
      },
    };
    const log = await open({ ...stores, checkpoints });
    mustFail = true;
    const { index } = await log.append(bytes('a'));
    expect(index).toBe(0);
    expect(ends.slice(-2)).toEqual(['1 unknown', '1 durable']);
  });

  test('S07 refuses everything that waits when another writer was at work', async () => {
    const stores = newStores();
    const first = await open(stores);
    const second = await open(stores, { limits: { groupEntries: 1 } });
    await first.append(bytes('by the first'));
    const waiting = Array.from({ length: 5 }, (_, at) => second.append(bytes(`second ${at}`)));
    for (const result of await Promise.allSettled(waiting))
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'log_forked' } });
    expect(first.size).toBe(1);
  });

  test('is made only where that is asked for', async () => {
    const stores = newStores();
    await expect(open(stores, { create: false })).rejects.toMatchObject({
      code: 'log_unavailable',
    });
    expect(await stores.checkpoints.read()).toBe(undefined);
    await (await open(stores)).close();
    await (await open(stores, { create: false })).close();
  });

  test('N07 is opened under its own origin alone', async () => {
    const stores = newStores();
    await open(stores);
    await expect(open(stores, { origin: 'log.example/other' })).rejects.toMatchObject({
      code: 'log_forked',
    });
  });

  test('refuses options that make no sense', async () => {
    const wrong: readonly Partial<Record<keyof LogOptions, unknown>>[] = [
      { origin: '' },
      { origin: 'two words' },
      { signer: testKey('p256', 'ES256').signer },
      { quorum: 1 },
      { quorum: -1 },
      { limits: { waitingEntries: 0 } },
      { limits: { groupBytes: 2 ** 31 } },
      { limits: { nothing: 1 } },
      { witness: [] } as never,
      { create: undefined },
    ];
    for (const options of wrong)
      await expect(
        open(newStores(), options as never),
        JSON.stringify(options),
      ).rejects.toMatchObject({
        code: 'option_invalid',
      });
  });

  test('is closed after what was begun, and then takes nothing', async () => {
    const log = await open(newStores());
    const begun = [log.append(bytes('a')), log.appendAll(many(3))];
    const published = log.publish();
    await log.close();
    expect(await Promise.all(begun)).toEqual([{ index: 0 }, { index: 1 }]);
    const { note } = await published;
    await expect(log.append(bytes('b'))).rejects.toMatchObject({ code: 'log_closed' });
    await expect(log.publish()).rejects.toMatchObject({ code: 'log_closed' });
    expect(log.checkpoint()).toBe(note);
    await log.close();
  });

  test('N12 is closed only when the checkpoint that is being signed is stored', async () => {
    const stores = newStores();
    const sign = Promise.withResolvers<void>();
    const signer = {
      publicKey: KEY.publicKey,
      sign: (input: Uint8Array) => sign.promise.then(() => KEY.signer.sign(input)),
    };
    const log = await open(stores, { signer });
    await log.append(bytes('a'));
    const published = log.publish();
    let isClosed = false;
    const closed = log.close().then(() => {
      isClosed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isClosed).toBe(false);
    sign.resolve();
    await closed;
    expect((await stores.checkpoints.read())?.note).toBe((await published).note);
  });

  test('does not publish what its signer did not sign', async () => {
    const other = testKey('another').signer;
    const signer = { publicKey: KEY.publicKey, sign: other.sign };
    const log = await open(newStores(), { signer });
    await log.append(bytes('a'));
    await expect(log.publish()).rejects.toMatchObject({ code: 'signing_failed' });
    expect(log.checkpoint()).toBe(undefined);
    expect(await log.append(bytes('b'))).toEqual({ index: 1 });
  });

  test('S07 a second writer on the same stores is found out by the first that commits after it: the other ends, and the first goes on', async () => {
    const stores = newStores();
    const first = await open(stores);
    const second = await open(stores);
    await first.append(bytes('by the first'));
    await expect(second.append(bytes('by the second'))).rejects.toMatchObject({
      code: 'log_forked',
    });
    await expect(second.append(bytes('again'))).rejects.toMatchObject({ code: 'log_forked' });
    await expect(second.publish()).rejects.toMatchObject({ code: 'log_forked' });
    await second.close();
    await first.append(bytes('by the first again'));
    await first.close();
    const after = await open(stores);
    await after.publish();
    expect(await textsIn(after)).toEqual(['by the first', 'by the first again']);
  });

  test('N11 signs nothing when what is stored at the end of the tree was changed', async () => {
    for (const path of ['tile/0/001.p/44', 'tile/1/000.p/1', 'tile/entries/001.p/44']) {
      const stores = newStores();
      let isHarmed = false;
      const tiles: TileStore = {
        ...stores.tiles,
        async read(asked) {
          const found = await stores.tiles.read(asked);
          if (isHarmed && asked === path && found !== undefined)
            found[20] = (found[20] as number) ^ 4;
          return found;
        },
      };
      const log = await open({ ...stores, tiles });
      await log.appendAll(many(300));
      isHarmed = true;
      await expect(log.publish(), path).rejects.toMatchObject({ code: 'log_corrupt' });
      expect(log.checkpoint()).toBe(undefined);
      await expect(log.append(bytes('more'))).rejects.toMatchObject({ code: 'log_corrupt' });
      await log.close();
      await expect(open({ ...stores, tiles })).rejects.toMatchObject({ code: 'log_corrupt' });
      isHarmed = false;
      const healed = await open({ ...stores, tiles });
      expect(parseCheckpoint(parseNote((await healed.publish()).note)?.text ?? '')?.size).toBe(300);
    }
  });
});
