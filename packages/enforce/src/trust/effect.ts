import type { AuditEvent, DenialCode } from '@taper/core';

/** What one event says of the agent in it. */
export interface TrustEffect {
  /** The agent's key, RFC 7638 thumbprint. */
  readonly key: string;
  /** Positive speaks for the agent, negative against it. */
  readonly weight: number;
  /** What counts, such as `executed` or a denial code. */
  readonly kind: string;
  /** Events with one fingerprint shortly after each other are one: a refused call can be sent again by whoever overheard it. */
  readonly fingerprint: string;
}

/** How much each denial counts against the agent that was refused; other denials say nothing of it. */
export type TrustWeights = { readonly [kind in DenialCode | 'executed']?: number };

/**
 * What agents are known by, unless configured otherwise: only what an agent has proved to have asked for. Refusals that come before that
 * proof is complete (a tool or an argument beyond the chain) name no agent in their events, since others can bring them about; so can
 * others an expiry, a revocation, a replay or a port that fails. Nor does an approval that is forged or of something else: no proof covers
 * what comes beside it, so that whoever overhears a call can put one there. An approval by the requester has its signature.
 */
export const DEFAULT_TRUST_WEIGHTS: TrustWeights = Object.freeze({
  executed: 1,
  budget_exceeded: -1,
  policy_denied: -1,
  approval_by_requester: -4,
});

/**
 * What an event says of the agent that it names; `undefined` where it says nothing, and where nobody proved that the call came from
 * that agent.
 */
export function trustEffect(event: AuditEvent, weights: TrustWeights): TrustEffect | undefined {
  const key = event.agent_id;
  const kind = kindOf(event);
  if (key === undefined || kind === undefined) return undefined;
  const weight = Object.hasOwn(weights, kind) ? weights[kind as keyof TrustWeights] : undefined;
  if (weight === undefined || weight === 0) return undefined;
  const fingerprint =
    weight > 0
      ? event.event_id
      : JSON.stringify([key, kind, event.tool ?? null, event.token_hashes?.at(-1) ?? null]);
  return { key, weight, kind, fingerprint };
}

function kindOf({ event_type: type, decision, denial_code: code }: AuditEvent): string | undefined {
  if (type === 'outcome' && decision === 'executed') return 'executed';
  return type === 'decision' && decision === 'deny' ? code : undefined;
}
