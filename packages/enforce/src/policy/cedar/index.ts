export { PolicyLoadError, type PolicyPlace } from '../load-error.ts';
export type { LoadedPolicy, LoadedPolicyEngine } from '../loaded-engine.ts';
export {
  createPolicySet,
  type PolicySet,
  type PolicySetOptions,
  type ReloadOutcome,
} from '../set.ts';
export { CEDAR_BASE_SCHEMA } from './base-schema.ts';
export {
  type CedarEngine,
  createCedarEngine,
  EVALUATION_ERROR,
  REQUEST_INVALID,
} from './engine.ts';
export { type CedarFilesOptions, loadCedarEngine } from './files.ts';
export type { CedarEngineOptions } from './options.ts';
export type { NamedText } from './policies.ts';
export type { CedarEntityName } from './request.ts';
