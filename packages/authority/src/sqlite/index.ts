export { openSqliteAuthorityStore, type SqliteAuthorityStoreOptions } from './store.ts';
