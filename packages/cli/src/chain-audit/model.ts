import type { JsonObject } from '@taper/core';

/** How a hop says what may be done. */
export type Scope =
  /** Typed constraints by tool (AAT). */
  | { readonly kind: 'tools'; readonly tools: JsonObject }
  /** Names that are compared as they stand (OAuth scopes, plain lists). */
  | { readonly kind: 'items'; readonly items: readonly string[] }
  /** Predicates that all apply (macaroons): more of them allow less. */
  | { readonly kind: 'caveats'; readonly caveats: readonly string[] }
  /** The hop names nothing. */
  | { readonly kind: 'omitted' }
  /** The sample does not record what the hop allows. */
  | { readonly kind: 'unrecorded' };

/** How a hop is bound to the one that it came from. */
export type Link = 'signature' | 'hash' | 'name' | 'none' | 'unrecorded';

/** How long it takes until a revocation of this hop has effect at the resource. */
export type RevocationReach =
  /** The resource looks, and what it knows is at most so many seconds old. */
  | { readonly kind: 'checked'; readonly seconds: number }
  /** Nobody looks: it counts until it expires. */
  | { readonly kind: 'never_checked' }
  | { readonly kind: 'unrecorded' };

/** One hand-over of authority as it was found. Times are seconds since the epoch. */
export interface Hop {
  /** What to call it: who it goes to. */
  readonly to: string;
  /** Indexes of the hops that it comes from; none for a root, several for a join. */
  readonly parents: readonly number[];
  readonly scope: Scope;
  readonly issuedAt?: number | undefined;
  /** `undefined` when the sample does not record it. */
  readonly expiresAt?: number | 'never' | undefined;
  /** Seconds for which it is accepted after its end. */
  readonly graceSeconds?: number | undefined;
  /** What a refresh does to its end. */
  readonly renewal?: 'none' | 'bounded' | 'resets' | 'possible' | undefined;
  /** Ends that were seen after refreshes. */
  readonly renewedTo?: readonly number[] | undefined;
  readonly link: Link;
  /** Who issued it: an issuer or a trust domain. */
  readonly domain?: string | undefined;
  readonly tenant?: string | undefined;
  readonly audience?: readonly string[] | undefined;
  readonly revocation: RevocationReach;
  /** What reading the sample brought to light. */
  readonly findings?: readonly Omit<Finding, 'hop'>[];
}

export type Format = 'aat' | 'oauth' | 'macaroon' | 'plain';

/** A chain as it was found, read and not believed. */
export interface SampledChain {
  readonly name: string;
  readonly format: Format;
  /** Whether signatures were checked, which needs keys that a sample does not carry. */
  readonly hops: readonly Hop[];
}

export type Check = 'scope' | 'time' | 'revocation' | 'receipt';

/** `fail`: the sample shows that the rule is broken. `unproved`: nobody can tell from it that the rule is kept. */
export type Severity = 'fail' | 'unproved';

export type FindingCode =
  | 'scope_introduced'
  | 'scope_widened'
  | 'scope_omitted'
  | 'scope_unrecorded'
  | 'scope_incomparable'
  | 'scope_malformed'
  | 'scope_pattern'
  | 'scope_by_pattern'
  | 'caveat_opaque'
  | 'caveat_third_party'
  | 'caveat_dropped'
  | 'join_union'
  | 'expiry_increases'
  | 'expiry_missing'
  | 'expiry_unrecorded'
  | 'expiry_grace'
  | 'refresh_possible'
  | 'refresh_resets'
  | 'revocation_slow'
  | 'revocation_never'
  | 'revocation_unrecorded'
  | 'parent_unbound'
  | 'parent_by_name'
  | 'parent_unrecorded'
  | 'parent_hash_wrong'
  | 'actor_dropped'
  | 'subject_changed'
  | 'may_act_without_issuer'
  | 'tenant_lost'
  | 'audience_lost';

export interface Finding {
  readonly code: FindingCode;
  /** Index of the hop. */
  readonly hop: number;
  /** What the finding is about, from the sample. */
  readonly facts?: Readonly<Record<string, string | number>>;
}

export type CheckVerdict = 'pass' | 'unproved' | 'fail';

export interface AuditedChain {
  readonly chain: SampledChain;
  readonly checks: Readonly<Record<Check, CheckVerdict>>;
  readonly findings: readonly Finding[];
  /** Seconds until a revocation of the hop has effect, at worst; by hop. */
  readonly revocationSeconds: readonly (number | 'never' | undefined)[];
}
