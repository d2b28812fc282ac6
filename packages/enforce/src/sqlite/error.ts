import { type StoreFileKind, storeFileError } from '@taper/sqlite-file';

/** Of enforcement points: proofs used, budgets, approvals, what is revoked, audit events. */
export const STORE: StoreFileKind = Object.freeze({
  noun: 'store',
  /** `Tapr`. */
  applicationId: 0x54617072,
  version: 1,
  danger: 'give back spent budgets',
  remedy: 'Stop every process that uses it, keep a copy, and follow "Restoring" in docs/stores.md.',
  whenFull: 'Calls are refused until then; nothing has to be restarted.',
});

/** What SQLite threw, as a `TaperError` that tells the operator what to do; whatever else was thrown, as it is. */
export function storeError(error: unknown, path: string): unknown {
  return storeFileError(STORE, path, error);
}
