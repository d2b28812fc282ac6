export { type ExitCode, Failure, type FailureCode, type FailureOptions } from './failure.ts';
export type { Io, Output } from './io.ts';
export { run } from './main.ts';
