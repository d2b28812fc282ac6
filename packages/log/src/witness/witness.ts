import { type NoteKey, noteKey, type Signer, TaperError } from '@taper/core';
import { checkpointAnswer, refusal } from '../http/answer.ts';
import { createBodyReader } from '../http/body-reader.ts';
import {
  type AddCheckpointContext,
  addCheckpoint,
  type RefusedCheckpoint,
  type WitnessedLog,
} from './add-checkpoint.ts';
import { originHash } from './origin-hash.ts';
import type { WitnessStore } from './store.ts';

export interface WitnessOptions {
  /** The witness's name on its signatures: a URL without scheme, such as `witness.example/w1`. */
  readonly name: string;
  /** Ed25519, and used for nothing else: a cosignature does not commit to the name. */
  readonly signer: Signer;
  readonly logs: readonly WitnessedLog[];
  readonly store: WitnessStore;
  /** Seconds since the epoch, whole. */
  readonly clock: { now(): number };
  /** Path under which the witness is mounted, without a slash at its end. Default: none. */
  readonly prefix?: string;
  /** Milliseconds that a request may take to come. Default 10,000. */
  readonly patience?: number;
  /** Is told of checkpoints that their log signed and that are refused. What it throws is ignored. */
  readonly onRefused?: (refused: RefusedCheckpoint) => void;
  /** Is told why a request was answered 500. What it throws is ignored. */
  readonly onFailure?: (cause: unknown) => void;
}

/** Requests that are read at one time; the slowest makes room for one that comes. */
const MAX_BODIES = 128;

/** A witness (C2SP tlog-witness). */
export interface WitnessService {
  /** What its cosignatures are verified with; `text` is the verifier key that logs are configured with. */
  readonly key: NoteKey;
  /**
   * `POST {prefix}/add-checkpoint` and `GET {prefix}/{SHA-256 of the origin, hex}/checkpoint`, as a fetch-style handler.
   * Resolves whatever happens.
   */
  readonly fetch: (request: Request) => Promise<Response>;
}

/**
 * Makes a witness: it cosigns a checkpoint of a log that it knows when the log signed it and it is proved to contain everything
 * that the witness cosigned before. It remembers first and answers then.
 *
 * @throws {TaperError} `option_invalid` for a name or key that cannot be a cosigner's, and for a log that is named twice, has no
 * key, or has the witness's own.
 */
export function createWitness(options: WitnessOptions): WitnessService {
  const { name, signer, store, clock, prefix = '', patience = 10_000 } = options;
  const key = noteKey(name, signer.publicKey, 4);
  const logs = readLogs(options.logs, key);
  const byHash = new Map([...logs.keys()].map((origin) => [originHash(origin), origin]));
  const onRefused = quietly(options.onRefused);
  const onFailure = quietly(options.onFailure);
  const bodies = createBodyReader(MAX_BODIES, patience);
  const context: AddCheckpointContext = { name, signer, store, bodies, clock, logs, onRefused };

  async function answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const path = pathname.startsWith(`${prefix}/`) ? pathname.slice(prefix.length + 1) : '';
    if (path === 'add-checkpoint') {
      if (request.method === 'POST') return await addCheckpoint(request, context);
      return refusal(405, 'method not allowed', { Allow: 'POST' });
    }
    const origin = byHash.get(/^([0-9a-f]{64})\/checkpoint$/.exec(path)?.[1] ?? '');
    if (origin === undefined) return refusal(404, 'not found');
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return refusal(405, 'method not allowed', { Allow: 'GET, HEAD' });
    const held = await store.read(origin);
    return held === undefined ? refusal(404, 'nothing cosigned yet') : checkpointAnswer(held.note);
  }

  return Object.freeze({
    key,
    fetch: async (request: Request): Promise<Response> => {
      try {
        return await answer(request);
      } catch (cause) {
        onFailure(cause);
        return refusal(500, 'the witness has failed; nothing was cosigned');
      }
    },
  });
}

function readLogs(logs: readonly WitnessedLog[], own: NoteKey): ReadonlyMap<string, WitnessedLog> {
  const byOrigin = new Map<string, WitnessedLog>();
  for (const { origin, keys } of logs) {
    const known = typeof origin === 'string' && origin !== '' && !origin.includes('\n');
    if (!known || byOrigin.has(origin))
      throw new TaperError('option_invalid', 'A witness knows each log once, by its origin.');
    if (keys.length === 0 || keys.some(({ type }) => type !== 1))
      throw new TaperError('option_invalid', 'A log that is witnessed has keys of type 1.');
    if (keys.some(({ key }) => key.thumbprint === own.key.thumbprint))
      throw new TaperError('option_invalid', 'A log is no witness of itself.', {
        hint: 'The witness has the key of the log. Make it a key of its own.',
      });
    byOrigin.set(origin, { origin, keys: [...keys] });
  }
  return byOrigin;
}

/** Whom a port tells has no say in what is answered. */
function quietly<Told>(tell: ((told: Told) => void) | undefined): (told: Told) => void {
  return (told) => {
    try {
      tell?.(told);
    } catch {
      // The answer is the same.
    }
  };
}
