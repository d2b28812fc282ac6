import type { Command, Help } from 'commander';
import type { Example } from './command-definition.ts';
import { isRequired } from './option.ts';
import { wrap } from './text/layout.ts';

const WIDTH = 80;

const PROGRAM_NOTES = `
The way of a task:
  taper key new       each agent makes a key of its own
  taper root issue    the issuer grants tools to the first agent
  taper delegate      an agent hands a part of them on to the next
  taper prove         the last agent signs one call
  taper verify        whoever owns the tool permits or denies that call

Exit codes:
  0  done, or permitted
  1  denied, or invalid
  2  wrong usage
  3  a file cannot be read or written

Results go to standard output, everything else to standard error.
\`taper help COMMAND\` explains each command, with examples.
`;

const examplesOf = new WeakMap<Command, readonly Example[]>();

/** Files the examples of a command, for its help. */
export function rememberExamples(command: Command, examples: readonly Example[]): void {
  examplesOf.set(command, examples);
}

/** The words that call a command: `taper key new`. */
export function commandName(command: Command): string {
  return command.parent === null
    ? command.name()
    : `${commandName(command.parent)} ${command.name()}`;
}

/** {@link commandName} without `taper`, which error messages begin with anyway; empty for `taper` itself. */
export function shortName(command: Command): string {
  return commandName(command).replace(/^taper ?/, '');
}

/** The help of a command, 80 columns wide. */
export function helpText(command: Command): string {
  const help = Object.assign(command.createHelp(), HELP_STYLE);
  help.prepareContext({ helpWidth: WIDTH, outputHasColors: false });
  const examples = (examplesOf.get(command) ?? []).flatMap(({ does, line }) => [
    '',
    wrap(`# ${does}`, 2, 4),
    `  $ ${line.replaceAll('\n', '\n      ')}`,
  ]);
  return [
    help.formatHelp(command, help).trimEnd(),
    ...(examples.length === 0 ? [] : ['', 'Examples:', ...examples.slice(1)]),
    ...(command.parent === null ? [PROGRAM_NOTES.trimEnd()] : []),
    '',
  ].join('\n');
}

/** The help of a command as data. */
export function describeHelp(command: Command): object {
  const help = Object.assign(command.createHelp(), HELP_STYLE);
  return {
    command: commandName(command),
    usage: usageLine(command),
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      required: argument.required,
      description: argument.description,
    })),
    options: help.visibleOptions(command).map((option) => ({
      flags: option.flags,
      required: isRequired(option),
      description: option.description,
    })),
    commands: help.visibleCommands(command).map((sub) => ({
      name: commandName(sub),
      summary: sub.summary(),
    })),
    examples: examplesOf.get(command) ?? [],
  };
}

/** Lists the commands of nouns in full: `key new` says more than `key`. */
const HELP_STYLE: Partial<Help> = {
  visibleCommands: (command) => leaves(command),
  subcommandTerm: shortName,
  subcommandDescription: (command) => command.summary(),
  optionDescription: (option) =>
    isRequired(option) ? `${option.description} (required)` : option.description,
  commandUsage: (command) => wrap(`Usage: ${usageLine(command)}`, 0, 9).slice('Usage: '.length),
};

/** With the options that cannot be left out, so that it can be filled in. */
function usageLine(command: Command): string {
  const operands = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}...]`,
  );
  const needed = command.options
    .filter(isRequired)
    .map((option) => option.flags.replace(/^-., /, ''));
  const last = command.commands.length === 0 ? '[options]' : '<command>';
  return [commandName(command), ...operands, ...needed, last].join(' ');
}

function leaves(command: Command): Command[] {
  return command.commands.flatMap((sub) => (sub.commands.length === 0 ? [sub] : leaves(sub)));
}
