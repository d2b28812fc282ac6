export { isBusy, storeFileError } from './error.ts';
export type { StoreFileKind } from './kind.ts';
export { type FileLock, takeFileLock } from './lock.ts';
export { openStoreFile, type StoreFileOptions } from './open.ts';
export { type Progress, readProgress, refuseOldCopy, writeProgress } from './progress.ts';
export { exclusively } from './transaction.ts';
