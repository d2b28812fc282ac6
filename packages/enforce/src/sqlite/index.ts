export {
  createSqliteAuditSink,
  openSqliteAuditLog,
  type SqliteAuditLog,
  type SqliteAuditSink,
} from './audit-sink.ts';
export { openSqliteDatabase, type SqliteDatabase, type SqliteDatabaseOptions } from './database.ts';
