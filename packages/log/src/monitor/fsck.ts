import { type LogProblem, type LogTrust, verifyCheckpointAsync } from '@taper/core';
import type { TileSource } from '../port/tile-store.ts';
import { judgeTree } from './fsck-judge.ts';
import { readLevels } from './fsck-levels.ts';
import { checkOthers } from './fsck-others.ts';

/**
 * What is wrong with a log: the closed list. `checkpoint_invalid`: the checkpoint does not verify. `missing`: a tile or bundle is
 * not there. `malformed`: it has not the form that its name says. `hash_wrong`: a hash in a tile is not that of what is below it.
 * `entry_wrong`: an entry is not the one that was logged. `root_wrong`: the tiles at the end do not have the root that was signed.
 * `unexpected`: a file that no log has.
 */
export type FsckProblemCode =
  | 'checkpoint_invalid'
  | 'missing'
  | 'malformed'
  | 'hash_wrong'
  | 'entry_wrong'
  | 'root_wrong'
  | 'unexpected';

export interface FsckProblem {
  readonly code: FsckProblemCode;
  /** `checkpoint`, or the path of the tile or bundle. */
  readonly path: string;
  /** Of the entry in the log, or of the hash within its level. */
  readonly index?: number | undefined;
  /** For `checkpoint_invalid`. */
  readonly problem?: LogProblem | undefined;
}

export interface FsckReport {
  readonly verdict: 'intact' | 'damaged';
  /** Entries of the log; `undefined` when its checkpoint does not verify: then nothing else was looked at. */
  readonly size: number | undefined;
  /** Tiles and bundles that were read. */
  readonly files: number;
  /** The first 1000. */
  readonly problems: readonly FsckProblem[];
  readonly problemCount: number;
}

export interface FsckOptions {
  readonly source: TileSource;
  /** The signed checkpoint against which everything is checked. */
  readonly note: string;
  readonly trust: LogTrust;
  /** Paths of all files that are there, where that is known: partial tiles of earlier sizes are checked, too, and strangers named. */
  readonly paths?: Iterable<string> | AsyncIterable<string>;
  /** Is told, now and then, how many entries were read. */
  readonly onProgress?: (entries: number, size: number) => void;
}

const MOST_PROBLEMS = 1000;

/** Takes what is found. */
export type Find = (problem: FsckProblem) => void;

/**
 * Checks every byte of a log against a signed checkpoint: each entry against its hash, each hash against what is below it, and
 * the whole against the root. Names what is damaged: where an entry and its hash differ, the tree above tells which of the two was
 * changed. It holds in memory about a 128th of the hashes.
 *
 * @throws whatever the source does, such as `log_unavailable`.
 */
export async function checkLog(options: FsckOptions): Promise<FsckReport> {
  const { source, note, trust, paths = [], onProgress = () => undefined } = options;
  const problems: FsckProblem[] = [];
  let problemCount = 0;
  const find: Find = (problem) => {
    problemCount += 1;
    if (problems.length < MOST_PROBLEMS) problems.push(problem);
  };
  const report = (size: number | undefined, files: number): FsckReport => ({
    verdict: problemCount === 0 ? 'intact' : 'damaged',
    size,
    files,
    problems,
    problemCount,
  });

  const verdict = await verifyCheckpointAsync(note, trust);
  if (!verdict.ok) {
    find({ code: 'checkpoint_invalid', path: 'checkpoint', problem: verdict.problem });
    return report(undefined, 0);
  }
  const { size, root } = verdict.checkpoint;
  const levels = await readLevels(source, size, find, onProgress);
  const truths = judgeTree(levels, size, root, find);
  const others = await checkOthers(source, size, paths, truths, find);
  return report(size, levels.files + others);
}
