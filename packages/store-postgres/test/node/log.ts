import { createEntryPump } from '@taper/authority';
import { TaperError } from '@taper/core';
import { openLog, openRevocationAuthority } from '@taper/log';
import { testKey } from '@taper/testkit';
import {
  createPostgresAuthorityStore,
  createPostgresCheckpointStore,
  createPostgresRevocationStateStore,
  createPostgresTileStore,
  type HeldLease,
  type PostgresDatabase,
  type Tenure,
} from '../../src/index.ts';

export const ORIGIN = 'log.example/authority';
export const LOG_KEY = testKey('log');
const ROOT_KEY = testKey('root');
export const AUTHORITY_KEY = testKey('authority');

const FINAL = ['log_forked', 'log_corrupt', 'log_rolled_back', 'store_unusable'];

/** Writes the authority's log for as long as a lease is held. */
export async function beginLog(database: PostgresDatabase, lease: HeldLease): Promise<Tenure> {
  const options = { log: 'authority', lease };
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const onFailure = (cause: unknown): void => {
    if (cause instanceof TaperError && FINAL.includes(cause.code)) end();
  };
  const log = await openLog({
    origin: ORIGIN,
    signer: LOG_KEY.signer,
    tiles: createPostgresTileStore(database, options),
    checkpoints: createPostgresCheckpointStore(database, options),
    create: true,
  });
  const authority = await openRevocationAuthority({
    log,
    signer: AUTHORITY_KEY.signer,
    anchors: [{ issuer: 'https://authority.example', key: ROOT_KEY.publicKey }],
    clock: () => Math.floor(Date.now() / 1000),
    interval: 200,
    state: createPostgresRevocationStateStore(database, options),
    saveEvery: 3,
    onFailure,
  });
  authority.start();
  const store = createPostgresAuthorityStore(database);
  const pump = createEntryPump({
    store,
    log: authority,
    signer: AUTHORITY_KEY.signer,
    interval: 50,
    onFailure,
  });
  try {
    await pump.start();
  } catch (error) {
    await authority.stop();
    throw error;
  }
  return {
    ended,
    async close() {
      await pump.close();
      await authority.close();
      await log.close();
      await store.close();
    },
  };
}
