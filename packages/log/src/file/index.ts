export { openFileAuditSidecar, readFileAuditSidecar } from './audit-sidecar.ts';
export {
  type FileCheckpointStore,
  openFileCheckpointStore,
  readFileCheckpoint,
} from './checkpoint-store.ts';
export { type Disk, type DiskFile, localDisk } from './disk.ts';
export { createFileMonitorStore } from './monitor-store.ts';
export { createFileRevocationStateStore } from './revocation-state-store.ts';
export { createFileTileSource, type FileTileStore, openFileTileStore } from './tile-store.ts';
