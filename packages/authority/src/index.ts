export type { Administrator } from './administration/administrator-record.ts';
export {
  ADMINISTRATOR_LIFETIME,
  type AddedAdministrator,
  type Administrators,
  type EntryAuthor,
} from './administration/administrators.ts';
export {
  type Authority,
  type AuthorityOptions,
  administrationAudience,
  createAuthority,
  type Revocations,
} from './authority.ts';
export { requireEntryBody } from './entry-pump/body.ts';
export type { EntryLog } from './entry-pump/log.ts';
export { notifyingStore } from './entry-pump/notifying-store.ts';
export { createEntryPump, type EntryPump, type EntryPumpOptions } from './entry-pump/pump.ts';
export {
  createForeignDomains,
  type ForeignDomainOptions,
  type ForeignDomains,
} from './foreign/foreign-domain.ts';
export type { Direction, GrantDifference } from './grant/difference.ts';
export {
  type Grant,
  type GrantCaveats,
  type GrantSet,
  type GrantSubject,
  grantsOf,
  MAX_GRANT_LIFETIME,
} from './grant/grant.ts';
export {
  type AppliedGrants,
  createGrants,
  type Grants,
  type GrantsOptions,
  type PlannedGrants,
} from './grant/grants.ts';
export { type GrantChange, type GrantPlan, planGrants } from './grant/plan.ts';
export { GRANTS_TYPE, MAX_GRANTS_LENGTH, readGrantSet } from './grant/read-grant-set.ts';
export type { KnownAgent, Possession } from './identity/agent-key.ts';
export type { AgentRequest, AgentRevocation } from './identity/agent-life.ts';
export type { Rotated, RotationAuthority, RotationRequest } from './identity/agent-rotation.ts';
export {
  type Agents,
  type AgentsOptions,
  createAgents,
  type IssuedIdentity,
} from './identity/agents.ts';
export type { CompromisedKeys, CompromiseRequest } from './identity/compromise.ts';
export type {
  Admission,
  CreatedEnrolment,
  EnrolmentRequest,
  EnrolRequest,
} from './identity/enrolment.ts';
export {
  type IdentityDocumentTrust,
  type VerifiedIdentityDocument,
  verifyIdentityDocument,
} from './identity/identity-document.ts';
export {
  type AgentName,
  agentSpiffeId,
  isAgentName,
  isTrustDomain,
  readAgentSpiffeId,
  readSpiffeId,
  type SpiffeId,
  type SpiffeIdProblem,
} from './identity/spiffe-id.ts';
export type {
  Returning,
  WorkloadIdentifier,
  WorkloadIdentity,
  WorkloadSubject,
} from './identity/workload.ts';
export {
  createIssuance,
  type Issuance,
  type IssuanceOptions,
  type TakenApproval,
  type WaitingIssuance,
  type WaitingPage,
} from './issuance/issuance.ts';
export { ISSUE_ROOT_TOOL } from './issuance/pending.ts';
export type {
  IssuancePolicy,
  IssuancePolicyDecision,
  IssuancePolicyInput,
} from './issuance/policy.ts';
export type { IssuedRoot, RootRequest, SubjectBounds } from './issuance/request.ts';
export type { WorkloadBinding } from './oidc/binding.ts';
export type { FetchOptions, Resolver } from './oidc/fetch-document.ts';
export { ISSUER_ALGORITHMS, type IssuerAlgorithm } from './oidc/key-set.ts';
export type { IssuerUse, TrustedIssuer } from './oidc/trusted-issuer.ts';
export {
  createTrustedIssuers,
  type TrustedIssuers,
  type TrustedIssuersOptions,
  type VerifiedIssuerToken,
} from './oidc/trusted-issuers.ts';
export { createPeers, type PeerRequest, type Peers } from './peers/peers.ts';
export { guardWork, type WorkRules } from './port/guard-work.ts';
export type {
  AgentRecord,
  AgentRecords,
  AgentState,
  AuthorityStore,
  AuthorityTransaction,
  EnrolmentRecord,
  GrantRecords,
  GrantSetRecord,
  IssuanceRecord,
  KeyRecord,
  KeyState,
  OnceRecords,
  OutboxRecord,
  Page,
  PeerRuleRecord,
  PendingIssuanceRecord,
} from './port/store.ts';
export { AuthorityRefusal, type OAuthError, REFUSALS, type RefusalCode } from './refusal.ts';
export {
  type LeftByHand,
  type Restored,
  type RestoreOptions,
  restoreFromLog,
} from './restore/restore.ts';
export { type StoreConflict, StoreError } from './store-error.ts';
export { JWT_BEARER, JWT_SPIFFE } from './token/client-authentication.ts';
export {
  createTokenExchange,
  TOKEN_EXCHANGE,
  type TokenExchangeOptions,
} from './token/exchange.ts';
export { createJwks, createMetadata, metadataPath } from './token/metadata.ts';
export { createNonces, loadNonceSecret, type Nonces } from './token/nonce.ts';
export { type RevocationCheck, SUBJECT_EVIDENCE } from './token/subject-chain.ts';
export type { UserTokenVerifier, VerifiedUserToken } from './token/subject-user.ts';
export {
  CLIENT_CREDENTIALS,
  createTokenEndpoint,
  type TokenEndpoint,
  type TokenEndpointOptions,
} from './token/token-endpoint.ts';
export { AAT_CHAIN, ACCESS_TOKEN, ID_TOKEN, JWT, writeChain } from './token/token-type.ts';
