import { readdir } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import {
  type LogTrust,
  platform,
  type VerifiedCheckpoint,
  verifyCheckpointAsync,
} from '@taper/core';
import { createHttpTileSource, createLogReader, type LogReader, type TileSource } from '@taper/log';
import { createFileTileSource, readFileCheckpoint } from '@taper/log/file';
import type { Option } from 'commander';
import { Failure } from '../failure.ts';
import { valueOption } from '../option.ts';
import type { Session } from '../session.ts';
import { showName } from '../text/escape.ts';
import { withLog } from './failure.ts';
import { type LogFile, readLogFile } from './log-file.ts';

/** In the folder of a log: the log file, the tiles, and the state of the writer unless it is elsewhere. */
export const LOG_FILE = 'log.json';
export const TILES = 'tiles';
const STATE = 'state';

export const LOG_OPERAND = {
  term: '<log>',
  description: 'folder of the log, or its https:// address',
} as const;

export const logFileOption: Option = valueOption(
  '--log <file>',
  'log file: the origin and keys that you believe (default, for a folder: its own log.json)',
);

export const stateOption: Option = valueOption(
  '--state <folder>',
  'where the writer keeps its checkpoint (default: state, in the folder of the log)',
);

export interface PlaceOptions {
  readonly log?: string;
  readonly state?: string;
}

/** A log that is read: in a folder, or on a server. */
export interface LogPlace extends LogFile {
  /** It also reads `checkpoint`. */
  readonly source: TileSource;
  /** As given. */
  readonly name: string;
  /** Paths of all files of tiles; `undefined` for a server. */
  readonly paths: (() => Promise<readonly string[]>) | undefined;
}

/** @throws {Failure} `usage` without a log file for a server; as `readLogFile`. */
export async function openPlace(
  place: string,
  { log, state }: PlaceOptions,
  session: Session,
): Promise<LogPlace> {
  if (/^https?:\/\//.test(place)) {
    if (log === undefined)
      throw new Failure('usage', 'a log on a server needs --log', {
        field: '--log',
        hint: 'Give the file with its origin and keys, from a source other than that server.',
      });
    const file = await readLogFile(log, session);
    const source = await withLog(() => createHttpTileSource({ url: place }));
    return { ...file, source, name: place, paths: undefined };
  }
  const file = await readLogFile(log ?? join(place, LOG_FILE), session);
  const folder = resolve(session.io.cwd, place);
  const tiles = join(folder, TILES);
  const source = folderSource(tiles, stateFolder(folder, state, session));
  return { ...file, source, name: place, paths: () => tilePaths(tiles) };
}

export function stateFolder(folder: string, state: string | undefined, session: Session): string {
  return state === undefined ? join(folder, STATE) : resolve(session.io.cwd, state);
}

/** The folder of a log as readers see it, also while it is written. */
export function folderSource(tiles: string, state: string): TileSource {
  const source = createFileTileSource(tiles);
  return {
    async read(path) {
      if (path !== 'checkpoint') return source.read(path);
      const note = (await readFileCheckpoint(state))?.note;
      return note === undefined ? undefined : new TextEncoder().encode(note);
    },
  };
}

async function tilePaths(tiles: string): Promise<readonly string[]> {
  const found = await readdir(join(tiles, 'tile'), { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  return found
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(tiles, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !path.endsWith('.next'));
}

/** The signed checkpoint that a log shows. @throws {Failure} `log_unavailable` when there is none. */
export async function readNote({ source, name }: LogPlace): Promise<string> {
  const bytes = await withLog(() => source.read('checkpoint'));
  const note = bytes === undefined ? undefined : platform.decodeUtf8(bytes);
  if (note !== undefined) return note;
  throw new Failure('log_unavailable', `${showName(name)} shows no checkpoint`, {
    hint: 'Is it the right folder or address? A log that was just made has one after `taper log publish`.',
  });
}

/** @throws {Failure} `log_unverified`, naming what verification says. */
export async function requireCheckpoint(
  note: string,
  trust: LogTrust,
  now: number,
): Promise<VerifiedCheckpoint> {
  const verdict = await withLog(() => verifyCheckpointAsync(note, trust, { now }));
  if (verdict.ok) return verdict.checkpoint;
  throw new Failure('log_unverified', `the checkpoint is not believed: ${verdict.problem}`, {
    field: verdict.problem,
    hint: HINTS[verdict.problem],
  });
}

const HINTS = {
  note_malformed: 'It is no signed note: another file, or one that was cut or changed.',
  checkpoint_malformed: 'It is a signed note, but not of a log.',
  origin_mismatch: 'It is of another log than the log file names.',
  signature_missing: 'None of its signatures is of a key in the log file.',
  signature_invalid:
    'It was changed after it was signed, or somebody else signed under the name of the log or a witness.',
  quorum_unmet: 'Too few of the witnesses in the log file have cosigned it.',
  cosignature_future:
    'Witnesses signed it at a time that has not come yet: is the clock of this machine right?',
} as const;

/** Reads a log under a verified checkpoint. */
export function readerOf({ source }: LogPlace, { size, root }: VerifiedCheckpoint): LogReader {
  return createLogReader({ source, head: () => ({ size, root }) });
}
