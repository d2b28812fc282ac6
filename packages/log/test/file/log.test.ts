import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '@taper/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import { openLogIn } from '../../soak/open.ts';
import { openFileCheckpointStore, readFileCheckpoint } from '../../src/file/checkpoint-store.ts';
import { localDisk } from '../../src/file/disk.ts';
import { createFileTileSource, openFileTileStore } from '../../src/file/tile-store.ts';
import { createLogReader } from '../../src/reader/log-reader.ts';
import { many } from '../writer/scene.ts';
import { newFolder } from './folder.ts';

const children: ChildProcess[] = [];
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const close of closing.splice(0)) await close();
});

async function openIn(folder: string): Promise<Awaited<ReturnType<typeof openLogIn>>> {
  const opened = await openLogIn(folder, localDisk);
  closing.push(opened.close);
  return opened;
}

/** A log of 700 entries, published at 300 and 690; closed. */
async function writtenLog(): Promise<string> {
  const folder = newFolder();
  const { log, close } = await openLogIn(folder, localDisk);
  await log.appendAll(many(300));
  await log.publish();
  await log.appendAll(many(390, 'more'));
  await log.publish();
  for (const entry of many(10, 'last')) await log.append(entry);
  await close();
  return folder;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

interface Said {
  readonly [what: string]: unknown;
}

function startWriter(
  folder: string,
  count: string,
  shell = '',
): { child: ChildProcess; first: Promise<void>; all: Promise<Said[]> } {
  const script = `${shell}exec "$0" --conditions=@taper/source "$@"`;
  const args = [
    '-c',
    script,
    process.execPath,
    join(import.meta.dirname, 'writer.ts'),
    folder,
    count,
  ];
  const child = spawn('/bin/sh', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let text = '';
  const first = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      resolve();
    });
  });
  const all = new Promise<Said[]>((resolve) => {
    child.on('close', () => {
      resolve(
        text
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line) as Said),
      );
    });
  });
  return { child, first, all };
}

