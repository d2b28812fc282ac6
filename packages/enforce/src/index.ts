export {
  createEnforcementPoint,
  type EnforcementPoint,
  type EnforcementPointOptions,
} from './enforcement-point.ts';
export { createMemoryReplayStore, DEFAULT_REPLAY_CAPACITY } from './memory/replay-store.ts';
export type { ApprovalSource, Approver, PendingAction } from './port/approval-source.ts';
export type { AuditLine, AuditSink, AuditTip } from './port/audit-sink.ts';
export type {
  BudgetCharge,
  BudgetLedger,
  BudgetReservation,
  ReserveVerdict,
  SettleVerdict,
} from './port/budget-ledger.ts';
export { type Clock, MAX_STEP_BACK, systemClock } from './port/clock.ts';
export type {
  ApprovalRequirement,
  PolicyChain,
  PolicyDecision,
  PolicyEngine,
  PolicyInput,
} from './port/policy-engine.ts';
export type { ReplayStore, ReplayVerdict, UsedKey } from './port/replay-store.ts';
export type { RevocationQuery, RevocationVerdict, RevocationView } from './port/revocation-view.ts';
