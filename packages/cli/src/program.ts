import { Command, CommanderError } from 'commander';
import { helpCommand } from './command/help.ts';
import type { AnyCommand, Outcome } from './command-definition.ts';
import { commandsFor } from './commands.ts';
import { Failure } from './failure.ts';
import { commandName, describeHelp, helpText, rememberExamples, shortName } from './help.ts';
import { isRequired, jsonOption } from './option.ts';
import type { Session } from './session.ts';
import { usageFailure } from './usage.ts';

const NOUNS: Readonly<Record<string, string>> = {
  key: 'make and show keys',
  agent: 'enrol and look after agents',
  token: 'get roots from an authority',
  grant: 'say who may get which roots from an authority',
  peer: 'say whom the agents of a tenant may deal with',
  admin: 'say who administers an authority',
  audit: 'check audit logs, take heads of them, and audit the chains of other systems',
  revocation: 'run and check revocation logs',
  log: 'run, read, check and watch transparency logs',
  evidence: 'make evidence of what agents did, and pages to verify it in',
  anchors: 'get, keep and show the trust anchors that an authority publishes',
  root: 'issue root tokens, as the issuer that verifiers trust',
};

const DESCRIPTION = `\
Gives every AI agent its own key and only the authority its task needs. Authority is handed on from holder to holder \
as a chain of signed tokens that can only narrow. Anyone who knows the root issuer's public key can check it, offline.`;

/** What an `action` or `exitOverride` of one run learns. */
interface Run {
  outcome: Outcome | undefined;
  /** Where commander stopped. */
  stoppedAt: Command | undefined;
}

/**
 * Runs the command that a command line names.
 * @throws {Failure} `usage`, and whatever the command throws.
 */
export async function runProgram(argv: readonly string[], session: Session): Promise<Outcome> {
  const run: Run = { outcome: undefined, stoppedAt: undefined };
  const words = versionFlag(argv);
  const program = buildProgram(await commandsFor(words), run, session);
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    const command = run.stoppedAt ?? program;
    if (thrown.code !== 'commander.helpDisplayed') throw usageFailure(thrown, command);
    return { exitCode: 0, text: helpText(command), json: describeHelp(command) };
  }
  if (run.outcome === undefined) throw new Error('no command ran');
  return run.outcome;
}

/** `taper --version` is what everybody tries first. */
function versionFlag([first, ...rest]: readonly string[]): string[] {
  if (first === undefined) return [];
  return [first === '--version' || first === '-V' ? 'version' : first, ...rest];
}

function buildProgram(definitions: readonly AnyCommand[], run: Run, session: Session): Command {
  const program = prepare(new Command('taper'), DESCRIPTION, run).addOption(jsonOption);
  for (const definition of [...definitions, helpCommand(program)]) {
    const words = definition.name.split(' ');
    const verb = words.at(-1) as string;
    const parent = words.length === 1 ? program : noun(program, words[0] as string, run);
    addCommand(parent, verb, definition, run, session);
  }
  return program;
}

function noun(program: Command, name: string, run: Run): Command {
  const existing = program.commands.find((command) => command.name() === name);
  if (existing !== undefined) return existing;
  const summary = NOUNS[name] as string;
  return prepare(program.command(name), `Commands to ${summary}.`, run)
    .summary(summary)
    .addOption(jsonOption);
}

function addCommand(
  parent: Command,
  verb: string,
  definition: AnyCommand,
  run: Run,
  session: Session,
): void {
  const command = prepare(parent.command(verb), definition.description, run);
  command.summary(definition.summary);
  for (const { term, description } of definition.operands) command.argument(term, description);
  for (const option of definition.options) command.addOption(option);
  rememberExamples(command, definition.examples);
  command.addOption(jsonOption);
  command.action(async () => {
    requireOptions(command);
    run.outcome = await definition.run(command.args, command.opts(), session);
  });
}

/** @throws {Failure} `usage` naming all options that are missing. */
function requireOptions(command: Command): void {
  const missing = command.options.filter(
    (option) => isRequired(option) && command.getOptionValue(option.attributeName()) === undefined,
  );
  if (missing.length === 0) return;
  const names = missing.map((option) => `${option.long}`).join(', ');
  throw new Failure('usage', `${shortName(command)} needs ${names}`, {
    field: missing[0]?.long,
    hint: `\`${commandName(command)} --help\` explains them.`,
  });
}

/** Our own ways in all commands: help and errors are ours to write, nothing ends the process. */
function prepare(command: Command, description: string, run: Run): Command {
  return command
    .description(description)
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .allowExcessArguments(false)
    .configureOutput({ writeOut: () => {}, writeErr: () => {} })
    .exitOverride((error) => {
      run.stoppedAt = command;
      throw error;
    });
}
