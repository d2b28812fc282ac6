import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { TaperError } from '@taper/core';

/** How far a store had come. */
export interface Progress {
  /** Drawn when the file was made: a new file is another store. */
  readonly name: string;
  /** Transactions that have changed it since. */
  readonly commits: number;
}

/**
 * What a file beside the store says of how far the store had come; `undefined` when there is none.
 * @throws {TaperError} `store_unusable` when it says something else.
 */
export function readWitness(path: string): Progress | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw unreadable(path, error);
  }
  const match = /^taper-authority 1 ([0-9a-f-]{36}) (0|[1-9][0-9]{0,14})\n$/.exec(text);
  if (match === null) throw unreadable(path);
  const [, name = '', commits = ''] = match;
  return { name, commits: Number(commits) };
}

/**
 * Replaces the file as one step, and durably. Only who holds the store's write lock may call it.
 * @throws whatever the file system does.
 */
export function writeWitness(path: string, { name, commits }: Progress): void {
  const next = `${path}.next`;
  const file = openSync(next, 'w', 0o600);
  try {
    writeSync(file, `taper-authority 1 ${name} ${commits}\n`);
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
 * Refuses a store that is behind its witness: an old copy knows nothing of who was retired and what was used since.
 * @throws {TaperError} `store_unusable`.
 */
export function compareWithWitness(
  store: Progress,
  witness: Progress | undefined,
  paths: { readonly store: string; readonly witness: string },
): void {
  if (witness === undefined) return;
  if (witness.name === store.name && witness.commits <= store.commits) return;
  throw new TaperError(
    'store_unusable',
    `The store ${paths.store} is not where ${paths.witness} last saw it: it is an old copy, or another file.`,
    {
      hint: 'Keys rotated, agents retired and tokens used since are not in it. Follow "Restoring" in docs/authority-store.md; remove the witness only after that.',
    },
  );
}

function unreadable(path: string, cause?: unknown): TaperError {
  return new TaperError('store_unusable', `The witness ${path} cannot be read.`, {
    hint: 'It is one line written by the store. Follow "Restoring" in docs/authority-store.md.',
    cause,
  });
}
