export { openSqliteViewStore, type SqliteViewStore } from './view-store.ts';
export {
  openSqliteWitnessStore,
  type SqliteWitnessStore,
  type SqliteWitnessStoreOptions,
} from './witness-store.ts';
