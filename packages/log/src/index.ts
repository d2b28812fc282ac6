export {
  type AgentDirectory,
  createAgentDirectory,
  type DirectoryAnswer,
} from './agent-directory/directory.ts';
export {
  type LoggedRegister,
  type LoggedRegisterOptions,
  openLoggedRegister,
} from './agent-directory/logged-register.ts';
export {
  type AgentRegister,
  createAgentRegister,
  DIRECTORY_EVENTS,
  type PeerRule,
  type RegisteredAgent,
  type RegisterFact,
} from './agent-directory/register.ts';
export {
  captureDirectory,
  type DirectorySnapshot,
  restoreDirectory,
} from './agent-directory/snapshot.ts';
export type { LoggedLine } from './audit/line.ts';
export { createLogAuditSink, type LogAuditSink, type LogAuditSinkOptions } from './audit/sink.ts';
export { type AuditSourceOptions, auditEvidenceSource } from './audit/source.ts';
export { createHttpTileSource, type HttpTileSourceOptions } from './client/tile-source.ts';
export { createWitnessClient, type WitnessClientOptions } from './client/witness-client.ts';
export { createWitnessView, type WitnessViewOptions } from './client/witness-view.ts';
export { createMemoryAuditSidecar } from './memory/audit-sidecar.ts';
export { createMemoryCheckpointStore } from './memory/checkpoint-store.ts';
export { createMemoryRevocationStateStore } from './memory/revocation-state-store.ts';
export { createMemoryTileStore } from './memory/tile-store.ts';
export { createMemoryViewStore } from './memory/view-store.ts';
export { createMemoryWitnessStore } from './memory/witness-store.ts';
export {
  type CheckpointView,
  type Comparison,
  checkLog,
  compareCheckpoints,
  createMemoryMonitorStore,
  createMonitor,
  type EvidenceProblem,
  type EvidenceVerdict,
  type FsckOptions,
  type FsckProblem,
  type FsckProblemCode,
  type FsckReport,
  type LogEvidence,
  type Monitor,
  type MonitorFinding,
  type MonitorFindingCode,
  type MonitorOptions,
  type MonitorReport,
  type MonitorState,
  type MonitorStore,
  verifyLogEvidence,
} from './monitor/index.ts';
export type { AuditSidecar, SidecarRecord } from './port/audit-sidecar.ts';
export {
  type CheckpointStore,
  isSameCheckpoint,
  requireForward,
  type StoredCheckpoint,
} from './port/checkpoint-store.ts';
export { LogError } from './port/log-error.ts';
export type { RevocationStateStore } from './port/revocation-state-store.ts';
export type { Staged, TileFile, TileSource, TileStore } from './port/tile-store.ts';
export type { StoredView, ViewChange, ViewPosition, ViewStore } from './port/view-store.ts';
export type { Witness } from './port/witness.ts';
export {
  createLogReader,
  type LogEntry,
  type LogReader,
  type LogReaderOptions,
} from './reader/log-reader.ts';
export {
  auditRevocations,
  type RevocationAuditCode,
  type RevocationAuditProblem,
  type RevocationAuditReport,
} from './revocation/audit.ts';
export {
  openRevocationAuthority,
  type RevocationAnswer,
  type RevocationAuthority,
  type RevocationAuthorityOptions,
  type RevocationRefusalCode,
  type RevokeOptions,
} from './revocation/authority.ts';
export type { FeedBatch, FeedCheckpoint, RevocationFeed } from './revocation/feed.ts';
export {
  createPastStaples,
  type EpochsAround,
  findEpochs,
  type PastStaple,
  type PastStaplesOptions,
} from './revocation/past-staples.ts';
export { createRevocationService, type RevocationServiceOptions } from './revocation/service.ts';
export type { LoggedEpoch, RevocationState } from './revocation/state.ts';
export { combineRevocationViews } from './revocation-view/combine.ts';
export {
  type FollowerStatus,
  openRevocationFollower,
  type RevocationFollower,
  type RevocationFollowerOptions,
} from './revocation-view/follower.ts';
export {
  createHttpRevocationSource,
  type HttpRevocationSourceOptions,
} from './revocation-view/http-source.ts';
export type { FollowerProblem, FollowerProblemCode } from './revocation-view/problem.ts';
export { type KnownRevocation, REVOCATION_RETENTION } from './revocation-view/revoked-table.ts';
export type { PushedEvent, RevocationSource, TailPage } from './revocation-view/source.ts';
export { createStapleView, type StapleViewOptions } from './revocation-view/staple-view.ts';
export type { LogView, View, ViewQuery, ViewVerdict } from './revocation-view/view.ts';
export { createRevokedSet, type RevokedSet } from './revoked-set/revoked-set.ts';
export { createStaple, type PublishedEpoch, readPublishedEpoch } from './revoked-set/staple.ts';
export { createLogHandler, type LogHandlerOptions } from './serve/handler.ts';
export { MAX_ENTRY, readBundle, writeBundle } from './tile/bundle.ts';
export type { TreeHead } from './tile/load-edge.ts';
export { parseTilePath, TILE_WIDTH, type TileName, tilePath } from './tile/path.ts';
export {
  createWitness,
  originHash,
  type RefusedCheckpoint,
  type WitnessedCheckpoint,
  type WitnessedLog,
  type WitnessOptions,
  type WitnessService,
  type WitnessStore,
  type WitnessWrite,
} from './witness/index.ts';
export { type AdoptLogOptions, adoptLog } from './writer/adopt-log.ts';
export type { LogLimits } from './writer/limits.ts';
export type { Log } from './writer/log.ts';
export { type LogOptions, openLog } from './writer/open-log.ts';
export type { Published } from './writer/published.ts';
