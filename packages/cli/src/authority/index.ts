export type { AuthorityConfig } from './config.ts';
export { HOME_FILES, type MakeHomeOptions, makeHome, readHome } from './home.ts';
export { type RunningAuthority, type StartOptions, startAuthority } from './node.ts';
export { writeStandingFiles } from './standing-files.ts';
