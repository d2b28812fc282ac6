export {
  type Grant,
  type GrantCaveats,
  type GrantSet,
  type GrantSubject,
  grantsOf,
  MAX_GRANT_LIFETIME,
} from './grant/grant.ts';
export { GRANTS_TYPE, MAX_GRANTS_LENGTH, readGrantSet } from './grant/read-grant-set.ts';
export type { Issuance } from './issuance/issuance.ts';
export type {
  IssuancePolicy,
  IssuancePolicyDecision,
  IssuancePolicyInput,
} from './issuance/policy.ts';
export type { IssuedRoot, RootRequest, SubjectBounds } from './issuance/request.ts';
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
