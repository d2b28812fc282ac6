export {
  createHybridSigner,
  createSigner,
  generateHybridKeyPair,
  generateKeyPair,
  platform,
} from '#crypto';
export {
  type DirectoryStatement,
  signDirectoryStatement,
  verifyDirectoryStatement,
} from './agent-directory/statement.ts';
export {
  type AnchorEntry,
  type AnchorState,
  type AnchorsBody,
  MAX_ANCHORS_LENGTH,
  readAnchors,
  type UnsafeAnchors,
  writeAnchors,
  writeAnchorsHistory,
} from './anchors/document.ts';
export { announceAnchor, promoteAnchor, retireAnchor } from './anchors/rotate.ts';
export { type AnchorsContent, signAnchors } from './anchors/sign.ts';
export {
  anchorsChangeAt,
  evidenceAnchorsOf,
  logTrustOf,
  trustAnchorsAt,
} from './anchors/use.ts';
export {
  type AnchorsProblem,
  type AnchorsVerdict,
  advanceAnchors,
  advanceAnchorsAsync,
  isVerifiedAnchors,
  pinAnchors,
  pinAnchorsAsync,
  type VerifiedAnchors,
} from './anchors/verify.ts';
export {
  type ApprovalAction,
  approvalActionHash,
  approvalSubject,
  readApprovalAction,
} from './approval/action.ts';
export {
  APPROVAL_TYPE,
  MAX_APPROVAL_SIZE,
  type UnsafeApprover,
  unsafeApprover,
  type VerifiedApproval,
  type VerifyApprovalOptions,
  verifyApproval,
} from './approval/approval.ts';
export { type ApproveOptions, approve } from './approval/approve.ts';
export type { Approver } from './approval/approver.ts';
export {
  type ApprovalCount,
  type CountedApproval,
  type CountOptions,
  countApprovals,
  mergeRequirements,
  personOf,
} from './approval/count.ts';
export { type ApproverGroups, readApproverGroups } from './approval/groups.ts';
export {
  type ApprovalRequest,
  isGroupName,
  isRequiredApproval,
  MAX_APPROVAL_COUNT,
  MAX_APPROVALS,
  parseApprovalRequest,
  type RequiredApproval,
  readApprovalRequest,
} from './approval/request.ts';
export { hashArguments, opensArguments, SALT_BYTES } from './audit-event/arguments.ts';
export {
  type AuditDecision,
  type AuditEvent,
  type AuditEventType,
  type AuditHead,
  isEmitter as isAuditEmitter,
  MAX_AUDIT_LINE,
  NO_EVENT as NO_AUDIT_EVENT,
} from './audit-event/event.ts';
export {
  headSigningInput as auditHeadSigningInput,
  isHead as isAuditHead,
  readHead as readAuditHead,
  verifyHead as verifyAuditHead,
  verifyHeadAsync as verifyAuditHeadAsync,
  writeHead as writeAuditHead,
} from './audit-event/head.ts';
export { type ReadLine as ReadAuditLine, readLine as readAuditLine } from './audit-event/line.ts';
export { AUDIT_DECISIONS } from './audit-event/shape.ts';
export {
  AUTHORITY_ACTORS,
  AUTHORITY_EVENTS,
  type AuthorityActor,
  type AuthorityEntryBody,
  type AuthorityEvent,
  MAX_AUTHORITY_BODY_SIZE,
  readAuthorityEntryBody,
  writeAuthorityEntryBody,
} from './authority-entry/body.ts';
export {
  type AuthorityEntry,
  type AuthorityEntryVerdict,
  type AuthorityLogEntry,
  authorityEntryBodyText,
  isVerifiedAuthorityEntry,
  readAuthorityLogEntry,
  signAuthorityEntry,
  type UnverifiedAuthorityEntry,
  type VerifiedAuthorityEntry,
  verifyAuthorityEntry,
  verifyAuthorityEntryAsync,
} from './authority-entry/entry.ts';
export {
  AAT_ENTRY_TYPE,
  type Capabilities,
  type CapabilityProblem,
  compareTools,
  isOptional,
  type ToolGrant,
  type Widening,
} from './capability.ts';
export { type DroppedTool, type MetTools, meetTools } from './capability-meet.ts';
export {
  type BudgetLimit,
  type ChainCaveats,
  joinCaveats,
  type RevocationDemand,
} from './caveat/accumulate.ts';
export type { Caveats, CaveatsInit, RevocationCaveat } from './caveat/caveats.ts';
export type { ProfileContext } from './caveat/check.ts';
export { definitionHash, type ToolDefinition } from './caveat/definition.ts';
export { caveatsProblem } from './caveat/problem.ts';
export {
  type ChainVerdict,
  chainCaveats,
  isVerifiedChain,
  type TrustAnchor,
  type VerifiedChain,
  type VerifiedToken,
} from './chain.ts';
export * as constraint from './constraint/builder.ts';
export {
  CONSTRAINT_TYPES,
  checkConstraint,
  MAX_CONSTRAINT_DEPTH,
  meetConstraints,
  subsumes,
  validateConstraint,
} from './constraint/registry.ts';
export type { Constraint, ConstraintProblem } from './constraint/type.ts';
export type {
  Algorithm,
  HybridPrivateJwk,
  PlatformCrypto,
  SignatureVerifier,
  Signer,
} from './crypto/port.ts';
export { DENIALS, type Denial, type DenialCode, type DenialFacts, denial } from './denial.ts';
export { type ErrorCode, TaperError } from './error.ts';
export {
  buildEvidence,
  type EvidenceSource,
  type EvidenceSourceEvent,
  type EvidenceSourceLog,
  type KeptEvidence,
  readKeptEvidence,
} from './evidence/build.ts';
export {
  type EvidenceBundle,
  type EvidenceItem,
  type EvidenceLog,
  type EvidenceOpening,
  type EvidenceReading,
  MAX_EVIDENCE_LENGTH,
  parseEvidence,
} from './evidence/bundle.ts';
export {
  EVIDENCE_PROBLEMS,
  type EvidenceFacts,
  type EvidenceNotice,
  type EvidenceOutcome,
  type EvidenceProblem,
  type EvidenceProblemCode,
  type EvidenceQuestion,
} from './evidence/problem.ts';
export { hashToken } from './evidence/tokens.ts';
export {
  type EvidenceAnchor,
  type EvidenceEmitter,
  type EvidenceRange,
  type EvidenceTrust,
  readEvidenceTrust,
} from './evidence/trust.ts';
export {
  type EvidenceEvent,
  type EvidenceLogSummary,
  type EvidenceOptions,
  type EvidenceVerdict,
  evidenceReceipts,
  verifyEvidence,
} from './evidence/verify.ts';
export { checkHybridKey, type HybridKey, type HybridSigner } from './hybrid/key.ts';
export { type DeriveOptions, derive, type IssueOptions, issue, type ToolMap } from './issue.ts';
export { canonicalize } from './jcs.ts';
export {
  isJsonObject,
  type JsonObject,
  type JsonProblem,
  type JsonResult,
  type JsonValue,
  parseJson,
} from './json.ts';
export {
  importPublicKey,
  isPublicKey,
  isWellKnownTestKey,
  type PublicJwk,
  type PublicKey,
} from './key.ts';
export { KeyStoreError, type KeyStoreProblem } from './key-store-error.ts';
export { DEFAULT_LIMITS, type Limits } from './limits.ts';
export { type Checkpoint, parseCheckpoint, writeCheckpoint } from './log-proof/checkpoint.ts';
export {
  type Cosignature,
  cosign,
  cosignatureInput,
  parseCosignature,
  signCheckpoint,
} from './log-proof/cosignature.ts';
export { createFrontier, type Frontier, subtreeWidths } from './log-proof/frontier.ts';
export {
  type ConsistencyClaim,
  EMPTY_ROOT,
  HASH_LENGTH,
  type InclusionClaim,
  leafHash,
  nodeHash,
  verifyConsistency,
  verifyInclusion,
} from './log-proof/merkle.ts';
export {
  MAX_NOTE_SIGNATURES,
  MAX_NOTE_SIZE,
  type Note,
  type NoteSignature,
  parseNote,
  parseSignatureLine,
  writeNote,
  writeSignatureLine,
} from './log-proof/note.ts';
export { type NoteKey, type NoteKeyType, noteKey, parseNoteKey } from './log-proof/note-key.ts';
export {
  type LogProof,
  type LogProofProblem,
  type LogProofVerdict,
  parseLogProof,
  verifyLogProof,
  verifyLogProofAsync,
  writeLogProof,
} from './log-proof/tlog-proof.ts';
export {
  type CheckpointOptions,
  type CheckpointVerdict,
  type Cosigner,
  isVerifiedCheckpoint,
  type LogProblem,
  type LogTrust,
  MAX_COSIGNATURE_SKEW,
  requireLogTrust,
  type VerifiedCheckpoint,
  verifyCheckpoint,
  verifyCheckpointAsync,
} from './log-proof/trust.ts';
export {
  type NoteProblem,
  type NoteVerdict,
  type VerifiedSignature,
  verifyNote,
  verifyNoteAsync,
} from './log-proof/verify-note.ts';
export { RefusedError } from './make.ts';
export { requireKnownOptions } from './option-names.ts';
export {
  type JoinedPresentation,
  joinPresentations,
  type Presentation,
  type Presentations,
  parsePresentation,
  readPresentation,
  readPresentations,
} from './presentation.ts';
export type { VerifiedProof } from './proof.ts';
export { type ProveOptions, prove } from './prove.ts';
export type { RevocationKnowledge } from './receipt/checks.ts';
export { renderReceiptHtml } from './receipt/html.ts';
export type {
  DeniedReceipt,
  HopChecks,
  Receipt,
  ReceiptAuthority,
  ReceiptBreak,
  ReceiptCaveats,
  ReceiptDemands,
  ReceiptHop,
  VerifiedReceipt,
} from './receipt/model.ts';
export { createReceipt, type ReceiptOptions } from './receipt/receipt.ts';
export { type ReceiptTextOptions, renderReceiptText } from './receipt/text.ts';
export { oldestIssuedAt, restsOn, revocationSubject } from './rests-on.ts';
export { revokedBy } from './revocation/effect.ts';
export {
  isVerifiedRevocationEntry,
  MAX_LOG_ENTRY_SIZE,
  type RevocationEntry,
  type RevocationEntryTrust,
  type RevocationEntryVerdict,
  type RevocationLogEntry,
  readRevocationLogEntry,
  signRevocationEntry,
  type UnverifiedRevocationEntry,
  type VerifiedRevocationEntry,
  verifyRevocationEntry,
  verifyRevocationEntryAsync,
} from './revocation/entry.ts';
export { type EpochRecord, writeEpochRecord } from './revocation/epoch.ts';
export {
  MAX_REVOCATION_REQUEST_SIZE,
  REVOCATION_REQUEST_TYPE,
  type RevocationRequestProblem,
  type RevocationRequestRefusal,
  type RevocationRequestVerdict,
  type UnsafeRevocationRequest,
  unsafeRevocationRequest,
  type VerifiedRevocationRequest,
} from './revocation/request.ts';
export { type RevocationRequestOptions, requestRevocation } from './revocation/request-make.ts';
export type { RevocationRole } from './revocation/right.ts';
export {
  isRevocationReason,
  MAX_AGENT_KEYS,
  REVOCATION_REASONS,
  type RevocationReason,
  type RevocationTarget,
  readTarget as readRevocationTarget,
} from './revocation/target.ts';
export {
  type AsyncRevocationVerifier,
  createAsyncRevocationVerifier,
  createRevocationVerifier,
  type RevocationAuditVerdict,
  type RevocationVerifier,
  type RevocationVerifierOptions,
} from './revocation/verifier.ts';
export {
  isEntryTime,
  isRetained,
  isTenantName,
  REVOKED_TOKEN_RETENTION,
  type RevokedEntry,
} from './revoked-set/entry.ts';
export {
  bitAt,
  compareIds,
  EMPTY_SUBTREE,
  KEY_VALUE,
  readHash,
  revokedLeafHash,
  revokedNodeHash,
  revokedSetRoot,
  sharedBits,
  tenantId,
  timeValue,
} from './revoked-set/hash.ts';
export { type Opening, openRevokedProof } from './revoked-set/opening.ts';
export {
  MAX_QUERY_IDS,
  type RevokedQuery,
  type RevokedQueryChain,
  type Sought,
  type SoughtFamily,
  type SoughtIds,
  soughtIds,
} from './revoked-set/query.ts';
export {
  createRevokedRoot,
  type RevokedRootBuilder,
  revokedRootOf,
} from './revoked-set/sorted-root.ts';
export {
  MAX_STAPLE_SIZE,
  parseStaple,
  type Staple,
  writeStaple,
} from './revoked-set/staple.ts';
export {
  type Revoked,
  type StapleProblem,
  type StapleSubject,
  type StapleVerdict,
  verifyStaple,
  verifyStapleAsync,
} from './revoked-set/verify-staple.ts';
export { actors, type PlacedKey, placedKeys } from './rotation/keys.ts';
export {
  consentToRotation,
  type RotateKeyOptions,
  type RotationConsentOptions,
  rotateKey,
} from './rotation/rotate.ts';
export {
  MAX_ROTATION_SIZE,
  MAX_ROTATIONS,
  readRotation,
  type UnsafeRotation,
} from './rotation/statement.ts';
export type { VerifiedRotation } from './rotation/succession.ts';
export {
  type RotationVerdict,
  type VerifyRotationOptions,
  verifyRotation,
  verifyRotationAsync,
} from './rotation/verify.ts';
export { canonicalSignature, precheckSignature, type SignatureProblem } from './signature.ts';
export {
  type ExchangedSubject,
  MAX_SUBJECT_IDS,
  MAX_SUBJECTS,
  readSubject,
} from './subject-claim.ts';
export type { TokenClaims } from './token.ts';
export { uuidV7 } from './uuid.ts';
export {
  type AsyncVerifier,
  createAsyncVerifier,
  createVerifier,
  type Decision,
  type Deny,
  type Invocation,
  isPermit,
  type Permit,
  type SessionInvocation,
  type Verifier,
} from './verifier.ts';
export type { VerifierOptions } from './verifier-options.ts';
export { verifyingSigner } from './verifying-signer.ts';
