// Opens a store as a process of its own, at the same time as others, and writes to it.
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';

const [path = '', name = ''] = process.argv.slice(2);
const store = openSqliteAuthorityStore({ path });
await store.transaction((tx) => tx.putSetting(name, 'x'));
await store.close();
