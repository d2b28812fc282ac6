import { type LogTrust, verifyCheckpointAsync } from '@taper/core';
import { checkLog } from '../monitor/fsck.ts';
import type { CheckpointStore } from '../port/checkpoint-store.ts';
import { LogError } from '../port/log-error.ts';
import type { TileFile, TileSource, TileStore } from '../port/tile-store.ts';
import { readBundle, writeBundle } from '../tile/bundle.ts';
import { HASH_SIZE } from '../tile/hashes.ts';
import type { TreeHead } from '../tile/load-edge.ts';
import { TILE_WIDTH, type TileName, tilePath } from '../tile/path.ts';
import { writeBase } from './record.ts';

/** Files that are fetched, and made durable, at one time. */
const AT_ONCE = 32;

export interface AdoptLogOptions {
  /** Where the log is read: a mirror, a server that still runs, a copy. Nothing of it is believed. */
  readonly source: TileSource;
  /** The signed checkpoint up to which it is taken over. */
  readonly note: string;
  readonly trust: LogTrust;
  /** Seconds since the epoch. */
  readonly now: number;
  /** Stores that hold nothing. */
  readonly tiles: TileStore;
  readonly checkpoints: CheckpointStore;
}

/**
 * Brings a log that was lost into new stores, from wherever somebody still has it, so that its writer can go on. Every byte is checked
 * against the checkpoint; only then is it a log, in one step.
 *
 * What was signed after the checkpoint is not in it: whoever has seen that finds a second history in what is written next. Take the
 * newest that anybody has; witnesses that still know refuse an older one when the log is opened.
 *
 * @throws {LogError} `log_unverified` naming what verification says; `log_corrupt` naming what is missing or wrong; `log_forked` for
 * stores that hold something; whatever source and stores throw.
 */
export async function adoptLog(options: AdoptLogOptions): Promise<TreeHead> {
  const { source, note, trust, now, tiles, checkpoints } = options;
  const verdict = await verifyCheckpointAsync(note, trust, { now });
  if (!verdict.ok)
    throw new LogError(
      'log_unverified',
      verdict.problem,
      `The checkpoint is not believed: ${verdict.problem}.`,
    );
  const { origin, size, root } = verdict.checkpoint;
  const { records, unreadable } = await tiles.staged();
  if (records.length > 0 || unreadable > 0 || (await checkpoints.read()) !== undefined)
    throw new LogError('log_forked', 'checkpoint', 'There is a log in these stores already.', {
      hint: 'Give it stores of its own.',
    });
  const names = namesOf(size);
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const group = names.slice(at, at + AT_ONCE).map((name) => readWhole(source, name));
    await tiles.write(await Promise.all(group));
  }
  const { problems } = await checkLog({ source: tiles, note, trust });
  const [first] = problems;
  if (first !== undefined)
    throw new LogError('log_corrupt', first.path, `${first.path} is not that of this log.`, {
      hint: 'Read it from somewhere else.',
    });
  await tiles.restage(writeBase({ size, root }));
  const put = await checkpoints.replace(undefined, { origin, size, root, note });
  if (put === 'replaced') return { size, root };
  throw new LogError('log_forked', 'checkpoint', 'Somebody else makes a log in these stores.');
}

/** The tiles and bundles of a tree. */
function namesOf(size: number): TileName[] {
  const names: TileName[] = [];
  for (let level = 0, hashes = size; hashes > 0; level += 1) {
    for (let index = 0; index * TILE_WIDTH < hashes; index += 1) {
      const width = Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH);
      names.push({ level, index, width });
      if (level === 0) names.push({ level: 'entries', index, width });
    }
    hashes = Math.floor(hashes / TILE_WIDTH);
  }
  return names;
}

/** A partial tile may be gone where the full one is there: then it is the beginning of that one. */
async function readWhole(source: TileSource, name: TileName): Promise<TileFile> {
  const path = tilePath(name);
  const own = await source.read(path);
  if (own !== undefined) return { path, bytes: own };
  const full =
    name.width === TILE_WIDTH
      ? undefined
      : await source.read(tilePath({ ...name, width: TILE_WIDTH }));
  const bytes = full && beginningOf(full, name);
  if (bytes !== undefined) return { path, bytes };
  throw new LogError('log_corrupt', path, `${path} is missing.`, {
    hint: 'Read the log from somewhere else; where it was being written meanwhile, try again.',
  });
}

function beginningOf(full: Uint8Array, { level, width }: TileName): Uint8Array | undefined {
  if (level !== 'entries') return full.slice(0, width * HASH_SIZE);
  const { entries } = readBundle(full);
  return entries.length < width ? undefined : writeBundle(entries.slice(0, width));
}
