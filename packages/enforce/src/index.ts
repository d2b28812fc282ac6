export { type Clock, MAX_STEP_BACK, systemClock } from './clock.ts';
export {
  createEnforcementPoint,
  type EnforcementPoint,
  type EnforcementPointOptions,
} from './enforcement-point.ts';
export {
  createMemoryReplayStore,
  DEFAULT_REPLAY_CAPACITY,
  type ReplayStore,
  type ReplayVerdict,
} from './replay.ts';
