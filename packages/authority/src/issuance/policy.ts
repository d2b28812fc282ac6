import type { ToolMap } from '@taper/core';

/** What a policy about issuance decides by. Nothing in it is secret. */
export interface IssuancePolicyInput {
  readonly agent: {
    readonly id: string;
    readonly tenant: string;
    readonly name: string;
    readonly spiffeId: string;
  };
  readonly kind: 'client_credentials' | 'token_exchange';
  readonly grant: string;
  /** What would be granted: the meet of request, grant and subject. */
  readonly tools: ToolMap;
  /** Seconds. */
  readonly lifetime: number;
  readonly maxDepth: number;
  /** Seconds since the epoch. */
  readonly now: number;
}

export type IssuancePolicyDecision =
  | { readonly verdict: 'permit' }
  | { readonly verdict: 'deny'; readonly reason: string }
  /** What is granted is at most this: the meet of both. */
  | { readonly verdict: 'narrow'; readonly tools: ToolMap };

/**
 * Decides by the operator's policy whether a root is issued. A port. It can only narrow: it is asked once grant and request have been
 * met, and whatever it answers is met with that. An exception or an unknown answer refuses the request with `unavailable`.
 */
export type IssuancePolicy = (
  input: IssuancePolicyInput,
) => IssuancePolicyDecision | Promise<IssuancePolicyDecision>;
