import type { JsonObject } from '../json.ts';

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
const MAX_EMITTER = 256;

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
