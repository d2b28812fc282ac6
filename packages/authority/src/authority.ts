import type { RevocationReason, RevocationTarget, Signer } from '@taper/core';
import type { AuthorityStore } from './port/store.ts';

/** Publishes revocations. A port: the deployment wires the one writer of the authority's log, here or on another node. */
export interface Revocations {
  /** Origin of the log. */
  readonly log: string;
  /** Is done when the entry is durable. @throws {TaperError} `log_unavailable`, `revocation_refused`. */
  revoke(
    target: RevocationTarget,
    options: { readonly reason?: RevocationReason; readonly expiresAt?: number },
  ): Promise<{ readonly index: number; readonly entry: string }>;
}

export interface AuthorityOptions {
  /** The authority's own URL: issuer of tokens and identity documents. */
  readonly issuer: string;
  readonly trustDomain: string;
  readonly store: AuthorityStore;
  /** Signs root tokens. */
  readonly root: Signer;
  /** Signs identity documents. */
  readonly identity: Signer;
  readonly revocations: Revocations;
  /** Seconds since the epoch. */
  readonly clock: () => number;
  /** That many fresh random bytes. */
  readonly random: (length: number) => Uint8Array;
}

/** All that the authority can be asked to do, whoever asks. */
export interface Authority {
  readonly issuer: string;
  readonly trustDomain: string;
  readonly store: AuthorityStore;
  readonly revocations: Revocations;
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
}
