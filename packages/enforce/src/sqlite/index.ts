export { createSqliteApprovalSource } from './approval-source.ts';
export {
  createSqliteAuditSink,
  openSqliteAuditLog,
  type SqliteAuditLog,
  type SqliteAuditSink,
} from './audit-sink.ts';
export { createSqliteBudgetLedger, type SqliteBudgetLedgerOptions } from './budget-ledger.ts';
export { openSqliteDatabase, type SqliteDatabase, type SqliteDatabaseOptions } from './database.ts';
export { createSqliteReplayStore } from './replay-store.ts';
export { createSqliteRevocationView, type SqliteRevocationView } from './revocation-view.ts';
