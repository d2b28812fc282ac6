export type { AuthorityConfig } from './authority/config.ts';
export { HOME_FILES, type MakeHomeOptions, makeHome, readHome } from './authority/home.ts';
export { type RunningAuthority, type StartOptions, startAuthority } from './authority/node.ts';
export { writeStandingFiles } from './authority/standing-files.ts';
export {
  type AdministratorClient,
  createAdministratorClient,
  resultOf,
} from './authority-client/administrator-client.ts';
export {
  createHolderClient,
  type HolderClient,
  type HolderRequest,
} from './authority-client/holder-client.ts';
export { type ExitCode, Failure, type FailureCode, type FailureOptions } from './failure.ts';
export type { Io, Output } from './io.ts';
export { run } from './main.ts';
