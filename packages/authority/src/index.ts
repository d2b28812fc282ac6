export type {
  AgentRecord,
  AgentState,
  AuthorityStore,
  AuthorityTransaction,
  EnrolmentRecord,
  GrantSetRecord,
  IssuanceRecord,
  KeyRecord,
  KeyState,
  OutboxRecord,
  Page,
  PeerRuleRecord,
  PendingIssuanceRecord,
} from './port/store.ts';
export { AuthorityRefusal, type OAuthError, REFUSALS, type RefusalCode } from './refusal.ts';
export { type StoreConflict, StoreError } from './store-error.ts';
