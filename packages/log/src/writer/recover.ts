import { createFrontier, EMPTY_ROOT, type Frontier, leafHash } from '@taper/core';
import type { CheckpointStore, StoredCheckpoint } from '../port/checkpoint-store.ts';
import { LogError } from '../port/log-error.ts';
import type { TileStore } from '../port/tile-store.ts';
import { sameBytes } from '../tile/hashes.ts';
import type { TreeHead } from '../tile/load-edge.ts';
import { checkPublished } from './published.ts';
import { readRecord, type StagedEntries, writeBase } from './record.ts';
import { loadTiledEnd, type TiledEnd } from './tiled-end.ts';

/** A log as it is found, ready to go on. */
export interface Recovered {
  /** What is in the checkpoint store. */
  readonly stored: StoredCheckpoint;
  /** The tree of all that is committed. */
  readonly frontier: Frontier;
  /** What is in tiles. */
  readonly tiled: TiledEnd;
  /** Committed entries that are not in tiles yet. */
  readonly pending: readonly Uint8Array[];
}

export interface LogStores {
  readonly tiles: TileStore;
  readonly checkpoints: CheckpointStore;
}

/**
 * Brings both stores together. The checkpoint store says what was committed; the tile store has exactly that, or one group of
 * entries more, which a crash kept from being committed. Such a group is committed now: if in truth the checkpoint store is old by
 * one step, the same history goes on.
 *
 * It reads the staged records and the tiles at the right end, never the whole log.
 *
 * @throws {LogError} `log_unavailable` when there is no log and none is to be made; `log_rolled_back` when one of the stores is
 * older than the other; `log_corrupt` when something is damaged; `log_forked` when they hold different logs.
 */
export async function recover(
  { tiles, checkpoints }: LogStores,
  origin: string,
  create: boolean,
): Promise<Recovered> {
  const stored = await checkpoints.read();
  const staged = await tiles.staged();
  const records = staged.records.map((bytes, place) => {
    const record = readRecord(bytes);
    if (record !== undefined) return record;
    throw new LogError('log_corrupt', `journal record ${place}`, 'A staged record is malformed.');
  });
  if (stored === undefined)
    return begin({ tiles, checkpoints }, origin, create, records, staged.unreadable);
  if (stored.origin !== origin) {
    throw new LogError(
      'log_forked',
      'checkpoint',
      `This is the log ${stored.origin}, not ${origin}.`,
      {
        hint: 'Give every log stores of its own.',
      },
    );
  }
  const [base, ...later] = records;
  const reach = Math.max(0, ...records.map(endOf));
  if (base === undefined || reach < stored.size)
    throw staged.unreadable > 0 ? damaged(stored.size) : tilesBehind(stored.size, reach);
  if (records.some(({ start }) => start > stored.size)) throw checkpointBehind(stored.size, reach);
  const chain = chainOf(base, later, stored);

  const head = { size: base.start, root: base.root };
  const tiled = await loadTiledEnd(tiles, head);
  const frontier = tiled.edge.frontier();
  for (const record of chain) {
    for (const entry of record.entries) frontier.append(leafHash(entry));
    if (!sameBytes(frontier.root(), record.root)) throw damaged(endOf(record));
  }
  const last = chain.at(-1);
  const now =
    last !== undefined && last.start >= stored.size
      ? await adopt(checkpoints, stored, last)
      : stored;
  await checkPublished(tiles, now, head);
  const pending = chain.flatMap(({ entries }) => entries.map((entry) => new Uint8Array(entry)));
  return { stored: now, frontier, tiled, pending };
}

/** A new log of no entries. The tile store is made ready first: with it and nothing else, the log is still new. */
async function begin(
  { tiles, checkpoints }: LogStores,
  origin: string,
  create: boolean,
  records: readonly StagedEntries[],
  unreadable: number,
): Promise<Recovered> {
  const [base, ...later] = records;
  if (later.length > 0 || unreadable > 0 || (base !== undefined && endOf(base) > 0)) {
    throw new LogError(
      'log_rolled_back',
      'checkpoint',
      'There are entries, but no checkpoint of them.',
      {
        hint: 'Its store was lost, or is another one. Bring it back; without it, a log with a new origin and a new key has to be begun.',
      },
    );
  }
  if (!create) {
    throw new LogError('log_unavailable', 'checkpoint', `There is no log ${origin} here.`, {
      hint: 'Make a new one with `create: true`, and only then: empty stores may also mean that a disk is missing.',
    });
  }
  await tiles.restage(writeBase({ size: 0, root: EMPTY_ROOT }));
  const stored = { origin, size: 0, root: EMPTY_ROOT.slice(), note: undefined };
  if ((await checkpoints.replace(undefined, stored)) === 'conflict') throw otherWriter();
  const tiled = await loadTiledEnd(tiles, stored);
  return { stored, frontier: createFrontier(), tiled, pending: [] };
}

/**
 * The records that lead from the base to what is committed, and the one behind it, if there is one. Others may be among them, which
 * failed and were staged anew, or are of a writer that came second.
 */
function chainOf(
  base: StagedEntries,
  records: readonly StagedEntries[],
  { size, root }: StoredCheckpoint,
): StagedEntries[] {
  const chain: StagedEntries[] = [];
  let head: TreeHead = { size, root };
  const next = records.findLast(
    ({ start, before, entries }) => entries.length > 0 && start === size && sameBytes(before, root),
  );
  if (next !== undefined) chain.push(next);
  for (const record of records.toReversed()) {
    if (record === next || endOf(record) !== head.size || !sameBytes(record.root, head.root))
      continue;
    chain.unshift(record);
    head = { size: record.start, root: record.before };
  }
  if (head.size === base.start && sameBytes(head.root, base.root)) return chain;
  throw new LogError(
    'log_forked',
    'checkpoint',
    `The stores hold two different logs of ${size} entries.`,
    {
      hint: 'One of them is of another log, or of another time of this one. Bring back the two that belong together.',
    },
  );
}

async function adopt(
  checkpoints: CheckpointStore,
  stored: StoredCheckpoint,
  record: StagedEntries,
): Promise<StoredCheckpoint> {
  const next = { ...stored, size: endOf(record), root: record.root };
  if ((await checkpoints.replace(stored, next)) === 'conflict') throw otherWriter();
  return next;
}

function endOf({ start, entries }: StagedEntries): number {
  return start + entries.length;
}

function damaged(size: number): LogError {
  return new LogError('log_corrupt', 'journal', `The staged entries up to ${size} are damaged.`, {
    hint: 'They are acknowledged and not in tiles yet: look for another copy of the journal before anything else.',
  });
}

function tilesBehind(size: number, reach: number): LogError {
  return new LogError(
    'log_rolled_back',
    'journal',
    `The checkpoint is of ${size} entries, the tile store has ${reach}: it is an old copy, or empty.`,
    {
      hint: 'Entries that were acknowledged are missing. Bring back the newest tiles; if there are none, begin a log with a new origin and a new key.',
    },
  );
}

function checkpointBehind(size: number, reach: number): LogError {
  return new LogError(
    'log_rolled_back',
    'checkpoint',
    `The checkpoint is of ${size} entries, the tile store has ${reach}: the checkpoint is an old copy.`,
    {
      hint: 'Going on from here would make a second history. Bring back the newest checkpoint; if there is none, begin a log with a new origin and a new key.',
    },
  );
}

/** What a writer says that finds the checkpoint changed by another. */
export function otherWriter(): LogError {
  return new LogError('log_forked', 'checkpoint', 'Another writer has changed the checkpoint.', {
    hint: 'A log has one writer. Stop the other one, then restart this one.',
  });
}
