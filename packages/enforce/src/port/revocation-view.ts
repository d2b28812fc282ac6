/** What a call rests on, all of which must not have been revoked. */
export interface RevocationQuery {
  /** base64url SHA-256 of the signing input of every token of every chain presented, root first, and then of those that were exchanged for its root. */
  readonly tokens: readonly string[];
  /** RFC 7638 thumbprints (base64url SHA-256) of every key on them: of each chain the anchor, then the holders, then those that rotation statements name; and the same of those that were exchanged for its root. */
  readonly keys: readonly string[];
  /** Keys that have signed as holders: of each chain the signers of its tokens but the root, then whoever makes the call. */
  readonly acting: readonly ActingKey[];
  /** The same, chain by chain, in the same order. */
  readonly chains: readonly RevocationChain[];
  /** The tenant of the chain, where it names one. */
  readonly tenant: string | undefined;
  /** `iat` of the oldest token, of those exchanged too, seconds since the epoch; what a tenant issued before an epoch can be revoked together. */
  readonly oldestIssuedAt: number;
  /** Origins of the revocation logs that the chain's caveats name; empty where it has no such caveat. */
  readonly logs: readonly string[];
  /** By log, the greatest epoch at which a token of the chain was made. */
  readonly epochs: ReadonlyMap<string, number>;
  /** What the caller brought along to show that nothing of it is revoked: a staple as text (spec/revocation.md section 10). Unverified. */
  readonly evidence: string | undefined;
}

/** What one chain rests on: one that is presented, or that was exchanged for the root of one. */
export interface RevocationChain {
  /** Root first. */
  readonly tokens: readonly string[];
  /** The anchor, then the holders, then those that rotation statements name. */
  readonly keys: readonly string[];
}

/** A key that has signed something, and may have been replaced by another since (spec/rotation.md section 6). */
export interface ActingKey {
  /** RFC 7638 thumbprint. */
  readonly key: string;
  /** `iat` of the token that it signed, seconds since the epoch; `undefined` where it makes the call. */
  readonly at: number | undefined;
}

export type RevocationVerdict =
  | {
      readonly verdict: 'good';
      /** Seconds since the epoch up to which the view knows every revocation in all logs asked for. The enforcement point compares it with `max_staleness`. */
      readonly asOf: number;
    }
  | {
      readonly verdict: 'revoked';
      /** Which entry of the query is revoked. */
      readonly what: 'token' | 'key' | 'tenant';
      /** Its index in `tokens` or `keys`. */
      readonly index: number;
    }
  | {
      /** A key signed when it had been replaced, and the time in which both served was over; or makes the call now. */
      readonly verdict: 'rotated';
      /** Its index in `acting`. */
      readonly index: number;
    }
  /** The view does not follow a log that the chain names. */
  | { readonly verdict: 'unknown_log' }
  /** The view follows a log by its epochs, and has not come as far as the chain had when it was made: it has been rolled back, or frozen. */
  | { readonly verdict: 'behind' }
  /** The view can only answer from evidence, and what came along is missing or does not verify. */
  | { readonly verdict: 'unproved' };

/**
 * Knows what has been revoked. A port; it is asked on every call, cached or not, and answers from memory wherever it can.
 *
 * - What was revoked stays revoked until it has expired.
 * - `asOf` never runs ahead of what the view really knows.
 * - An exception, a late or an unknown answer refuses the call with `revocation_unavailable`.
 */
export interface RevocationView {
  check(query: RevocationQuery, now: number): RevocationVerdict | Promise<RevocationVerdict>;
  /**
   * Calls the listener after something new was revoked, so that what runs for long can be stopped at once. A view need not have it:
   * then what runs is looked at every second. @returns what ends it.
   */
  onRevoked?(listener: () => void): () => void;
}
