import type { Signer } from '@taper/core';
import type { AuthorityStore } from '../port/store.ts';
import type { WorkloadIdentifier } from './workload.ts';

/** What every change of an agent needs; made of checked options by `createAgents`. */
export interface IdentityContext {
  readonly store: AuthorityStore;
  readonly issuer: string;
  readonly trustDomain: string;
  /** Signs identity documents. */
  readonly identity: Signer;
  /** Signs rotation statements. */
  readonly root: Signer;
  /** Seconds since the epoch. */
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
  readonly workloads: WorkloadIdentifier | undefined;
  /** Thumbprints of the authority's own keys: nobody else may have one of them. */
  readonly reserved: ReadonlySet<string>;
  /** Seconds. */
  readonly identityLifetime: number;
  /** Seconds for which a key goes on that its holder replaces; a holder may ask for fewer. */
  readonly rotationOverlap: number;
}
