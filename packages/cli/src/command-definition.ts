import type { Option } from 'commander';
import type { Session } from './session.ts';

/** What a command hands back to be written: results on standard output, all else on standard error. */
export interface Outcome {
  /** 0 done or permitted, 1 denied or invalid. */
  readonly exitCode: 0 | 1;
  /** Standard output; empty, or whole lines. */
  readonly text: string;
  /** Standard output with `--json`: one object (or array) on one line. Undefined prints nothing. */
  readonly json: unknown;
  /** For people, on standard error; left out with `--json`. */
  readonly notes?: readonly string[];
  /** Why the exit code is 1 although there is a result; on standard error like any failure. */
  readonly problem?: Error;
}

/** An argument that is not an option. */
export interface Operand {
  /** As commander writes it: `<file>` required, `[name...]` any number. */
  readonly term: string;
  readonly description: string;
}

/** A command line that a newcomer can copy, and what it does. */
export interface Example {
  readonly line: string;
  readonly does: string;
}

/** One command of `taper`: its grammar, its help, and what it does. */
export interface CommandDefinition<Options> {
  /** Words after `taper`: `key new`. */
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What a newcomer must know, in sentences; paragraphs are separated by an empty line. */
  readonly description: string;
  readonly operands: readonly Operand[];
  readonly options: readonly Option[];
  readonly examples: readonly Example[];
  run(operands: readonly string[], options: Options, session: Session): Promise<Outcome>;
}

/** A definition whose options' type only its own `run` knows: the grammar in `options` fills exactly that type. */
export type AnyCommand = CommandDefinition<unknown>;

/** Closes over the type of a command's options. */
export function defineCommand<Options>(definition: CommandDefinition<Options>): AnyCommand {
  return {
    ...definition,
    run: (operands, options, session) => definition.run(operands, options as Options, session),
  };
}
