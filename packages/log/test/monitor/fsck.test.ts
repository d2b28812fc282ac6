import { leafHash, noteKey } from '@taper/core';
import { createRandom, testKey } from '@taper/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkLog, type FsckReport } from '../../src/monitor/fsck.ts';
import { localWitness } from '../local-witness.ts';
import { plainLog } from '../plain-log.ts';
import { sourceOf, type TileLog, tileLog } from '../tile-log.ts';

// A log of 1,000 entries with a witness, published at several sizes, so that partial tiles of earlier sizes are there, too.
let log: TileLog;

beforeAll(async () => {
  log = await tileLog({ witnesses: [localWitness('w1')] });
  for (const size of [3, 200, 300, 800, 1000]) {
    await log.append(size - log.log.size);
    await log.publish();
  }
});

function check(files: ReadonlyMap<string, Uint8Array>): Promise<FsckReport> {
  const note = Buffer.from(files.get('checkpoint') ?? []).toString();
  const paths = [...files.keys()].filter((path) => path !== 'checkpoint');
  return checkLog({ source: sourceOf(files), note, trust: log.trust, paths });
}

/** The log with one file changed, or without it. */
function changed(path: string, bytes: Uint8Array | undefined): Map<string, Uint8Array> {
  const files = new Map(log.files);
  if (bytes === undefined) files.delete(path);
  else files.set(path, bytes);
  return files;
}

function flipped(path: string, bit: number): Map<string, Uint8Array> {
  const bytes = Uint8Array.from(log.files.get(path) as Uint8Array);
  bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
  return changed(path, bytes);
}

const HASHES = 'tile/0/001';
const ENTRIES = 'tile/entries/001';

