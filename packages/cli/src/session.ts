import { Failure, type FailureCode } from './failure.ts';
import type { Io } from './io.ts';

/** One run of `taper`: its streams, and what it found worth a warning. */
export interface Session {
  readonly io: Io;
  /** Whether a program reads the results: `--json`. */
  readonly json: boolean;
  /** Hands out standard input, once. @throws {Failure} `usage` when two arguments ask for it. */
  takeStdin(by: string): AsyncIterable<Uint8Array>;
  /** Says on standard error, at once, what a person should know although the command goes on. */
  warn(code: FailureCode, message: string, hint?: string): Promise<void>;
}

/** Guards standard input against being read for two arguments. */
export function standardInput(io: Io): Session['takeStdin'] {
  let taken: string | undefined;
  return (by) => {
    if (taken !== undefined) {
      throw new Failure('usage', `${taken} and ${by} cannot both be read from standard input`, {
        field: by,
        hint: 'Put one of them in a file.',
      });
    }
    taken = by;
    return io.stdin;
  };
}
