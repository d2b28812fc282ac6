export { CHAIN_HASH, chainHash } from './chain-store.ts';
export {
  type CallOptions,
  type Credential,
  createTaperFetch,
  type PresentationHeaders,
  type TaperFetch,
  type TaperFetchOptions,
} from './client.ts';
export type { AdmittedCall, PermittedCall } from './execution.ts';
export {
  type Admission,
  createRouteGuard,
  type RouteGuard,
  type RouteGuardOptions,
} from './guard.ts';
export type { Report } from './operator.ts';
export {
  DEFAULT_MAX_PRESENTATION,
  decodePresentation,
  encodePresentation,
  PRESENTATION_HEADER,
  STAPLE_HEADER,
} from './presentation-header.ts';
export {
  type Answer,
  type ApprovalProblem,
  type DenialProblem,
  deniedProblem,
} from './problem.ts';
export type { HttpRequest } from './request.ts';
export {
  CHAINS_PATH,
  type Method,
  type Route,
  type RouteDeclaration,
  route,
  SESSION_FINISH_PATH,
  SESSION_HELLO_PATH,
} from './route.ts';
export {
  type ArgumentsOf,
  body,
  path,
  query,
  type Source,
  type SourceMap,
  type ValueType,
  wholeBody,
} from './source.ts';
