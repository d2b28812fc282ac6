import { join } from 'node:path';
import { noteKey } from '@taper/core';
import { createWitness } from '@taper/log';
import { openSqliteWitnessStore } from '@taper/log/sqlite';
import { type Listener, listen, parseAddress } from '../serve/listener.ts';
import type { LogWitnessPlace } from './authority-log.ts';
import type { AuthorityConfig } from './config.ts';
import { HOME_FILES } from './home.ts';
import type { AuthorityKeys } from './keys.ts';

/** Milliseconds that requests have to end when the node stops. */
const GRACE = 5_000;

/** A witness of the log that the node of a folder runs itself. */
export interface OwnWitness extends LogWitnessPlace {
  close(): Promise<void>;
}

export interface OwnWitnessOptions {
  readonly folder: string;
  readonly config: AuthorityConfig;
  readonly keys: AuthorityKeys;
  readonly clock: () => number;
  readonly onFailure: (cause: unknown) => void;
}

/** `undefined` where the configuration has none. @throws {Failure} `port_taken`, `config_malformed`; {TaperError} `store_unusable`. */
export async function startWitness({
  folder,
  config,
  keys,
  clock,
  onFailure,
}: OwnWitnessOptions): Promise<OwnWitness | undefined> {
  if (config.witnessListen === undefined) return undefined;
  const store = openSqliteWitnessStore(join(folder, HOME_FILES.witness));
  let listener: Listener;
  try {
    const witness = createWitness({
      name: config.witnessName,
      signer: keys.witness,
      logs: [
        {
          origin: config.logOrigin,
          keys: [noteKey(config.logOrigin, keys.log.publicKey, 1)],
        },
      ],
      store,
      clock: { now: clock },
      onFailure,
    });
    listener = await listen({
      fetch: (request) => witness.fetch(request),
      ...parseAddress(config.witnessListen, 'witness_listen', 'config_malformed'),
      field: 'witness_listen',
    });
  } catch (cause) {
    store.close();
    throw cause;
  }
  return {
    key: noteKey(config.witnessName, keys.witness.publicKey, 4),
    url: listener.url,
    async close() {
      await listener.close(GRACE);
      store.close();
    },
  };
}
