import type { ExitCode } from './failure.ts';
import type { Io } from './io.ts';
import { processIo } from './process-io.ts';
import { runProgram } from './program.ts';
import {
  asFailure,
  jsonLine,
  warningText,
  writeAside,
  writeFailure,
  writeOutcome,
} from './report.ts';
import { type Session, standardInput } from './session.ts';

/**
 * Runs `taper` with the words that follow its name, reading and writing only through `io` and the files that are named.
 * Never throws: whatever goes wrong is said on standard error, and the exit code tells it apart.
 */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const json = asksForJson(argv);
  const session: Session = {
    io,
    json,
    takeStdin: standardInput(io),
    async warn(code, message, hint) {
      const warning = { warning: { code, message, ...(hint === undefined ? {} : { hint }) } };
      await writeAside(io, json ? jsonLine(warning) : warningText(message, hint));
    },
  };
  try {
    const outcome = await runProgram(argv, session);
    await writeOutcome(outcome, json, io);
    return outcome.exitCode;
  } catch (thrown) {
    const failure = asFailure(thrown);
    await writeFailure(failure, json, io);
    return failure.exitCode;
  }
}

/** Runs `taper` as this process was called. */
export function runProcess(): Promise<ExitCode> {
  return run(process.argv.slice(2), processIo());
}

/** Known before anything is parsed, so that mistakes on the command line are told as JSON too. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end === -1 ? undefined : end).includes('--json');
}
