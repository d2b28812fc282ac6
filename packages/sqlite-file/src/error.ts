import { TaperError } from '@taper/core';
import type { StoreFileKind } from './kind.ts';

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

function explanationOf(result: number, { remedy, whenFull }: StoreFileKind): Explanation {
  switch (result) {
    case BUSY:
    case LOCKED:
      return {
        code: 'store_unavailable',
        message: 'is locked by another connection',
        hint: 'Find who holds it: a backup, a `sqlite3` prompt with an open transaction, a stopped process.',
      };
    case READONLY:
      return {
        code: 'store_unusable',
        message: 'cannot be written',
        hint: 'The user that runs this process must own the file and be able to write to its folder.',
      };
    case CORRUPT:
      return { code: 'store_unusable', message: 'is damaged', hint: remedy };
    case FULL:
      return {
        code: 'store_unavailable',
        message: 'has no room: the disk is full',
        hint: `Free some space. ${whenFull}`,
      };
    case CANTOPEN:
      return {
        code: 'store_unusable',
        message: 'cannot be opened',
        hint: 'Its folder must exist, on a local disk, and be writable for the user that runs this process.',
      };
    case NOTADB:
      return {
        code: 'store_unusable',
        message: 'is not a SQLite database',
        hint: `Name another file, or, where it was one: ${remedy}`,
      };
    default:
      return {
        code: 'store_unavailable',
        message: `has failed (SQLite result code ${result})`,
        hint: 'See the cause, and the messages of the operating system about this disk.',
      };
  }
}

/**
 * What SQLite or the file system threw, as a {@link TaperError} that tells the operator what to do: `store_unusable` where waiting does
 * not help, `store_unavailable` where it may. Whatever else was thrown, as it is.
 */
export function storeFileError(kind: StoreFileKind, path: string, error: unknown): unknown {
  const result = resultCodeOf(error);
  if (result === undefined) return isOfFileSystem(error) ? unwritten(kind, path, error) : error;
  const { code, message, hint } = explanationOf(result, kind);
  return new TaperError(code, `The ${kind.noun} ${path} ${message}.`, { hint, cause: error });
}

/** Whether the lock is held by somebody else, so that trying again may help. */
export function isBusy(error: unknown): boolean {
  const result = resultCodeOf(error);
  return result === BUSY || result === LOCKED;
}

function unwritten({ noun, whenFull }: StoreFileKind, path: string, cause: Error): TaperError {
  return new TaperError(
    'store_unavailable',
    `What belongs to the ${noun} ${path} was not written.`,
    {
      hint: `See the cause, the free space and the rights in its folder. ${whenFull}`,
      cause,
    },
  );
}

/** The low byte of an extended result code is the primary one. */
function resultCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

function isOfFileSystem(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}
