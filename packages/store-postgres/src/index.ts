export {
  createPostgresAuthorityStore,
  type PostgresAuthorityStoreOptions,
} from './authority/store.ts';
export {
  openPostgres,
  type PostgresDatabase,
  type PostgresOptions,
} from './database.ts';
export { createPostgresAuditSink, type PostgresAuditSink } from './enforce/audit-sink.ts';
export { createPostgresBudgetLedger } from './enforce/budget-ledger.ts';
export { createPostgresReplayStore } from './enforce/replay-store.ts';
export {
  createPostgresLease,
  type HeldLease,
  type LeaseHolder,
  type PostgresLease,
  type PostgresLeaseOptions,
} from './lease.ts';
export { createPostgresCheckpointStore, readPostgresCheckpoint } from './log/checkpoint-store.ts';
export type { PostgresLogOptions } from './log/fence.ts';
export { createPostgresRevocationStateStore } from './log/revocation-state-store.ts';
export { createPostgresTileSource, createPostgresTileStore } from './log/tile-store.ts';
export { PostgresError, type PostgresOutcome } from './postgres-error.ts';
export { keepTenure, type Tenure, type TenureKeeper } from './tenure.ts';
