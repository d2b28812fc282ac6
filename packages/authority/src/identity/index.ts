export {
  type IdentityDocumentTrust,
  type VerifiedIdentityDocument,
  verifyIdentityDocument,
} from './identity-document.ts';
export {
  type AgentName,
  agentSpiffeId,
  isAgentName,
  isTrustDomain,
  readAgentSpiffeId,
  readSpiffeId,
  type SpiffeId,
  type SpiffeIdProblem,
} from './spiffe-id.ts';
