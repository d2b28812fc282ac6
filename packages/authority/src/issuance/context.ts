import type { Approver, IssueOptions, Signer } from '@taper/core';
import type { AuthorityStore } from '../port/store.ts';
import type { IssuancePolicy } from './policy.ts';
import type { GrantReader } from './standing.ts';

/** What issuing needs; made of checked options by `createIssuance`. */
export interface IssuanceContext {
  readonly store: AuthorityStore;
  readonly grantsOf: GrantReader;
  readonly issuer: string;
  /** Signs roots. */
  readonly root: Signer;
  readonly hybrid: IssueOptions['hybrid'] | undefined;
  /** Seconds since the epoch. */
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
  readonly policy: IssuancePolicy | undefined;
  readonly approvers: ReadonlyMap<string, readonly Approver[]>;
  /** Seconds for which an issuance waits for approvals. */
  readonly approvalLifetime: number;
  /** The epoch that a revocation log has reached. */
  readonly epoch: (log: string) => number | Promise<number>;
}
