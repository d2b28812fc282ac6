export { type ApprovalSourceContract, approvalSourceContract } from './approval-source.ts';
export { type AuditSinkContract, auditSinkContract, type KeptBeside } from './audit-sink.ts';
export { type BudgetLedgerContract, budgetLedgerContract } from './budget-ledger.ts';
export type { ContractTest, OpenedPort } from './contract.ts';
export {
  type PolicyEngineContract,
  type PolicyEngineSetup,
  policyEngineContract,
} from './policy-engine.ts';
export { type ReplayStoreContract, replayStoreContract } from './replay-store.ts';
export {
  type RevocableView,
  type RevocationViewContract,
  revocationViewContract,
} from './revocation-view.ts';
