import type { AuditDecision, AuditEventType, DenialCode, JsonObject } from '@taper/core';

/** A verified chain, as identifiers. */
export interface AuditChain {
  /** `iss` of the root. */
  readonly issuer: string;
  /** RFC 7638 thumbprints of the holders, root first. */
  readonly holders: readonly string[];
  /** base64url SHA-256 of each token's signing input, root first. */
  readonly tokens: readonly string[];
}

/** A valid approval of the call. */
export interface AuditApproval {
  readonly group: string;
  /** Name of the approver. */
  readonly approver: string;
  /** RFC 7638 thumbprint of the approver's key. */
  readonly thumbprint: string;
  /** `jti` of the approval. */
  readonly id: string;
}

/** What a call was judged on, for whoever judges it again. Kept beside the event where the recorder keeps evidence, and never in it. */
export interface AuditEvidence {
  /** The chains of the call, as they were verified. */
  readonly chains: readonly { readonly tokens: readonly { readonly compact: string }[] }[];
  /** The proof under each chain, in compact serialization; empty where a session stood in for them. */
  readonly proofs: readonly string[];
}

/** What an enforcement point says of an event. The recorder adds place and signature. Nothing in it but the evidence may be a token, a proof or a key. */
export interface AuditEventInit {
  readonly type: AuditEventType;
  /** Seconds since the epoch, as the decision saw it. */
  readonly time: number;
  /** Identifier of the enforcement point. */
  readonly enforcementPoint: string;
  readonly decision: AuditDecision;
  /** The chains presented, verified: who asked is read from these and from nothing else. Empty where none was verified. */
  readonly chains: readonly AuditChain[];
  /** Of a denial without those: the chain that was presented and verified, although nobody has proved that the call comes from its holder. */
  readonly presented?: AuditChain | undefined;
  /** Names as they came; what is long is cut, and what looks like a token is withheld. */
  readonly tool?: string | undefined;
  readonly resource?: string | undefined;
  readonly action?: string | undefined;
  /** The arguments whole, as judged: the recorder keeps a salted hash, and in full only what its options list. */
  readonly arguments?: JsonObject | undefined;
  readonly denial?: { readonly code: DenialCode; readonly hop?: number | undefined } | undefined;
  readonly policy?: { readonly id: string; readonly version: string } | undefined;
  /** Identifiers of the rules that decided; the first sixteen are kept. */
  readonly policyReasons?: readonly string[] | undefined;
  /** The policy engine's own reference to its decision. */
  readonly policyDecisionId?: string | undefined;
  readonly approvals?: readonly AuditApproval[] | undefined;
  /** What the call takes from the budgets on its chains. */
  readonly budget?: readonly { readonly meter: string; readonly amount: string }[] | undefined;
  readonly tenant?: string | undefined;
  readonly purposes?: readonly string[] | undefined;
  /** Public identifier of the session; never its keys. */
  readonly session?: string | undefined;
  /** For an outcome: `event_id` of the decision. */
  readonly decisionEventId?: string | undefined;
  readonly evidence?: AuditEvidence | undefined;
}
