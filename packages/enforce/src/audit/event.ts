import type { DenialCode, JsonObject } from '@taper/core';

/**
 * What a decision said (`permit`, `deny`, `approval_required`), what became of a permitted call (`executed`, `failed`,
 * `not_executed`), or that a session was opened or is over.
 */
export type AuditDecision =
  | 'permit'
  | 'deny'
  | 'approval_required'
  | 'executed'
  | 'failed'
  | 'not_executed'
  | 'opened'
  | 'closed';

export type AuditEventType = 'decision' | 'outcome' | 'session';

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

/** What an enforcement point says of an event. The recorder adds place and signature. Nothing in it may be a token, a proof or a key. */
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
}

/** An event as it stands in a line; `spec/audit-event.schema.json`. */
export interface AuditEvent {
  readonly action?: string;
  readonly agent_id?: string;
  readonly approvals?: readonly {
    readonly approver: string;
    readonly group: string;
    readonly id: string;
    readonly key: string;
  }[];
  readonly arguments?: JsonObject;
  readonly arguments_hash?: string;
  readonly budget?: readonly { readonly amount: string; readonly meter: string }[];
  readonly decision: AuditDecision;
  readonly decision_event_id?: string;
  readonly delegated_by?: string;
  readonly delegation_chain?: readonly string[];
  readonly denial_code?: string;
  readonly denial_hop?: number;
  readonly emitter: string;
  readonly enforcement_point: string;
  readonly event_id: string;
  readonly event_type: AuditEventType;
  readonly joined_chains?: readonly {
    readonly agent_id: string;
    readonly delegated_by: string;
    readonly delegation_chain: readonly string[];
    readonly token_hashes: readonly string[];
  }[];
  readonly policy_decision_id?: string;
  readonly policy_id?: string;
  readonly policy_reasons?: readonly string[];
  readonly policy_version?: string;
  readonly presented_chain?: {
    readonly delegation_chain: readonly string[];
    readonly token_hashes: readonly string[];
  };
  readonly previous_hash: string;
  readonly purposes?: readonly string[];
  readonly resource?: string;
  readonly sequence: number;
  readonly session?: string;
  readonly signature: string;
  readonly tenant?: string;
  readonly time: number;
  readonly token_hashes?: readonly string[];
  readonly tool?: string;
}

/** The point that an emitter's log had reached, and the emitter's signature over that. Every event carries one; see `spec/audit.md` section 4. */
export interface AuditHead {
  readonly emitter: string;
  readonly hash: string;
  readonly sequence: number;
  /** Seconds since the epoch. */
  readonly time: number;
  /** base64url of 64 bytes. */
  readonly signature: string;
}

/** `previous_hash` of an emitter's first event: 32 zero bytes. */
export const NO_EVENT: string = 'A'.repeat(43);

/** The longest line that is written or read, in UTF-16 code units. */
export const MAX_AUDIT_LINE: number = 1_048_576;

/** The longest name of an emitter, in UTF-16 code units. */
const MAX_EMITTER: number = 256;

/** Whether a text can name an emitter: 1 to {@link MAX_EMITTER} characters, none of them a control character. */
export function isEmitter(emitter: unknown): emitter is string {
  return (
    typeof emitter === 'string' &&
    emitter.length > 0 &&
    emitter.length <= MAX_EMITTER &&
    emitter.isWellFormed() &&
    !/\p{Cc}/u.test(emitter)
  );
}
