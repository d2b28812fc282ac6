import {
  createVerifier,
  type Decision,
  type DenialCode,
  type Deny,
  denial,
  isWellKnownTestKey,
  type JsonObject,
  type Limits,
  type Permit,
  platform,
  readPresentation,
  TaperError,
  type TrustAnchor,
} from '@taper/core';
import { createMemoryReplayStore } from './memory/replay-store.ts';
import { type Clock, forwardOnly, systemClock } from './port/clock.ts';
import type { ReplayStore } from './port/replay-store.ts';

/**
 * Seconds after its `iat` for which a used proof is remembered. A proof passes for at most 60 seconds after its `iat`
 * (draft section 9.10); the rest is by how much the clocks of two enforcement points that share a store may differ.
 */
const PROOF_RETENTION = 120;

/** Milliseconds; past a minute nobody waits for the answer any more. */
const MAX_PORT_TIMEOUT = 60_000;

export interface EnforcementPointOptions {
  /** The identifiers of this enforcement point. Proofs must name one of them; tokens that carry `aud` must, too. */
  readonly audience: string | readonly string[];
  /** The root issuers that are trusted. */
  readonly anchors: readonly TrustAnchor[];
  /** Default: {@link systemClock}. */
  readonly clock?: Clock;
  /** Default: a memory store for this process alone. Replicas of one enforcement point must share a store. */
  readonly replay?: ReplayStore;
  /** Refuse chains in which no token carries `aud`. Default false. */
  readonly requireChainAudience?: boolean;
  /** Refuse proofs that name no audience. Default true; turn it off only where an intermediary forwards presentations (draft section 9.5). */
  readonly requireProofAudience?: boolean;
  /** When given, every proof must carry a nonce for which this returns true. */
  readonly acceptsNonce?: (nonce: string) => boolean;
  readonly limits?: Partial<Limits>;
  /** Milliseconds that a port may take to answer. Default 1000. */
  readonly portTimeout?: number;
  /** Accept keys whose private halves are printed in standards and test suites. Only for tests. Default false. */
  readonly allowWellKnownTestKeys?: boolean;
}

/** The one thing that stands between an agent and a tool. */
export interface EnforcementPoint {
  /**
   * Judges one call. Resolves to a decision whatever happens and never rejects.
   * A permit has consumed its proof; run the tool with `permit.args` and nothing else, at once and once.
   *
   * @param presentation what came over the wire, unread: any value.
   * @param args the arguments as an object, or their JSON text as received.
   */
  authorize(presentation: unknown, tool: string, args: JsonObject | string): Promise<Decision>;
}

/**
 * Makes an enforcement point (draft section 8, all steps).
 * @throws {TaperError} `option_invalid` when it could not be safe: no anchor, no audience, a well-known test key as anchor.
 */
export function createEnforcementPoint(options: EnforcementPointOptions): EnforcementPoint {
  const audience = [options.audience].flat();
  if (audience.length === 0) {
    throw new TaperError('option_invalid', 'An enforcement point needs an audience.', {
      hint: 'Pass the identifier that agents put into `aat_aud`, such as the URL of this server.',
    });
  }
  const { clock = systemClock, replay = createMemoryReplayStore(), portTimeout = 1000 } = options;
  if (typeof clock?.now !== 'function' || typeof replay?.accept !== 'function') {
    throw new TaperError('option_invalid', '`clock` or `replay` is not what its port asks for.');
  }
  if (!Number.isSafeInteger(portTimeout) || portTimeout < 1 || portTimeout > MAX_PORT_TIMEOUT) {
    throw new TaperError(
      'option_invalid',
      `\`portTimeout\` must be 1 to ${MAX_PORT_TIMEOUT} milliseconds.`,
    );
  }
  const readClock = forwardOnly(clock);
  const verifier = createVerifier({
    anchors: options.anchors,
    audience,
    requireChainAudience: options.requireChainAudience ?? false,
    requireProofAudience: options.requireProofAudience ?? true,
    ...(options.acceptsNonce === undefined ? {} : { acceptsNonce: options.acceptsNonce }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  const allowTestKeys = options.allowWellKnownTestKeys === true;
  for (const { issuer, key } of allowTestKeys ? [] : options.anchors) {
    if (!isWellKnownTestKey(key)) continue;
    throw new TaperError(
      'option_invalid',
      `The trust anchor of ${issuer} is a published test key: anybody can sign with it.`,
      { hint: 'Make a key of your own with `taper key new`.' },
    );
  }

  async function decide(wire: unknown, tool: string, args: JsonObject | string): Promise<Decision> {
    const now = readClock();
    if (now === undefined) return refuse('clock_unavailable');
    const presentation = readPresentation(wire);
    if ('code' in presentation)
      return { verdict: 'deny', denial: presentation, chainVerdict: undefined };
    const decision = verifier.authorize({ presentation, tool, args, now });
    if (decision.verdict === 'deny') return decision;
    const weak = allowTestKeys
      ? -1
      : decision.chain.tokens.findIndex(({ claims }) => isWellKnownTestKey(claims.holder));
    if (weak !== -1) return refuse('holder_key_weak', decision, weak === 0 ? '3l' : '4b2', weak);
    const spent = await spend(decision, now);
    if (spent !== undefined) return refuse(spent, decision, '7i');
    return expiredMeanwhile(decision, readClock()) ?? decision;
  }

  /** Step 7i, last of all: a refused call consumes no proof. */
  async function spend({ chain, proof }: Permit, now: number): Promise<DenialCode | undefined> {
    const holder = chain.leaf.claims.holder.thumbprint;
    const key = platform.sha256(new TextEncoder().encode(`${holder} ${proof.id}`));
    const verdict = await answer(
      () => replay.accept([{ key, expiresAt: proof.issuedAt + PROOF_RETENTION }], now),
      portTimeout,
    );
    if (verdict === 'accepted') return undefined;
    if (verdict === 'replayed') return 'proof_replayed';
    return verdict === 'full' ? 'replay_store_full' : 'replay_store_unavailable';
  }

  return Object.freeze({
    async authorize(wire: unknown, tool: string, args: JsonObject | string): Promise<Decision> {
      try {
        return await decide(wire, tool, args);
      } catch {
        return refuse('internal_error');
      }
    },
  });
}

/** A port may have taken its time: what has expired since is refused, with no grace. */
function expiredMeanwhile(permit: Permit, now: number | undefined): Deny | undefined {
  if (now === undefined) return refuse('clock_unavailable', permit);
  const hop = permit.chain.tokens.findIndex(({ claims }) => !(claims.exp > now));
  return hop === -1 ? undefined : refuse('token_expired', permit, hop === 0 ? '3e' : '4i', hop);
}

/** What a port answers, or `undefined` when it throws, rejects or is late. */
async function answer<Answer>(
  ask: () => Answer | Promise<Answer>,
  milliseconds: number,
): Promise<Answer | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const given = ask();
    if (typeof given !== 'object' || given === null) return given;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, milliseconds, undefined);
    });
    return await Promise.race([given, late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function refuse(code: DenialCode, permit?: Permit, step?: string, hop?: number): Deny {
  const chainVerdict =
    permit === undefined ? undefined : ({ verdict: 'verified', chain: permit.chain } as const);
  return Object.freeze({ verdict: 'deny', denial: denial(code, { step, hop }), chainVerdict });
}
