import {
  createFrontier,
  EMPTY_ROOT,
  nodeHash,
  verifyConsistency,
  verifyInclusion,
} from '@taper/core';
import { createRandom } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { LogError } from '../../src/port/log-error.ts';
import type { TileSource } from '../../src/port/tile-store.ts';
import { createLogReader, type LogReader } from '../../src/reader/log-reader.ts';
import { readBundle, writeBundle } from '../../src/tile/bundle.ts';
import { changed, entryOf, flipped, leafOf, publishedLog } from './scene.ts';

/** MTH(D[from:to]), word for word as in RFC 6962 section 2.1. */
function treeHash(from: number, to: number): Uint8Array {
  if (to === from) return EMPTY_ROOT;
  if (to - from === 1) return leafOf(from);
  let half = 1;
  while (half * 2 < to - from) half *= 2;
  return nodeHash(treeHash(from, from + half), treeHash(from + half, to));
}

async function textsOf(reader: LogReader, from?: number, to?: number): Promise<string[]> {
  const texts: string[] = [];
  for await (const { index, entry } of reader.entries(from, to))
    texts.push(`${index}: ${new TextDecoder().decode(entry)}`);
  return texts;
}

/** The error that reading a whole log ends with; `undefined` when all is well. */
async function faultOf(reader: LogReader): Promise<unknown> {
  try {
    for await (const entry of reader.entries()) void entry;
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('a log reader', () => {
  test('N04 proves every entry in trees of every size, and the proof fits no other entry, index or size', async () => {
    const { log } = await publishedLog(70);
    for (let size = 1; size <= 70; size++) {
      const root = treeHash(0, size);
      expect(await log.reader.root(size)).toEqual(root);
      for (let index = 0; index < size; index++) {
        const proof = await log.reader.inclusionProof(index, size);
        const claim = { leaf: leafOf(index), index, size, proof, root };
        expect(verifyInclusion(claim)).toBe(true);
        expect(verifyInclusion({ ...claim, leaf: leafOf(index + 1) })).toBe(false);
        expect(verifyInclusion({ ...claim, index: (index + 1) % size || size })).toBe(false);
      }
    }
  });

  test('N06 proves consistency between trees of any two sizes', async () => {
    const { log } = await publishedLog(70);
    for (let size = 0; size <= 70; size++) {
      const root = await log.reader.root(size);
      for (let oldSize = 0; oldSize <= size; oldSize++) {
        const oldRoot = treeHash(0, oldSize);
        const proof = await log.reader.consistencyProof(oldSize, size);
        expect(verifyConsistency({ oldSize, oldRoot, size, root, proof })).toBe(true);
      }
    }
  });

  test('proves over the bounds of tiles', async () => {
    const { log } = await publishedLog(66_000);
    const { reader } = log;
    const { size, root } = reader.head();
    const random = createRandom('proofs over the bounds of tiles');
    const places = [0, 255, 256, 257, 511, 512, 65_279, 65_535, 65_536, 65_999];
    for (let more = 0; more < 60; more++) places.push(random.between(0, size - 1));
    for (const index of places) {
      const proof = await reader.inclusionProof(index);
      expect(verifyInclusion({ leaf: leafOf(index), index, size, proof, root })).toBe(true);
      const oldRoot = await reader.root(index);
      expect((await reader.frontier(index)).root()).toEqual(oldRoot);
      const path = await reader.consistencyProof(index);
      expect(verifyConsistency({ oldSize: index, oldRoot, size, root, proof: path })).toBe(true);
    }
    const frontier = createFrontier();
    for await (const leaf of reader.leafHashes()) frontier.append(leaf);
    expect(frontier.root()).toEqual(root);
  });

  test('reads entries of any range, in order', async () => {
    const { log } = await publishedLog(600);
    const all = Array.from({ length: 600 }, (_, index) => `${index}: entry ${index}`);
    expect(await textsOf(log.reader)).toEqual(all);
    for (const [from, to] of [
      [0, 0],
      [0, 1],
      [255, 257],
      [256, 512],
      [300, 600],
      [599, 600],
      [600, 600],
    ] as const)
      expect(await textsOf(log.reader, from, to)).toEqual(all.slice(from, to));
    expect((await log.reader.frontier(600)).root()).toEqual(log.reader.head().root);
  });

  test('N14 refuses indexes, sizes and ranges that a log cannot have', async () => {
    const { reader } = (await publishedLog(10)).log;
    const misuses: readonly (() => Promise<unknown>)[] = [
      () => reader.inclusionProof(-1),
      () => reader.inclusionProof(10),
      () => reader.inclusionProof(3, 3),
      () => reader.inclusionProof(0.5),
      () => reader.inclusionProof(2 ** 53),
      () => reader.inclusionProof(Number.NaN),
      () => reader.consistencyProof(7, 6),
      () => reader.consistencyProof(-1, 6),
      () => reader.root(-1),
      () => reader.frontier(1.5),
      () => textsOf(reader, -1),
      () => textsOf(reader, 5, 4),
    ];
    for (const misuse of misuses)
      await expect(misuse()).rejects.toMatchObject({ code: 'option_invalid' });
  });

  test('answers nothing about more than the verified checkpoint covers', async () => {
    const { reader } = (await publishedLog(10)).log;
    for (const beyond of [
      () => reader.inclusionProof(3, 11),
      () => reader.consistencyProof(3, 11),
      () => reader.root(11),
      () => reader.frontier(11),
      () => textsOf(reader, 3, 11),
    ])
      await expect(beyond()).rejects.toMatchObject({ code: 'log_unverified' });
  });

  test('N11 S10 finds every kind of flipped bit, names the resource or entry, and hands out nothing that is wrong', async () => {
    const { log, tiles } = await publishedLog(1000);
    const head = log.reader.head();
    const paths = ['tile/1/000.p/3'];
    for (const name of ['000', '001', '002', '003.p/232'])
      paths.push(`tile/0/${name}`, `tile/entries/${name}`);
    const random = createRandom('flipped bits');
    let flips = 0;
    for (const path of paths) {
      const bytes = (await tiles.read(path)) as Uint8Array;
      for (let flip = 0; flip < 60; flip++) {
        flips += 1;
        const bit = flip === 0 ? 0 : random.between(0, bytes.length * 8 - 1);
        const source = changed(tiles, path, (own) => flipped(own, bit));
        const reader = createLogReader({ source, head: () => head });
        let next = 0;
        let fault: unknown;
        try {
          for await (const { index, entry } of reader.entries()) {
            expect([index, entry]).toEqual([next, entryOf(next)]);
            next += 1;
          }
        } catch (error) {
          fault = error;
        }
        expect(fault).toBeInstanceOf(LogError);
        const { code, item } = fault as LogError;
        expect(code).toBe('log_corrupt');
        if (path.includes('entries')) expect(item).toBe(`entry ${next}`);
        else expect(item.split(', ')).toContain(path);
      }
    }
    expect(flips).toBe(540);
    expect(await faultOf(log.reader)).toBe(undefined);
  });

  test('S10 one damaged entry takes no other with it', async () => {
    const { log, tiles } = await publishedLog(1000);
    const source = changed(tiles, 'tile/entries/001', (bytes) => {
      const entries = readBundle(bytes).entries.map((entry) => new Uint8Array(entry));
      flipped(entries[44] as Uint8Array, 3);
      return writeBundle(entries);
    });
    const reader = createLogReader({ source, head: log.reader.head });
    expect((await textsOf(reader, 0, 300)).length).toBe(300);
    await expect(textsOf(reader, 300, 301)).rejects.toMatchObject({
      code: 'log_corrupt',
      item: 'entry 300',
    });
    expect((await textsOf(reader, 301)).length).toBe(699);
    const proof = await reader.inclusionProof(300);
    expect(proof).toEqual(await log.reader.inclusionProof(300));
  });

  test('names what is missing, cut or too long', async () => {
    const { log, tiles } = await publishedLog(1000);
    const harms: readonly ((bytes: Uint8Array) => Uint8Array | undefined)[] = [
      () => undefined,
      () => new Uint8Array(0),
      (bytes) => bytes.subarray(0, -1),
      (bytes) => bytes.subarray(32),
      (bytes) => Uint8Array.from([...bytes, 0]),
      (bytes) => Uint8Array.from([...bytes, ...bytes]),
    ];
    for (const path of [
      'tile/0/002',
      'tile/0/003.p/232',
      'tile/1/000.p/3',
      'tile/entries/002',
      'tile/entries/003.p/232',
    ])
      for (const harm of harms) {
        const reader = createLogReader({
          source: changed(tiles, path, harm),
          head: log.reader.head,
        });
        const fault = (await faultOf(reader)) as LogError;
        expect(fault.code).toBe('log_corrupt');
        expect(path.includes('entries') ? /^entry \d+$|^tile\/entries/ : /^tile\/[01]/).toSatisfy(
          (form: RegExp) => form.test(fault.item),
        );
        if (!path.includes('entries')) expect(fault.item).toContain(path);
      }
  });

  test('N18 takes no tile for another: of another index, level, width or log', async () => {
    const { log, tiles } = await publishedLog(1000);
    const { tiles: foreign } = await publishedLog(999);
    const swaps: readonly (readonly [string, TileSource, string])[] = [
      ['tile/0/001', tiles, 'tile/0/002'],
      ['tile/entries/001', tiles, 'tile/entries/002'],
      ['tile/1/000.p/3', tiles, 'tile/0/003.p/232'],
      ['tile/0/003.p/232', tiles, 'tile/0/002'],
      ['tile/entries/003.p/232', tiles, 'tile/entries/002'],
      ['tile/0/003.p/232', foreign, 'tile/0/003.p/231'],
      ['tile/entries/003.p/232', foreign, 'tile/entries/003.p/231'],
    ];
    for (const [path, from, other] of swaps) {
      const bytes = (await from.read(other)) as Uint8Array;
      const source = changed(tiles, path, () => bytes);
      const fault = await faultOf(createLogReader({ source, head: log.reader.head }));
      expect(fault, `${other} for ${path}`).toMatchObject({ code: 'log_corrupt' });
    }
  });

  test('reads the full tile where the partial one is gone, and believes no more of it than the checkpoint covers', async () => {
    const { log, tiles } = await publishedLog(700);
    const head = log.reader.head();
    await log.appendAll(Array.from({ length: 400 }, (_, offset) => entryOf(700 + offset)));
    await log.publish();
    expect(await tiles.read('tile/0/002.p/188')).toBe(undefined);
    const reader = createLogReader({ source: tiles, head: () => head });
    expect((await textsOf(reader)).length).toBe(700);
    expect(await reader.root()).toEqual(head.root);
    await expect(reader.root(701)).rejects.toMatchObject({ code: 'log_unverified' });
    const source = changed(tiles, 'tile/0/002', (bytes) => flipped(bytes, 8 * 32 * 187));
    expect(await faultOf(createLogReader({ source, head: () => head }))).toMatchObject({
      code: 'log_corrupt',
    });
  });

  test('N01 believes of what it has read before nothing that another tree does not hold', async () => {
    const { log, tiles } = await publishedLog(600);
    let head = log.reader.head();
    const reader = createLogReader({ source: tiles, head: () => head });
    await textsOf(reader);
    head = { size: 600, root: treeHash(0, 599) };
    await expect(reader.inclusionProof(3)).rejects.toMatchObject({ code: 'log_corrupt' });
    head = log.reader.head();
    expect((await reader.inclusionProof(3)).length).toBe(10);
  });

  test('reads again what failed before', async () => {
    const { log, tiles } = await publishedLog(600);
    let fails = true;
    const source: TileSource = {
      async read(path) {
        if (fails) throw new Error('the network is gone');
        return tiles.read(path);
      },
    };
    const reader = createLogReader({ source, head: log.reader.head });
    await expect(reader.inclusionProof(3)).rejects.toThrow('the network is gone');
    fails = false;
    expect(await reader.inclusionProof(3)).toEqual(await log.reader.inclusionProof(3));
  });

  test('needs a few tiles for a proof, however many there are, and keeps as many as it is told', async () => {
    const { log, tiles } = await publishedLog(66_000);
    const asked: string[] = [];
    const source: TileSource = {
      read(path) {
        asked.push(path);
        return tiles.read(path);
      },
    };
    const reader = createLogReader({ source, head: log.reader.head, keptTiles: 2 });
    await reader.inclusionProof(12_345);
    expect(asked.length).toBeLessThanOrEqual(6);
    asked.length = 0;
    await reader.inclusionProof(12_346);
    expect(asked).toEqual([]);
    await textsOf(reader, 0, 2000);
    asked.length = 0;
    await reader.inclusionProof(12_345);
    expect(asked).toContain('tile/0/048');
  });
});
