import {
  type ChainVerdict,
  canonicalize,
  type Denial,
  denial,
  isWellKnownTestKey,
  type JsonObject,
  type Permit,
  platform,
  readPresentations,
  type VerifiedChain,
  type VerifiedProof,
  type Verifier,
} from '@taper/core';
import type { CallContext } from '../decision.ts';
import type { UsedKey } from '../port/replay-store.ts';
import {
  isSessionRequest,
  type LiveSession,
  type SessionAuthenticator,
} from '../session/authenticator.ts';

/** A call as it came in. */
export interface Call {
  /** What came over the wire, unread: any value. */
  readonly wire: unknown;
  readonly tool: string;
  readonly args: JsonObject | string;
  readonly context: CallContext;
  /** Seconds since the epoch. */
  readonly now: number;
}

/** A call that its chains permit, whose caller has proved the keys of all leaves. What the enforcement point asks beyond is still open. */
export interface AuthenticatedCall {
  /** One for each chain presented, at least one. */
  readonly permits: readonly Permit[];
  /** Approvals that the caller brings along, unverified. */
  readonly approvals: readonly string[];
  /** What serves once: the proofs. */
  readonly uses: readonly UsedKey[];
  /** The proofs as they came, one for each chain; none in a session. */
  readonly proofs: readonly string[];
  /** Where a session stands in for the proofs: which, and the number of this request in it. */
  readonly session: { readonly session: LiveSession; readonly sequence: number } | undefined;
}

/** Why a call is refused, and which of several chains is at fault. */
export interface Refusal {
  readonly denial: Denial;
  readonly chainVerdict?: ChainVerdict | undefined;
  readonly joined?: number | undefined;
}

export interface CallSettings {
  readonly verifier: Verifier;
  readonly sessions: SessionAuthenticator | undefined;
  readonly allowTestKeys: boolean;
}

const UTF8 = new TextEncoder();

/**
 * Seconds after its `iat` for which a used proof is remembered. A proof passes for at most 60 seconds after its `iat`
 * (draft section 9.10); the rest is by how much the clocks of two enforcement points that share a store may differ.
 */
const PROOF_RETENTION = 120;

/** Draft section 8, steps 1–7h, and the stateless caveats, for every chain presented. */
export function authenticate(call: Call, settings: CallSettings): AuthenticatedCall | Refusal {
  const { wire, tool, args, context, now } = call;
  if (isSessionRequest(wire)) return inSession(call, settings);
  const read = readPresentations(wire);
  if ('code' in read) return { denial: read };
  const permits: Permit[] = [];
  const uses = new Map<string, UsedKey>();
  const several = read.presentations.length > 1;
  for (const [index, presentation] of read.presentations.entries()) {
    const joined = several ? index : undefined;
    const decision = settings.verifier.authorize({
      presentation,
      tool,
      args: permits[0]?.args ?? args, // all chains are asked about the same arguments, whatever an object shows the second time
      now,
      ...(context.definition === undefined ? {} : { definition: context.definition }),
    });
    if (decision.verdict === 'deny')
      return { denial: decision.denial, chainVerdict: decision.chainVerdict, joined };
    const weak = settings.allowTestKeys ? undefined : findTestKey(decision.chain, decision.proof);
    if (weak !== undefined) return { ...weak, chainVerdict: verified(decision.chain), joined };
    permits.push(decision);
    if (decision.proof === undefined) return { denial: denial('internal_error') };
    const { id, issuedAt } = decision.proof;
    const holder = decision.chain.leaf.claims.holder.thumbprint;
    const key = useOf(`proof ${holder} ${id}`);
    if (uses.has(key)) return { denial: denial('proof_replayed', { step: '7i' }), joined };
    uses.set(key, { key, expiresAt: issuedAt + PROOF_RETENTION });
  }
  return {
    permits: Object.freeze(permits),
    approvals: read.approvals,
    uses: [...uses.values()],
    proofs: read.presentations.map((each) => each.aat_pop),
    session: undefined,
  };
}

function inSession(
  { wire, tool, args, context, now }: Call,
  { verifier, sessions }: CallSettings,
): AuthenticatedCall | Refusal {
  if (sessions === undefined) return { denial: denial('session_unknown') };
  const text = textOf(args);
  if (text === undefined || text.length > verifier.limits.maxProofSize)
    return { denial: denial('arguments_malformed', { step: '6b' }) };
  const authenticated = sessions.authenticate(wire, tool, text, now);
  if (typeof authenticated === 'string') return { denial: denial(authenticated) };
  const { chains } = authenticated.session;
  const permits: Permit[] = [];
  for (const [index, chain] of chains.entries()) {
    const decision = verifier.authorizeInSession({
      chain,
      tool,
      args: text,
      now,
      ...(context.definition === undefined ? {} : { definition: context.definition }),
    });
    if (decision.verdict === 'deny') {
      const { denial: cause, chainVerdict } = decision;
      return { denial: cause, chainVerdict, joined: chains.length > 1 ? index : undefined };
    }
    permits.push(decision);
  }
  return {
    permits: Object.freeze(permits),
    approvals: [],
    uses: [],
    proofs: [],
    session: authenticated,
  };
}

/** The one text that is authenticated, judged under every chain, and run: an object could read differently each time. */
function textOf(args: JsonObject | string): string | undefined {
  if (typeof args === 'string') return args;
  try {
    return canonicalize(args);
  } catch {
    return undefined;
  }
}

/** Keys whose private halves are in print prove nothing. */
export function findTestKey(
  { tokens }: VerifiedChain,
  proof?: VerifiedProof,
): { readonly denial: Denial } | undefined {
  const isWeak = ({ rotations }: Pick<VerifiedProof, 'rotations'>): boolean =>
    rotations?.some(({ newKey }) => isWellKnownTestKey(newKey)) === true;
  let hop = tokens.findIndex((token) => isWellKnownTestKey(token.claims.holder) || isWeak(token));
  if (hop === -1 && proof !== undefined && isWeak(proof)) hop = tokens.length - 1;
  if (hop === -1) return undefined;
  return { denial: denial('holder_key_weak', { hop, step: hop === 0 ? '3l' : '4b2' }) };
}

export function verified(chain: VerifiedChain): ChainVerdict {
  return { verdict: 'verified', chain };
}

/** What a replay store remembers of something that serves once. */
export function useOf(text: string): string {
  return platform.sha256(UTF8.encode(text));
}
