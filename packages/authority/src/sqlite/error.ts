import { TaperError } from '@taper/core';
import { StoreError } from '../store-error.ts';

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html), the ones for which there is something to say. */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

interface Explanation {
  readonly code: 'store_unusable' | 'store_unavailable';
  readonly message: string;
  readonly hint: string;
}

const EXPLANATIONS: ReadonlyMap<number, Explanation> = new Map([
  [BUSY, locked()],
  [LOCKED, locked()],
  [
    READONLY,
    {
      code: 'store_unusable',
      message: 'cannot be written',
      hint: 'The user that runs this process must own the file and be able to write to its folder.',
    },
  ],
  [
    CORRUPT,
    {
      code: 'store_unusable',
      message: 'is damaged',
      hint: 'Stop every process that uses it, keep a copy, and follow "Restoring" in docs/authority-store.md.',
    },
  ],
  [
    FULL,
    {
      code: 'store_unavailable',
      message: 'has no room: the disk is full',
      hint: 'Free some space. Requests are refused until then; nothing has to be restarted.',
    },
  ],
  [
    CANTOPEN,
    {
      code: 'store_unusable',
      message: 'cannot be opened',
      hint: 'Its folder must exist, on a local disk, and be writable for the user that runs this process.',
    },
  ],
  [
    NOTADB,
    {
      code: 'store_unusable',
      message: 'is not a SQLite database',
      hint: 'Name another file. A store makes its file itself when there is none.',
    },
  ],
]);

function locked(): Explanation {
  return {
    code: 'store_unavailable',
    message: 'is locked by another connection',
    hint: 'Find who holds it: a backup, a `sqlite3` prompt with an open transaction, a stopped process.',
  };
}

/** What SQLite threw, as an error that tells the operator what to do; whatever else was thrown, as it is. */
export function storeError(error: unknown, path: string): unknown {
  const result = resultCodeOf(error);
  if (result === undefined) return error;
  const { code, message, hint } = EXPLANATIONS.get(result) ?? {
    code: 'store_unavailable' as const,
    message: `has failed (SQLite result code ${result})`,
    hint: 'See the cause, and the messages of the operating system about this disk.',
  };
  const text = `The store ${path} ${message}.`;
  return code === 'store_unusable'
    ? new TaperError(code, text, { hint, cause: error })
    : new StoreError(undefined, text, { hint, cause: error });
}

/** Whether the lock is held by somebody else, so that trying again may help. */
export function isBusy(error: unknown): boolean {
  const result = resultCodeOf(error);
  return result === BUSY || result === LOCKED;
}

/** The low byte of an extended result code is the primary one. */
function resultCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/** What is kept is not what was written. */
export function damaged(path: string): TaperError {
  return new TaperError('store_unusable', `The store ${path} holds a damaged record.`, {
    hint: 'It was changed by something else. Stop every process that uses it and follow "Restoring" in docs/authority-store.md.',
  });
}
