import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrustAnchor } from '@taper/core';
import { createLogHandler, type Log, type RevocationAuthority } from '@taper/log';
import {
  createFileRevocationStateStore,
  openFileCheckpointStore,
  openFileTileStore,
} from '@taper/log/file';
import type { FetchHandler } from '../serve/listener.ts';
import type { LogWitnessPlace } from './authority-log.ts';
import type { AuthorityConfig } from './config.ts';
import { HOME_FILES } from './home.ts';
import type { AuthorityKeys } from './keys.ts';
import { isOfTiles, LOG_PREFIX, openLogWriter } from './log-writer.ts';
import { startWitness } from './own-witness.ts';

/** The authority's log with its one writer, and the witness that cosigns it. */
export interface LogNode {
  readonly log: Log;
  readonly authority: RevocationAuthority;
  /** Of all witnesses the one that this node runs. */
  readonly witness: LogWitnessPlace | undefined;
  readonly witnesses: readonly LogWitnessPlace[];
  /** All below {@link LOG_PREFIX}. */
  readonly fetch: FetchHandler;
  close(): Promise<void>;
}

export interface LogNodeOptions {
  readonly folder: string;
  readonly config: AuthorityConfig;
  readonly keys: AuthorityKeys;
  readonly anchors: readonly TrustAnchor[];
  /** That somebody else runs. */
  readonly witnesses: readonly LogWitnessPlace[];
  /** Whether the log is still to be made. */
  readonly create: boolean;
  readonly clock: () => number;
  readonly onFailure: (cause: unknown) => void;
}

/** @throws {Failure} `port_taken`; {TaperError} whatever the log has. */
export async function openLogNode(options: LogNodeOptions): Promise<LogNode> {
  const { folder, config, keys, anchors, create, clock, onFailure } = options;
  const place = join(folder, HOME_FILES.log);
  const undo: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const each of undo.splice(0).reverse()) await each();
  };
  try {
    const witness = await startWitness(options);
    if (witness !== undefined) undo.push(() => witness.close());
    const witnesses = [...options.witnesses, ...(witness === undefined ? [] : [witness])];
    await mkdir(place, { recursive: true, mode: 0o700 });
    const tiles = await openFileTileStore(join(place, 'tiles'));
    undo.push(() => tiles.close());
    const checkpoints = await openFileCheckpointStore(join(place, 'state'));
    undo.push(() => checkpoints.close());
    const writer = await openLogWriter({
      origin: config.logOrigin,
      keys,
      anchors,
      witnesses,
      tiles,
      checkpoints,
      state: {
        revoked: createFileRevocationStateStore(join(place, 'revocation-state')),
        agents: createFileRevocationStateStore(join(place, 'agents-state')),
      },
      create,
      clock,
      onFailure,
    });
    undo.push(() => writer.close());
    const { log, authority, service } = writer;
    const tileHandler = createLogHandler({
      tiles,
      checkpoint: () => log.checkpoint(),
      prefix: LOG_PREFIX,
      onFailure,
    });
    authority.start();
    return {
      log,
      authority,
      witness,
      witnesses,
      fetch: (request) => (isOfTiles(request) ? tileHandler(request) : service(request)),
      close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}
