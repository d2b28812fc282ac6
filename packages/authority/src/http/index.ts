export { administrativeTools } from './administrative-tools.ts';
export { answer } from './answer.ts';
export { APPROVALS_PATH, createIssuanceDesk } from './approvals.ts';
export type { RawArguments } from './arguments.ts';
export { mediaType, readText } from './body.ts';
export { clientAddress } from './client-address.ts';
export type { Access, Argument, ArgumentMap, Call, Caller, Endpoint, Place } from './endpoint.ts';
export { isOptional } from './endpoint.ts';
export { ENDPOINTS } from './endpoints.ts';
export {
  type AuthorityHandlerOptions,
  type ConnectionInfo,
  createAuthorityHandler,
  type MountedHandler,
} from './handler.ts';
export { createManagementHandler, type ManagementOptions } from './management.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { openApiDocument } from './openapi.ts';
export { type Problem, problemOf, problemResponse, serverProblem } from './problem.ts';
export { createRateLimit, type RateLimit } from './rate-limit.ts';
export { createLogger, LOG_LEVELS, type LogLevel } from './request-log.ts';
