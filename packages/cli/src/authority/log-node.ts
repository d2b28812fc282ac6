import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type NoteKey, noteKey, type TrustAnchor } from '@taper/core';
import {
  createLogHandler,
  createRevocationService,
  createWitness,
  createWitnessClient,
  type Log,
  openLog,
  openLoggedRegister,
  openRevocationAuthority,
  type RevocationAuthority,
} from '@taper/log';
import {
  createFileRevocationStateStore,
  openFileCheckpointStore,
  openFileTileStore,
} from '@taper/log/file';
import { openSqliteWitnessStore } from '@taper/log/sqlite';
import { type FetchHandler, type Listener, listen, parseAddress } from '../serve/listener.ts';
import type { LogWitnessPlace } from './authority-log.ts';
import type { AuthorityConfig } from './config.ts';
import { HOME_FILES } from './home.ts';
import type { AuthorityKeys } from './keys.ts';

/** Path below which the log and the revocation service are served. */
export const LOG_PREFIX = '/log';

/** Milliseconds that requests have to end when the node stops. */
const GRACE = 5_000;

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
    if (witness !== undefined) undo.push(witness.close);
    const witnesses = [...options.witnesses, ...(witness === undefined ? [] : [witness])];
    await mkdir(place, { recursive: true, mode: 0o700 });
    const tiles = await openFileTileStore(join(place, 'tiles'));
    undo.push(() => tiles.close());
    const checkpoints = await openFileCheckpointStore(join(place, 'state'));
    undo.push(() => checkpoints.close());
    const log = await openLog({
      origin: config.logOrigin,
      signer: keys.log,
      tiles,
      checkpoints,
      create,
      witnesses: witnesses.map((each) => createWitnessClient(each)),
    });
    undo.push(() => log.close());
    const authority = await openRevocationAuthority({
      log,
      signer: keys.authority,
      anchors,
      clock,
      state: createFileRevocationStateStore(join(place, 'revocation-state')),
      onFailure,
    });
    undo.push(() => authority.close());
    const agents = await openLoggedRegister({
      authority,
      signer: keys.authority,
      state: createFileRevocationStateStore(join(place, 'agents-state')),
      onFailure,
    });
    undo.push(() => agents.close());
    const service = createRevocationService({
      log,
      authority,
      agents,
      prefix: LOG_PREFIX,
      onFailure,
    });
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
      fetch: (request) => (isOfLog(request) ? tileHandler(request) : service(request)),
      close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}

function isOfLog({ url }: Request): boolean {
  const { pathname } = new URL(url);
  return pathname === `${LOG_PREFIX}/checkpoint` || pathname.startsWith(`${LOG_PREFIX}/tile/`);
}

interface RunningWitness {
  readonly key: NoteKey;
  readonly url: string;
  close(): Promise<void>;
}

async function startWitness({
  folder,
  config,
  keys,
  clock,
  onFailure,
}: LogNodeOptions): Promise<RunningWitness | undefined> {
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