describe('a log on files', () => {
  test.skipIf(process.platform === 'win32')('is for its owner alone', async () => {
    const folder = await writtenLog();
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const { mode } = statSync(join(entry.parentPath, entry.name));
      expect(mode & 0o777, entry.name).toBe(entry.isDirectory() ? 0o700 : 0o600);
    }
  });

  test('is served as it lies there, and read by others while it is written', async () => {
    const folder = await writtenLog();
    const { log } = await openIn(folder);
    const source = createFileTileSource(join(folder, 'tiles'));
    const stored = await readFileCheckpoint(join(folder, 'checkpoint'));
    expect(stored?.note).toBe(log.checkpoint());
    expect(stored?.size).toBe(700);
    const reader = createLogReader({ source, head: log.reader.head });
    let count = 0;
    for await (const { index } of reader.entries()) expect(index).toBe(count++);
    expect(count).toBe(690);
    for (const path of [
      'journal',
      'lock',
      '../checkpoint/state',
      'tile',
      'tile/0',
      'tile/0/000.next',
      'tile/0/000/',
    ])
      expect(await source.read(path)).toBe(undefined);
  });

  test('N18 follows no symbolic link in place of a tile', async () => {
    const folder = await writtenLog();
    const secret = join(folder, 'secret');
    writeFileSync(secret, 'not a tile');
    const path = join(folder, 'tiles/tile/0/000');
    rmSync(path);
    symlinkSync(secret, path);
    expect(await createFileTileSource(join(folder, 'tiles')).read('tile/0/000')).toBe(undefined);
  });

  test('S07 is opened once: neither store, nor another process', async () => {
    const folder = await writtenLog();
    const { close } = await openIn(folder);
    const unavailable = { code: 'log_unavailable' };
    await expect(openFileTileStore(join(folder, 'tiles'))).rejects.toMatchObject(unavailable);
    await expect(openFileCheckpointStore(join(folder, 'checkpoint'))).rejects.toMatchObject(
      unavailable,
    );
    expect(await startWriter(folder, '1').all).toEqual([{ refused: 'log_unavailable' }]);
    await close();
    expect((await startWriter(folder, '1').all).at(-1)).toEqual({ ended: 701 });
  });

  test('S07 whose lock files were deleted acknowledges one entry at an index, and the writer that lost its lock ends', async () => {
    const folder = await writtenLog();
    const first = await openIn(folder);
    for (const store of ['tiles', 'checkpoint']) rmSync(join(folder, store, 'lock'));
    const second = await openIn(folder);
    const results = await Promise.allSettled([
      first.log.append(Buffer.from('by the first')),
      second.log.append(Buffer.from('by the second')),
    ]);
    expect(results[0]).toMatchObject({ status: 'rejected', reason: { code: 'log_forked' } });
    expect(results[1]).toMatchObject({ status: 'fulfilled', value: { index: 700 } });
    await second.log.publish();
    await expect(first.log.publish()).rejects.toMatchObject({ code: 'log_forked' });
    for (const { close } of [first, second]) await close();
    const { log } = await openIn(folder);
    await log.publish();
    const texts: string[] = [];
    for await (const { entry } of log.reader.entries(700))
      texts.push(Buffer.from(entry).toString());
    expect(texts).toEqual(['by the second']);
  });

  test('S07 leaves no lock behind when its writer is killed', async () => {
    const folder = await writtenLog();
    const writer = startWriter(folder, 'hold');
    await writer.first;
    await expect(openLogIn(folder, localDisk)).rejects.toMatchObject({ code: 'log_unavailable' });
    writer.child.kill('SIGKILL');
    await writer.all;
    expect((await openIn(folder)).log.size).toBe(700);
  });

  test.skipIf(process.platform === 'win32')(
    'R10 goes on after a disk that was full: nothing acknowledged is lost',
    async () => {
      const folder = newFolder();
      // No file may grow beyond 20 blocks of 512 or 1024 bytes: the journal does, until tiles are made of it.
      const said = await startWriter(folder, '60', 'ulimit -f 20; trap "" XFSZ; ').all;
      const acknowledged = said.flatMap(({ index }) => (typeof index === 'number' ? [index] : []));
      expect(said).toContainEqual({ failed: 'log_unavailable' });
      expect(acknowledged.length).toBeGreaterThan(5);
      expect(said.at(-1)).toEqual({ ended: acknowledged.length });
      expect(acknowledged).toEqual(Array.from(acknowledged, (_, index) => index));
      const { log } = await openIn(folder);
      expect(await log.append(new Uint8Array(30_000))).toEqual({ index: acknowledged.length });
      await log.publish();
      const lengths: number[] = [];
      for await (const { entry } of log.reader.entries()) lengths.push(entry.length);
      expect(lengths.length).toBe(acknowledged.length + 1);
    },
  );

  test('S04 takes no more when its files were moved, deleted, cut, written to or restored under it', async () => {
    const harms: readonly ((folder: string) => void)[] = [
      (folder) => renameSync(join(folder, 'tiles/journal'), join(folder, 'moved')),
      (folder) => rmSync(join(folder, 'tiles'), { recursive: true }),
      (folder) => truncateSync(join(folder, 'tiles/journal'), 50),
      (folder) => appendFileSync(join(folder, 'tiles/journal'), 'x'),
      (folder) => {
        cpSync(join(folder, 'tiles/journal'), join(folder, 'copy'));
        renameSync(join(folder, 'copy'), join(folder, 'tiles/journal'));
      },
      (folder) => rmSync(join(folder, 'checkpoint/state')),
      (folder) => rmSync(join(folder, 'checkpoint'), { recursive: true }),
      (folder) => appendFileSync(join(folder, 'checkpoint/state'), 'x'),
      (folder) => truncateSync(join(folder, 'checkpoint/state'), 0),
    ];
    for (const harm of harms) {
      const folder = await writtenLog();
      const { log } = await openIn(folder);
      await log.append(new Uint8Array(1));
      harm(folder);
      await expect(log.append(new Uint8Array(2)), String(harm)).rejects.toMatchObject({
        code: expect.stringMatching(/^log_(?:forked|corrupt|unavailable)$/),
      });
      expect(log.size).toBe(701);
    }
  });

  test('S10 N11 a flipped bit in any of its files is found, or it changes nothing', async () => {
    const folder = await writtenLog();
    const random = createRandom('flipped bits in files');
    const want = await contentOf(folder);
    expect(want).toHaveLength(700);
    const paths = filesIn(folder).filter((path) => !path.endsWith('lock'));
    expect(paths.length).toBeGreaterThan(8);
    let found = 0;
    for (const path of paths) {
      const original = readFileSync(path);
      for (let flip = 0; flip < 12; flip++) {
        const bytes = Buffer.from(original);
        const bit = random.between(0, bytes.length * 8 - 1);
        bytes[bit >>> 3] = (bytes[bit >>> 3] as number) ^ (1 << (bit & 7));
        const copy = join(newFolder(), 'copy');
        cpSync(folder, copy, { recursive: true });
        writeFileSync(path.replace(folder, copy), bytes);
        const got = await contentOf(copy).catch((error: { code: string }) => error.code);
        if (typeof got === 'string') {
          expect(got).toMatch(/^log_(?:corrupt|forked|rolled_back)$/);
          found += 1;
        } else expect(got, `${path} bit ${bit}`).toEqual(want);
      }
    }
    // Only partial tiles of sizes before the last one are not needed any more.
    expect(found).toBeGreaterThan(paths.length * 12 * 0.6);
  });

  test('is not made in what is no folder, or where there is none above it', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'file'), '');
    for (const place of [join(folder, 'file'), join(folder, 'no', 'folder')]) {
      await expect(openFileTileStore(place)).rejects.toMatchObject({ code: 'log_unavailable' });
      await expect(openFileCheckpointStore(place)).rejects.toMatchObject({
        code: 'log_unavailable',
      });
    }
    mkdirSync(join(folder, 'there'));
    await (await openFileTileStore(join(folder, 'there'))).close();
  });

  test('N18 writes nothing under a name that no tile has', async () => {
    const folder = newFolder();
    const store = await openFileTileStore(join(folder, 'tiles'));
    for (const path of [
      '../outside',
      'tile/0/../../journal',
      'journal',
      '/etc/passwd',
      'tile/0/000.p/0',
    ])
      await expect(store.write([{ path, bytes: new Uint8Array(1) }])).rejects.toMatchObject({
        code: 'option_invalid',
      });
    expect(readdirSync(folder)).toEqual(['tiles']);
    expect(readdirSync(join(folder, 'tiles')).filter((name) => !name.startsWith('lock'))).toEqual(
      [],
    );
    await store.close();
    await expect(store.stage(new Uint8Array(1))).rejects.toMatchObject({ code: 'log_closed' });
    await store.close();
  });
});

/** All entries of the log in a folder after it was opened and published. */
async function contentOf(folder: string): Promise<string[]> {
  const { log, close } = await openLogIn(folder, localDisk);
  try {
    await log.publish();
    const texts: string[] = [];
    for await (const { entry } of log.reader.entries()) texts.push(Buffer.from(entry).toString());
    return texts;
  } finally {
    await close();
  }
}
