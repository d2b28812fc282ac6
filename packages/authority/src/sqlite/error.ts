import { TaperError } from '@taper/core';
import { type StoreFileKind, storeFileError } from '@taper/sqlite-file';
import { StoreError } from '../store-error.ts';

const REMEDY =
  'Stop every process that uses it, keep a copy, and follow "Restoring" in docs/authority-store.md.';

/** Of authorities. Its tables have no version: they say which steps made them. */
export const STORE: StoreFileKind = Object.freeze({
  noun: 'store',
  /** `TapA`. */
  applicationId: 0x54617041,
  danger: 'enrol a key as anybody',
  remedy: REMEDY,
  whenFull: 'Requests are refused until then; nothing has to be restarted.',
});

/** What SQLite threw, as an error of the port that tells the operator what to do; whatever else was thrown, as it is. */
export function storeError(error: unknown, path: string): unknown {
  const explained = storeFileError(STORE, path, error);
  if (explained === error || !(explained instanceof TaperError)) return explained;
  if (explained.code !== 'store_unavailable') return explained;
  const { message, hint, cause } = explained;
  return new StoreError(undefined, message, { ...(hint !== undefined && { hint }), cause });
}

/** What is kept is not what was written. */
export function damaged(path: string): TaperError {
  return new TaperError('store_unusable', `The store ${path} holds a damaged record.`, {
    hint: `It was changed by something else. ${REMEDY}`,
  });
}
