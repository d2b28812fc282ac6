import type {
  ChainVerdict,
  Denial,
  JsonObject,
  Permit,
  VerifiedChain,
  VerifiedProof,
} from '@taper/core';
import type { PendingAction } from './port/approval-source.ts';
import type { ApprovalRequirement } from './port/policy-engine.ts';

/** What the adapter knows of a call beside its tool and arguments, and has checked itself. */
export interface CallContext {
  /** `definitionHash` of the tool as it is now; a chain that pins the tool is refused without it. */
  readonly definition?: string;
  /** What the call acts on, such as `repository/42`: for policies and audit events. Default: the tool. */
  readonly resource?: string;
  /** What is done, such as `read`: for policies and audit events. Default: the tool. */
  readonly action?: string;
  /** What came along with the call to show that its chains are not revoked: a staple as text, unread (spec/revocation.md section 10). */
  readonly evidence?: string;
  /** Further facts for policies. */
  readonly attributes?: JsonObject;
}

/** The audit event of a decision. */
export interface EventReference {
  readonly id: string;
  readonly emitter: string;
  readonly sequence: number;
}

/** The call may run, at once and once, with `args` and nothing else. Everything it consumes has been consumed. */
export interface Permitted {
  readonly verdict: 'permit';
  /** The first chain presented. */
  readonly chain: VerifiedChain;
  /** The proof under its leaf; `undefined` where a session stood in for it. */
  readonly proof: VerifiedProof | undefined;
  readonly tool: string;
  /** The arguments that were judged, copied and frozen. */
  readonly args: JsonObject;
  /** The core's permit for every chain presented: what receipts are drawn from. */
  readonly permits: readonly Permit[];
  /** Present where the enforcement point keeps an audit log. */
  readonly event: EventReference | undefined;
}

/** The call must not run. It has consumed nothing. */
export interface Denied {
  readonly verdict: 'deny';
  readonly denial: Denial;
  /** The verdict on the chain at fault, or on the first, where it got that far; for receipts. */
  readonly chainVerdict: ChainVerdict | undefined;
  /** Which of several joined chains is at fault, 0 for the first; absent where it is none. */
  readonly joined?: number;
  readonly event: EventReference | undefined;
}

/** The call must not run now; with these approvals it may be presented again, with a fresh proof. It has consumed nothing. */
export interface ApprovalRequired {
  readonly verdict: 'approval_required';
  /** Its code is `approval_required`. */
  readonly denial: Denial;
  readonly chainVerdict: ChainVerdict | undefined;
  /** The exact action to be signed, and what has been signed so far. */
  readonly pending: PendingAction;
  /** The approvals that are still missing. */
  readonly missing: readonly ApprovalRequirement[];
  readonly event: EventReference | undefined;
}

export type EnforcementDecision = Permitted | Denied | ApprovalRequired;

/** What became of a permitted call: it ran to its end, it ran and failed, or it did not run at all. */
export type Outcome = 'executed' | 'failed' | 'not_executed';
