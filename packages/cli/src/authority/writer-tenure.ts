import type { AuthorityStore } from '@taper/authority';
import type { TrustAnchor } from '@taper/core';
import type { RevocationAuthority } from '@taper/log';
import {
  createPostgresCheckpointStore,
  createPostgresRevocationStateStore,
  createPostgresTileStore,
  type HeldLease,
  type PostgresDatabase,
  type Tenure,
} from '@taper/store-postgres';
import { type LogWitnessPlace, startPump } from './authority-log.ts';
import type { AuthorityConfig } from './config.ts';
import type { AuthorityKeys } from './keys.ts';
import { openLogWriter } from './log-writer.ts';
import { followPublishedEpoch } from './published-epoch.ts';

/** Milliseconds between two looks for entries that other nodes handed over: nothing tells the writer of them. */
const LOOK = 50;

/** Milliseconds between two looks whether the pump goes on. */
const WATCH = 1_000;

export interface WriterTenureOptions {
  readonly database: PostgresDatabase;
  readonly store: AuthorityStore;
  readonly config: AuthorityConfig;
  readonly keys: AuthorityKeys;
  readonly anchors: readonly TrustAnchor[];
  readonly witnesses: readonly LogWitnessPlace[];
  /** Whether the log is still to be made; asked each time that this node comes to write it. */
  readonly isMissing: () => Promise<boolean>;
  readonly onMade: () => Promise<void>;
  readonly clock: () => number;
  readonly onFailure: (cause: unknown) => void;
}

/** What the node that writes has. */
export interface WriterTenure extends Tenure {
  readonly authority: RevocationAuthority;
  readonly service: (request: Request) => Promise<Response>;
  /** The last that was published. */
  epoch(): number;
  wake(): void;
}

/** Writes the log for as long as the lease is held. @throws {TaperError} whatever log and database have. */
export async function beginTenure(
  lease: HeldLease,
  options: WriterTenureOptions,
): Promise<WriterTenure> {
  const { database, store, config, keys, anchors, witnesses, clock, onFailure } = options;
  const place = { log: config.logOrigin, lease };
  const undo: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const each of undo.splice(0).reverse()) await Promise.resolve(each()).catch(onFailure);
  };
  try {
    const writer = await openLogWriter({
      origin: config.logOrigin,
      keys,
      anchors,
      witnesses,
      tiles: createPostgresTileStore(database, place),
      checkpoints: createPostgresCheckpointStore(database, place),
      state: {
        revoked: createPostgresRevocationStateStore(database, place),
        agents: createPostgresRevocationStateStore(database, {
          log: `${config.logOrigin} agents`,
          lease,
        }),
      },
      create: await options.isMissing(),
      onOpen: options.onMade,
      clock,
      onFailure,
    });
    undo.push(() => writer.close());
    const { authority, service } = writer;
    const pump = await startPump(store, authority, keys, onFailure, LOOK);
    undo.push(() => pump.close());
    const published = followPublishedEpoch(authority);
    undo.push(() => published.close());
    authority.start();
    return {
      authority,
      service,
      epoch: () => published.epoch(),
      wake: () => pump.wake(),
      ended: new Promise((resolve) => {
        const watching = setInterval(() => {
          if (pump.failure !== undefined) resolve(pump.failure);
        }, WATCH);
        undo.push(() => clearInterval(watching));
      }),
      close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}
