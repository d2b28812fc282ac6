export { type Comparison, compareCheckpoints } from './compare.ts';
export {
  type EvidenceProblem,
  type EvidenceVerdict,
  type LogEvidence,
  verifyLogEvidence,
} from './evidence.ts';
export {
  checkLog,
  type FsckOptions,
  type FsckProblem,
  type FsckProblemCode,
  type FsckReport,
} from './fsck.ts';
export {
  type CheckpointView,
  createMonitor,
  type Monitor,
  type MonitorFinding,
  type MonitorFindingCode,
  type MonitorOptions,
  type MonitorReport,
} from './monitor.ts';
export { createMemoryMonitorStore, type MonitorState, type MonitorStore } from './state.ts';
