import {
  type AuthorityStore,
  createEntryPump,
  type EntryPump,
  type Revocations,
} from '@taper/authority';
import { type NoteKey, noteKey, type StapleSubject, type TrustAnchor } from '@taper/core';
import type { RevocationView } from '@taper/enforce';
import type { AuthorityConfig } from './config.ts';
import type { AuthorityKeys } from './keys.ts';
import { type LogNodeOptions, openLogNode } from './log-node.ts';
import { findRevoked, ownRevocations } from './own-revocations.ts';
import { followPublishedEpoch } from './published-epoch.ts';

/** A witness of the log, as its writer asks it. */
export interface LogWitnessPlace {
  readonly key: NoteKey;
  readonly url: string;
}

/** The authority's log as a node has it, whether this node writes it or another one. */
export interface AuthorityLog extends Revocations {
  /** All below `/log`. `client`: whose request it is, as rate limits call it; this node's own where it is left out. */
  readonly fetch: (request: Request, bindings: unknown, client?: string) => Promise<Response>;
  /** Whose request it is that another node of the authority has sent on; `undefined` where none proves that. */
  readonly sentOnFor?: (request: Request) => string | undefined;
  readonly view: RevocationView;
  /** Whether anything that a subject rests on is revoked. @throws where that is not known. */
  check(subject: StapleSubject, now: number): Promise<'good' | 'revoked'>;
  /** From now on roots under these keys prove a right to revoke: those that ever counted. */
  useAnchors(anchors: readonly TrustAnchor[]): void;
  /** The last epoch that was published, as far as it is known here: what a follower can be asked for. */
  epoch(): number;
  /** The store was handed an entry: it is brought into the log now, where this node writes it, and else at the writer's next look. */
  wake(): void;
  readonly witnesses: readonly LogWitnessPlace[];
  /** The one that this node runs. */
  readonly ownWitness: LogWitnessPlace | undefined;
  /** What does not work, by name. */
  problems(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** The verifier key of the log. */
export function logKey(config: AuthorityConfig, keys: AuthorityKeys): NoteKey {
  return noteKey(config.logOrigin, keys.log.publicKey, 1);
}

/** Milliseconds between an entry that was handed over and the pump's look: entries at one time come into the log together. */
const GATHERING = 5;

/** A pump, and what has it look soon. */
export interface WakeablePump extends EntryPump {
  wake(): void;
}

/** Brings what is in the store into the log, until it is closed. */
export async function startPump(
  store: AuthorityStore,
  log: Parameters<typeof createEntryPump>[0]['log'],
  keys: AuthorityKeys,
  onFailure: (cause: unknown) => void,
  interval?: number,
): Promise<WakeablePump> {
  const pump = createEntryPump({
    store,
    log,
    signer: keys.authority,
    onFailure,
    ...(interval === undefined ? {} : { interval }),
  });
  await pump.start();
  let waking: NodeJS.Timeout | undefined;
  return {
    get failure() {
      return pump.failure;
    },
    start: () => pump.start(),
    notify: () => pump.notify(),
    wake() {
      waking ??= setTimeout(() => {
        waking = undefined;
        pump.notify();
      }, GATHERING);
    },
    flush: () => pump.flush(),
    close() {
      clearTimeout(waking);
      return pump.close();
    },
  };
}

/** The log of an authority that is one node: in its folder, and nobody else's. */
export async function openLocalLog(
  options: LogNodeOptions & { readonly store: AuthorityStore },
): Promise<AuthorityLog> {
  const { store, keys, onFailure } = options;
  const node = await openLogNode(options);
  let pump: WakeablePump;
  try {
    pump = await startPump(store, node.authority, keys, onFailure);
  } catch (cause) {
    await node.close();
    throw cause;
  }
  const { authority, witnesses } = node;
  const { state } = authority;
  const published = followPublishedEpoch(authority);
  return {
    log: authority.log,
    revoke: (target, given) => authority.revoke(target, given),
    fetch: node.fetch,
    view: ownRevocations(authority),
    check: async (subject) => (findRevoked(state, subject) === undefined ? 'good' : 'revoked'),
    useAnchors: (anchors) => authority.useAnchors(anchors),
    epoch: () => published.epoch(),
    wake: () => pump.wake(),
    witnesses,
    ownWitness: node.witness,
    problems: async () => (pump.failure === undefined ? [] : ['log']),
    async close() {
      published.close();
      await pump.flush().catch(onFailure);
      await pump.close();
      await node.close();
    },
  };
}
