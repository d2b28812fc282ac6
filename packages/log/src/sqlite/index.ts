export {
  openSqliteWitnessStore,
  type SqliteWitnessStore,
  type SqliteWitnessStoreOptions,
} from './witness-store.ts';
