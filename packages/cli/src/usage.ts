import type { Command, CommanderError } from 'commander';
import { Failure } from './failure.ts';
import { commandName, helpText, shortName } from './help.ts';
import { showName } from './text/escape.ts';

/**
 * What commander found wrong with a command line, in our words. Values are not repeated: somebody may have pasted a key.
 * Names of options and commands are, beside the nearest one that exists.
 */
export function usageFailure(error: CommanderError, command: Command): Failure {
  const name = shortName(command);
  const quoted = /'(.*?)'/s.exec(error.message)?.[1] ?? '';
  if (error.code === 'commander.help')
    return new Failure('usage', `${name} needs a command after it`.trimStart(), {
      help: helpText(command),
    });
  const suggestion =
    beginning(command, quoted) ??
    /\(Did you mean (.*?)\?\)/s.exec(error.message)?.[1] ??
    (error.code === 'commander.unknownCommand' ? sameVerb(command, quoted) : undefined);
  const help = `\`${commandName(command)} --help\` shows what there is.`;
  return new Failure('usage', describe(error, name, quoted), {
    hint: suggestion === undefined ? help : `Did you mean ${suggestion}? ${help}`,
  });
}

function describe(error: CommanderError, name: string, quoted: string): string {
  switch (error.code) {
    case 'commander.unknownCommand':
      return `there is no command ${[name, showName(quoted)].join(' ').trimStart()}`;
    case 'commander.unknownOption':
      return `${name} has no option ${showName(quoted.split('=')[0] as string)}`.trimStart();
    case 'commander.missingArgument':
      return `${name} needs <${quoted}>`;
    case 'commander.optionMissingArgument':
      return `${name}: ${quoted} needs a value`;
    case 'commander.excessArguments':
      return `${name} got more arguments than it takes; put JSON, and names with spaces, in quotation marks`;
    default:
      return `${name} does not understand this command line`;
  }
}

/** The one option that begins as somebody wrote it: nothing is abbreviated in silence. */
function beginning(command: Command, written: string): string | undefined {
  const names = command.options.map((option) => option.long ?? '');
  const found = names.filter((name) => written.length > 4 && name.startsWith(written));
  return found.length === 1 ? found[0] : undefined;
}

/** The commands of other nouns with that verb: `issue` is `root issue`. */
function sameVerb(command: Command, verb: string): string | undefined {
  const found = command.commands.flatMap((noun) =>
    noun.commands.filter((sub) => sub.name() === verb),
  );
  return found[0] === undefined ? undefined : commandName(found[0]);
}
