import type { Outcome } from './command-definition.ts';
import { Failure } from './failure.ts';
import type { Io, Output } from './io.ts';
import { denialText, reportDenial } from './text/denial.ts';
import { jsonText, withholdSecrets } from './text/escape.ts';
import { wrap } from './text/layout.ts';

/** Writes what a command found. @throws {Failure} `output_failed`. */
export async function writeOutcome(outcome: Outcome, json: boolean, io: Io): Promise<void> {
  const text = json ? jsonLine(outcome.json) : outcome.text;
  if (text !== '') await writeResult(io.stdout, text);
  for (const note of json ? [] : (outcome.notes ?? []))
    await writeAside(io, `${wrap(note, 0, 2)}\n`);
  if (outcome.problem !== undefined) await writeFailure(asFailure(outcome.problem), json, io);
}

/** Says on standard error what went wrong and what to do next. */
export async function writeFailure(failure: Failure, json: boolean, io: Io): Promise<void> {
  const text = json ? jsonLine({ error: failureObject(failure) }) : failureText(failure);
  await writeAside(io, withholdSecrets(text));
}

/** Writes to standard error; when that fails, the exit code has to do. */
export async function writeAside(io: Io, text: string): Promise<void> {
  await io.stderr.write(text).catch(() => false);
}

/** Whatever was thrown, as a failure. */
export function asFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const what = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return new Failure('internal_error', `taper itself failed: ${what}`, {
    hint: 'This is a mistake in taper. Please report it with the command line, but without any key.',
  });
}

export function warningText(message: string, hint: string | undefined): string {
  const lines = [wrap(`taper: warning: ${message}`, 0, 2)];
  if (hint !== undefined) lines.push(wrap(hint, 2));
  return `${lines.join('\n')}\n`;
}

export function jsonLine(value: unknown): string {
  return value === undefined ? '' : `${jsonText(value)}\n`;
}

async function writeResult(stdout: Output, text: string): Promise<void> {
  try {
    await stdout.write(text);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? 'unknown error';
    throw new Failure('output_failed', `cannot write the result to standard output: ${code}`, {
      hint: 'Make room, or send the output elsewhere.',
    });
  }
}

function failureText({ message, options }: Failure): string {
  const lines = [wrap(`taper: ${message}`, 0, 2)];
  if (options.help !== undefined) lines.push('', options.help.trimEnd());
  if (options.denial !== undefined) lines.push(denialText(options.denial, undefined));
  if (options.hint !== undefined) lines.push(wrap(options.hint, 2));
  if (options.command !== undefined) lines.push(`    ${options.command}`);
  return `${lines.join('\n')}\n`;
}

function failureObject({ code, message, exitCode, options }: Failure): object {
  const { hint, command, file, field, facts, denial } = options;
  return {
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(command === undefined ? {} : { command }),
    ...(file === undefined ? {} : { file }),
    ...(field === undefined ? {} : { field }),
    ...(facts === undefined ? {} : { facts }),
    ...(denial === undefined ? {} : { denial: reportDenial(denial) }),
    exit_code: exitCode,
  };
}
