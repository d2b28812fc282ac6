export { openSqliteDatabase, type SqliteDatabase, type SqliteDatabaseOptions } from './database.ts';
