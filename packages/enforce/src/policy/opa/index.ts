export { PolicyLoadError, type PolicyPlace } from '../load-error.ts';
export type { LoadedPolicy, LoadedPolicyEngine } from '../loaded-engine.ts';
export {
  createPolicySet,
  type PolicySet,
  type PolicySetOptions,
  type ReloadOutcome,
} from '../set.ts';
export { loadOpaBundle, type OpaBundleOptions } from './bundle-engine.ts';
export { RESULT_UNDEFINED } from './decision-document.ts';
export {
  createOpaEngine,
  type OpaEngine,
  type OpaEngineOptions,
  type OpaHealth,
  UNVERSIONED,
} from './server-engine.ts';
