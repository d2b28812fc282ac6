import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { TaperError } from '@taper/core';
import type { StoreFileKind } from './kind.ts';

/** How far a store has come. */
export interface Progress {
  /** Drawn when the file was made, a UUID: a new file is another store. */
  readonly name: string;
  /** Transactions that have changed it since. */
  readonly commits: number;
}

/** Makes a file anew, and writes to no other one where a link was put there. Windows knows no such flag. */
const REPLACE =
  constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | (constants.O_NOFOLLOW ?? 0);

/**
 * Reads the file beside a store that says how far the store had come; `undefined` when there is none.
 *
 * @param tag first word of its one line, such as `taper-store`.
 * @throws {TaperError} `store_unusable` when it says something else.
 */
export function readProgress(kind: StoreFileKind, tag: string, path: string): Progress | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw unreadable(kind, path, error);
  }
  const match = /^(\S+) 1 ([0-9a-f-]{36}) (0|[1-9][0-9]{0,14})\n$/.exec(text);
  if (match === null || match[1] !== tag) throw unreadable(kind, path);
  const [, , name = '', commits = ''] = match;
  return { name, commits: Number(commits) };
}

/**
 * Replaces the file as one step, and durably. Only who holds the store's write lock may call it.
 * @throws whatever the file system does.
 */
export function writeProgress(tag: string, path: string, { name, commits }: Progress): void {
  const next = `${path}.next`;
  const file = openSync(next, REPLACE, 0o600);
  try {
    writeSync(file, `${tag} 1 ${name} ${commits}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(next, path);
  if (process.platform === 'win32') return;
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/**
 * Refuses a store that is behind what was noted of it.
 *
 * @param lost what an old copy knows nothing of: the subject of "… since are not in it."
 * @throws {TaperError} `store_unusable`.
 */
export function refuseOldCopy(
  { noun, remedy }: StoreFileKind,
  store: Progress,
  noted: Progress | undefined,
  {
    path,
    witness,
    lost,
  }: { readonly path: string; readonly witness: string; readonly lost: string },
): void {
  if (noted === undefined) return;
  if (noted.name === store.name && noted.commits <= store.commits) return;
  throw new TaperError(
    'store_unusable',
    `The ${noun} ${path} is not where ${witness} last saw it: it is an old copy, or another file.`,
    { hint: `${lost} since are not in it. ${remedy} Remove the witness only after that.` },
  );
}

function unreadable({ remedy }: StoreFileKind, path: string, cause?: unknown): TaperError {
  return new TaperError('store_unusable', `The note of progress ${path} cannot be read.`, {
    hint: `It is one line that Taper writes. ${remedy}`,
    cause,
  });
}
