import type { CaveatsInit, RequiredApproval, ToolMap } from '@taper/core';

/** Longest life of a root, in seconds: a day. What is to last longer is asked for again; a lifetime in milliseconds is found out. */
export const MAX_GRANT_LIFETIME = 86_400;

/**
 * What every root under a grant asks of each call, beside its tools (spec/profile.md). The tenant is the agent's, always, and the epoch
 * of the revocation log is the one at issuance; so neither can be written.
 */
export interface GrantCaveats extends Omit<CaveatsInit, 'tenant' | 'revocation'> {
  readonly revocation?: {
    /** Origin of the log that revocations are published in. */
    readonly log: string;
    /** Seconds. */
    readonly max_staleness: number;
  };
}

/**
 * On whose behalf roots of a grant are issued. A grant that has one is used at a token exchange alone, and one that has none never is.
 *
 * - `user`: a person, by a token of an OIDC issuer; each of its scopes gives tools, which the grant's own bound.
 * - `chain`: the holder of a chain whose root this authority issued.
 * - `foreign`: the holder of a chain of another trust domain; each of its tools becomes the one that is named for it, and no other crosses.
 */
export type GrantSubject =
  | {
      readonly kind: 'user';
      /** `iss` of the user's token, as an exact string. */
      readonly issuer: string;
      /** Tools by scope. A tool that several scopes give has the same constraints in each. */
      readonly scopes: { readonly [scope: string]: ToolMap };
    }
  | { readonly kind: 'chain' }
  | {
      readonly kind: 'foreign';
      /** `iss` of the chain's root, as an exact string. */
      readonly issuer: string;
      /** Tool of the grant by foreign tool; no two foreign tools become one. */
      readonly tools: { readonly [foreign: string]: string };
    };

/** Who may get which authority (spec/grants.schema.json). Checked and frozen; only `readGrantSet` makes one. */
export interface Grant {
  /** Unique within the tenant. */
  readonly name: string;
  readonly tenant: string;
  /** Names of agents of the tenant, at least one. */
  readonly agents: readonly string[];
  readonly tools: ToolMap;
  readonly caveats: GrantCaveats | undefined;
  /** Where roots may be presented; `any` was written out. */
  readonly audience: 'any' | readonly string[];
  /** `del_max_depth` of a root: how many hops may follow. */
  readonly maxDepth: number;
  /** Why so many, in the operator's words. */
  readonly maxDepthReason: string;
  /** Longest life of a root, in seconds. */
  readonly lifetime: number;
  /** First second, since the epoch, at which no root of the grant is valid, however often it was renewed. */
  readonly ends: number;
  /** Who has to approve each issuance; empty for nobody. */
  readonly approvals: readonly RequiredApproval[];
  readonly subject: GrantSubject | undefined;
}

/** All grants of an authority, as one document. */
export interface GrantSet {
  /** In the order of tenant and name. */
  readonly grants: readonly Grant[];
  /** Canonical JSON (RFC 8785), which reading gives the same set again. */
  readonly document: string;
}

/** The grants that name an agent, in the order of their names. None of them is ever united with another. */
export function grantsOf(
  set: GrantSet,
  agent: { readonly tenant: string; readonly name: string },
): readonly Grant[] {
  return set.grants.filter(
    ({ tenant, agents }) => tenant === agent.tenant && agents.includes(agent.name),
  );
}
