import type { JsonObject } from '@taper/core';

/** One chain as a policy sees it. Nothing in it is secret: identifiers, never tokens or keys. */
export interface PolicyChain {
  /** `iss` of the root. */
  readonly issuer: string;
  /** RFC 7638 thumbprints of the holders, root first; the last one is the agent that calls. */
  readonly holders: readonly string[];
  /** base64url SHA-256 of each token's signing input, root first. */
  readonly tokens: readonly string[];
  /** How many times authority was handed on. */
  readonly depth: number;
  /** Seconds since the epoch at which its leaf expires. */
  readonly expiresAt: number;
}

/** The agent that calls. */
export interface PolicyAgent {
  /** RFC 7638 thumbprint of its key. */
  readonly key: string;
  /** Its SPIFFE ID, where the enforcement point has a directory that knows it. */
  readonly id?: string;
  /** How well it has behaved, 0 to 100, where the enforcement point has a source of that and it says. What is enough is for the policy to say. */
  readonly trust?: number;
}

/** Everything that a policy may decide by; all of it verified. */
export interface PolicyInput {
  readonly agent: PolicyAgent;
  /** The first chain presented, and after it those that were joined to it. */
  readonly chains: readonly PolicyChain[];
  readonly tool: string;
  /** What the adapter says the call acts on, such as `repository/42`; the tool where it says nothing. */
  readonly resource: string;
  /** What the adapter says is done, such as `read`; the tool where it says nothing. */
  readonly action: string;
  readonly arguments: JsonObject;
  readonly caveats: {
    readonly tenant: string | undefined;
    readonly purposes: readonly string[];
  };
  /** Valid approvals of this very action, at most one for each approver. */
  readonly approvals: readonly { readonly group: string; readonly approver: string }[];
  readonly context: {
    /** Identifier of the enforcement point. */
    readonly enforcementPoint: string;
    /** Seconds since the epoch. */
    readonly now: number;
    /** What the adapter adds; it has checked it itself. */
    readonly attributes: JsonObject;
  };
}

/** So many different approvers of the group have to approve the action. */
export interface ApprovalRequirement {
  readonly group: string;
  /** 1 or more. */
  readonly count: number;
}

export interface PolicyDecision {
  readonly verdict: 'permit' | 'deny' | 'approval_required';
  /** The approvals that are asked for, also when the input holds them already; at least one with `approval_required`, none otherwise. */
  readonly approvals: readonly ApprovalRequirement[];
  /** Which policy decided, for the audit event. */
  readonly policy: { readonly id: string; readonly version: string };
  /** The engine's own reference to this decision, such as OPA's decision id. */
  readonly decisionId?: string;
  /** Identifiers of the rules that decided; never argument values. */
  readonly reasons: readonly string[];
}

/**
 * Decides by the resource owner's policy. A port. It can only narrow: it is asked when the chain permits, and its permit changes nothing.
 *
 * - `approval_required` is a permit on condition: the call passes once the approvals are there, and would be denied for no other reason.
 *   It is the answer with and without the approvals; the enforcement point counts them.
 * - Undefined is deny.
 * - An exception, a late or an unknown answer refuses the call with `policy_unavailable`.
 */
export interface PolicyEngine {
  decide(input: PolicyInput): PolicyDecision | Promise<PolicyDecision>;
}