describe('fsck', () => {
  test('finds nothing wrong with a log that is whole', async () => {
    const report = await check(log.files);
    expect(report).toMatchObject({ verdict: 'intact', size: 1000, problems: [], problemCount: 0 });
    expect(report.files).toBe(log.files.size - 1);
  });

  test.each([0, 1, 2, 255, 256, 257, 511, 512, 70_000])(
    'passes a log of %i entries',
    async (size) => {
      const whole = await tileLog();
      for (let at = 0; at < size; at += 10_000) await whole.append(Math.min(10_000, size - at));
      const note = await whole.publish();
      const { source, trust } = whole;
      expect(await checkLog({ source, note, trust })).toMatchObject({ verdict: 'intact', size });
    },
  );

  test('N11 finds every flipped bit of the checkpoint', async () => {
    const bits = (log.files.get('checkpoint') as Uint8Array).length * 8;
    expect(bits).toBeGreaterThan(2000);
    for (let bit = 0; bit < bits; bit += 1) {
      const { verdict, problems } = await check(flipped('checkpoint', bit));
      expect([bit, verdict, problems[0]?.path]).toEqual([bit, 'damaged', 'checkpoint']);
    }
  });

  test('N11 finds every flipped bit of the tiles above the entries, and names tile and hash', async () => {
    const path = 'tile/1/000.p/3';
    for (let bit = 0; bit < 3 * 32 * 8; bit += 1) {
      const { verdict, problems } = await check(flipped(path, bit));
      expect([bit, verdict, problems[0]]).toEqual([
        bit,
        'damaged',
        { code: 'hash_wrong', path, index: bit >> 8 },
      ]);
    }
  });

  // Every bit of every file takes minutes: `node --conditions=@taper/source packages/log/soak/bit-flips.ts`.
  test('N11 finds a flipped bit in any file, and names that file and no other', async () => {
    const random = createRandom('bit flips');
    for (const [path, bytes] of log.files) {
      for (let round = 0; round < 60; round += 1) {
        const bit = random.between(0, bytes.length * 8 - 1);
        const { verdict, problems } = await check(flipped(path, bit));
        expect([path, bit, verdict]).toEqual([path, bit, 'damaged']);
        expect([...new Set(problems.map((each) => each.path))]).toEqual([path]);
      }
    }
  });

  test('N11 names the hash, or the entry, that was changed', async () => {
    const hash = await check(flipped(HASHES, 17 * 256 + 3));
    expect(hash.problems).toEqual([{ code: 'hash_wrong', path: HASHES, index: 256 + 17 }]);
    // Each entry is "entry " and three digits, behind two bytes of length: a bit of the last digit of the 18th.
    const entry = await check(flipped(ENTRIES, (17 * 11 + 10) * 8));
    expect(entry.problems).toEqual([{ code: 'entry_wrong', path: ENTRIES, index: 256 + 17 }]);
  });

  test('names each of several damages', async () => {
    const files = new Map([
      ...log.files,
      [HASHES, flipped(HASHES, 300).get(HASHES) as Uint8Array],
      ['tile/entries/002', flipped('tile/entries/002', 85).get('tile/entries/002') as Uint8Array],
      ['tile/1/000.p/3', flipped('tile/1/000.p/3', 1).get('tile/1/000.p/3') as Uint8Array],
    ]);
    const { problems } = await check(files);
    expect(new Set(problems.map((each) => each.path))).toEqual(
      new Set([HASHES, 'tile/entries/002', 'tile/1/000.p/3']),
    );
  });

  test('names both when an entry and its hash were changed together', async () => {
    const entries = log.files.get(ENTRIES) as Uint8Array;
    const other = plainLog({ size: 256, entry: (index) => Buffer.from(`other ${256 + index}`) });
    const files = changed(ENTRIES, entries);
    files.set(
      ENTRIES,
      Buffer.concat(other.entries.flatMap((entry) => [Buffer.from([0, entry.length]), entry])),
    );
    files.set(HASHES, Buffer.concat(other.entries.map(leafHash)));
    const { problems } = await check(files);
    expect(problems).toEqual([
      { code: 'hash_wrong', path: HASHES },
      { code: 'entry_wrong', path: ENTRIES },
    ]);
  });

  test('names what is missing, cut or too long', async () => {
    for (const path of log.files.keys()) {
      if (path === 'checkpoint' || /\.p\//.test(path) !== /p\/(?:232|3)$/.test(path)) continue;
      if (path.startsWith('tile/0/000.p') || path.startsWith('tile/entries/000.p')) continue;
      const whole = log.files.get(path) as Uint8Array;
      const gone = await check(changed(path, undefined));
      expect([path, gone.problems]).toEqual([path, [{ code: 'missing', path }]]);
      for (const bytes of [
        whole.subarray(0, -1),
        whole.subarray(0, 0),
        Buffer.concat([whole, new Uint8Array(1)]),
        Buffer.concat([whole, new Uint8Array(32)]),
      ]) {
        const { problems } = await check(changed(path, bytes));
        expect([path, problems[0]?.code]).toEqual([path, 'malformed']);
        expect(new Set(problems.map((each) => each.path))).toEqual(new Set([path]));
      }
    }
  });

  test('N18 finds a tile in the place of another, and files that no log has', async () => {
    const other = log.files.get('tile/0/002') as Uint8Array;
    const { problems } = await check(changed(HASHES, other));
    expect(problems.length).toBeGreaterThan(0);
    expect(new Set(problems.map((each) => each.path))).toEqual(new Set([HASHES]));
    for (const path of [
      'tile/0/1',
      'tile/00/000',
      'tile/0/000.p/256',
      'tile/x000/000',
      'tile/0/x000/000',
    ])
      expect((await check(changed(path, other))).problems).toEqual([{ code: 'unexpected', path }]);
  });

  test('N02 finds that the tiles are of another size or history than the checkpoint', async () => {
    const other = await tileLog({ history: 'another' });
    await other.append(1000);
    const note = await other.publish();
    const report = await checkLog({ source: log.source, note, trust: { ...log.trust, quorum: 0 } });
    expect(report.verdict).toBe('damaged');
    expect(report.problems[0]).toEqual({ code: 'root_wrong', path: 'checkpoint' });
    const larger = plainLog({ size: 1200, entry: (index) => Buffer.from(`entry ${index}`) });
    const ahead = await checkLog({
      source: log.source,
      note: await larger.note(1200),
      trust: { ...log.trust, quorum: 0 },
    });
    expect(ahead.problems.map(({ code }) => code)).toContain('missing');
  });

  test('N09 N10 looks at nothing under a checkpoint that does not verify', async () => {
    const note = (await log.publish()).replace(/\n— witness.*\n/, '\n');
    const report = await checkLog({ source: log.source, note, trust: log.trust });
    expect(report.problems).toEqual([
      { code: 'checkpoint_invalid', path: 'checkpoint', problem: 'quorum_unmet' },
    ]);
    const stranger = { ...log.trust, keys: [noteKey(log.trust.origin, testKey('x').publicKey, 1)] };
    const other = await checkLog({ source: log.source, note, trust: stranger });
    expect(other.problems).toMatchObject([{ problem: 'signature_missing' }]);
  });
});
