export {
  type ApprovalCount,
  type ApproverGroups,
  type AuditDecision,
  type AuditEvent,
  type AuditEventType,
  type AuditHead,
  type CountedApproval,
  type CountOptions,
  countApprovals,
  mergeRequirements,
  opensArguments,
  type ReadAuditLine,
  readAuditHead as readHead,
  readAuditLine,
  verifyAuditHead as verifyHead,
  writeAuditHead as writeHead,
} from '@taper/core';
export { type ApprovalDeskOptions, approvalDesk, approvalUrl } from './approval/desk.ts';
export type { ApprovalCapacity, ApprovalInbox, ApprovalStore } from './approval/inbox.ts';
export type { RecordedArguments } from './audit/arguments.ts';
export type {
  AuditApproval,
  AuditChain,
  AuditEventInit,
  AuditEvidence,
} from './audit/event.ts';
export {
  type AuditReceipt,
  type AuditRecorder,
  type AuditRecorderOptions,
  createAuditRecorder,
} from './audit/recorder.ts';
export {
  type AuditEntry,
  type AuditProblem,
  type AuditProblemCode,
  type AuditVerdict,
  type ClockStep,
  type VerifyAuditOptions,
  verifyAuditLog,
} from './audit/verify.ts';
export {
  checkBudgetCapacity,
  checkNow as checkBudgetTime,
  DEFAULT_BUDGET_CAPACITY,
  idTaken as reservationTaken,
  limitDiffers,
  perhapsForgotten as accountPerhapsForgotten,
  readCharges,
} from './budget/reservation.ts';
export type {
  ApprovalRequired,
  CallContext,
  Denied,
  EnforcementDecision,
  EventReference,
  Outcome,
  Permitted,
} from './decision.ts';
export {
  createEnforcementPoint,
  type EnforcementPoint,
  type EnforcementPointOptions,
} from './enforcement-point.ts';
export { readAuditFile } from './file/audit-log.ts';
export { type FileAuditSink, openFileAuditSink } from './file/audit-sink.ts';
export type { Meter } from './judge/budget.ts';
export type { SessionDoor } from './judge/session-door.ts';
export { type ApprovalStoreOptions, createMemoryApprovalSource } from './memory/approval-source.ts';
export { createMemoryAuditSink, type MemoryAuditSink } from './memory/audit-sink.ts';
export { createMemoryBudgetLedger } from './memory/budget-ledger.ts';
export { createMemoryReplayStore, DEFAULT_REPLAY_CAPACITY } from './memory/replay-store.ts';
export {
  createMemoryRevocationView,
  type MemoryRevocationView,
  type RevocationViewOptions,
} from './memory/revocation-view.ts';
export { type IdentifiedPeer, type MeetPeerOptions, type MetPeer, meetPeer } from './peer.ts';
export type {
  AgentDirectory,
  AgentRules,
  DirectoryAgent,
  DirectoryAnswer,
  PeerStanding,
  TrustSource,
} from './port/agent-directory.ts';
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
  PolicyAgent,
  PolicyChain,
  PolicyDecision,
  PolicyEngine,
  PolicyInput,
} from './port/policy-engine.ts';
export type { ReplayStore, ReplayVerdict, UsedKey } from './port/replay-store.ts';
export type {
  ActingKey,
  RevocationChain,
  RevocationQuery,
  RevocationVerdict,
  RevocationView,
} from './port/revocation-view.ts';
export type { PortFailure, PortName } from './port-failure.ts';
export { checkUsedKeys, perhapsForgotten as keyPerhapsForgotten } from './replay/used-keys.ts';
export type { Revocation } from './revocation/entry.ts';
export type { ReplacedKey } from './revocation/replaced-keys.ts';
export type { LiveSession, SessionAuthenticator } from './session/authenticator.ts';
export {
  type InitiateOptions,
  type Initiation,
  type InitiatorSession,
  initiateSession,
} from './session/initiate.ts';
export type { Finish, Hello, SessionRequest, Welcome } from './session/message.ts';
export {
  type ChainCheck,
  createSessionTable,
  type OpeningCheck,
  type SessionTable,
} from './session/table.ts';
export type { SessionTableOptions } from './session/table-options.ts';
export {
  DEFAULT_TRUST_WEIGHTS,
  type TrustEffect,
  type TrustWeights,
  trustEffect,
} from './trust/effect.ts';
export {
  createTrustScores,
  type TrustExplanation,
  type TrustReason,
  type TrustScores,
  type TrustScoresOptions,
} from './trust/scores.ts';
export { observeTrust } from './trust/sink.ts';
