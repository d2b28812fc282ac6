import type { AuthorityStore } from '@taper/authority';

/** Which log is the authority's: set once it has been made, so that a log that is missing is never made anew. */
const LOG_MADE = 'log_origin';

export async function isLogMissing(store: AuthorityStore, origin: string): Promise<boolean> {
  return (await store.read((tx) => tx.findSetting(LOG_MADE))) !== origin;
}

export async function markLogMade(store: AuthorityStore, origin: string): Promise<void> {
  await store.transaction((tx) => tx.putSetting(LOG_MADE, origin));
}
