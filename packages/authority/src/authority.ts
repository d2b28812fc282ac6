import type {
  HybridSigner,
  RevocationReason,
  RevocationTarget,
  Signer,
  ToolMap,
} from '@taper/core';
import { type Administrators, createAdministrators } from './administration/administrators.ts';
import { createGrants, type Grants } from './grant/grants.ts';
import { type Agents, createAgents } from './identity/agents.ts';
import type { WorkloadIdentifier } from './identity/workload.ts';
import type { Issuance } from './issuance/issuance.ts';
import { createPeers, type Peers } from './peers/peers.ts';
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
  /** The authority's own URL, without a slash at its end: issuer of tokens and identity documents. */
  readonly issuer: string;
  readonly trustDomain: string;
  readonly store: AuthorityStore;
  /** Signs root tokens. */
  readonly root: Signer;
  /** Signs those of administrators beside it (spec/hybrid-roots.md); of other roots, what `issuance` was made with does. */
  readonly hybrid?: HybridSigner;
  /** Signs identity documents. */
  readonly identity: Signer;
  /** Further keys of the authority: nobody else may have one of them. */
  readonly ownKeys: readonly Signer['publicKey'][];
  readonly revocations: Revocations;
  readonly issuance: Issuance;
  /** Without it no workload is admitted by its token. */
  readonly workloads?: WorkloadIdentifier;
  /** The tools of an administrator of all tenants, or of one. */
  readonly administratorTools: (tenant: string | undefined) => ToolMap;
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
  readonly agents: Agents;
  readonly administrators: Administrators;
  readonly grants: Grants;
  readonly issuance: Issuance;
  readonly peers: Peers;
  readonly revocations: Revocations;
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
}

/** The name under which the gate of the administration is known: what administrators' tokens are good for. */
export function administrationAudience(issuer: string): string {
  return `${issuer}/admin`;
}

/** @throws {TaperError} `option_invalid`. */
export function createAuthority(options: AuthorityOptions): Authority {
  const { issuer, trustDomain, store, root, identity, ownKeys, workloads, clock, random } = options;
  return Object.freeze<Authority>({
    issuer,
    trustDomain,
    store,
    agents: createAgents({
      store,
      issuer,
      trustDomain,
      identity,
      root,
      clock,
      random,
      ownKeys,
      ...(workloads === undefined ? {} : { workloads }),
    }),
    administrators: createAdministrators({
      store,
      issuer,
      root,
      ...(options.hybrid === undefined ? {} : { hybrid: options.hybrid }),
      audience: administrationAudience(issuer),
      tools: options.administratorTools,
      ownKeys: [identity.publicKey, ...ownKeys],
      clock,
      random,
    }),
    grants: createGrants({ store, clock }),
    issuance: options.issuance,
    peers: createPeers({ store, clock }),
    revocations: options.revocations,
    clock,
    random,
  });
}
