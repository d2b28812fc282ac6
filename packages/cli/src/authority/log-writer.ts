import type { Signer, TrustAnchor } from '@taper/core';
import {
  type CheckpointStore,
  createRevocationService,
  createWitnessClient,
  type Log,
  openLog,
  openLoggedRegister,
  openRevocationAuthority,
  type RevocationAuthority,
  type RevocationStateStore,
  type TileStore,
} from '@taper/log';
import type { LogWitnessPlace } from './authority-log.ts';

/** Path below which the log and the revocation service are served. */
export const LOG_PREFIX = '/log';

/** What writes the authority's log: there is one at a time, wherever the log lies. */
export interface LogWriter {
  readonly log: Log;
  readonly authority: RevocationAuthority;
  /** All below {@link LOG_PREFIX} but checkpoint and tiles. */
  readonly service: (request: Request) => Promise<Response>;
  close(): Promise<void>;
}

export interface LogWriterOptions {
  readonly origin: string;
  readonly keys: { readonly log: Signer; readonly authority: Signer };
  readonly anchors: readonly TrustAnchor[];
  readonly witnesses: readonly LogWitnessPlace[];
  readonly tiles: TileStore;
  readonly checkpoints: CheckpointStore;
  /** Of what is revoked, and of the agents: each a store of its own. */
  readonly state: { readonly revoked: RevocationStateStore; readonly agents: RevocationStateStore };
  /** Whether the log is still to be made. */
  readonly create: boolean;
  /** The log is there now, and nothing is in it yet that was not. */
  readonly onOpen?: () => Promise<void>;
  readonly clock: () => number;
  readonly onFailure: (cause: unknown) => void;
}

/** Opens the log for writing, and what publishes revocations and the directory of agents in it. It begins once `authority.start()` is called. @throws {TaperError} whatever the log has. */
export async function openLogWriter(options: LogWriterOptions): Promise<LogWriter> {
  const { origin, keys, anchors, witnesses, tiles, checkpoints, state, create, clock, onFailure } =
    options;
  const undo: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const each of undo.splice(0).reverse())
      await Promise.resolve().then(each).catch(onFailure);
  };
  try {
    const log = await openLog({
      origin,
      signer: keys.log,
      tiles,
      checkpoints,
      create,
      witnesses: witnesses.map((each) => createWitnessClient(each)),
    });
    undo.push(() => log.close());
    await options.onOpen?.();
    const authority = await openRevocationAuthority({
      log,
      signer: keys.authority,
      anchors,
      clock,
      state: state.revoked,
      onFailure,
    });
    undo.push(() => authority.close());
    const agents = await openLoggedRegister({
      authority,
      signer: keys.authority,
      state: state.agents,
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
    return { log, authority, service, close };
  } catch (cause) {
    await close();
    throw cause;
  }
}

/** Whether a request is for the checkpoint or tiles, which every node serves. */
export function isOfTiles({ url }: Request): boolean {
  const { pathname } = new URL(url);
  return pathname === `${LOG_PREFIX}/checkpoint` || pathname.startsWith(`${LOG_PREFIX}/tile/`);
}
