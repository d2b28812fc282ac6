import type { Command } from 'commander';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { commandName, describeHelp, helpText, shortName } from '../help.ts';
import { showName } from '../text/escape.ts';

/** `taper help`, which needs to see all commands. */
export function helpCommand(program: Command): AnyCommand {
  return defineCommand<object>({
    name: 'help',
    summary: 'explain a command',
    description: 'Explains taper, or one of its commands, with examples.',
    operands: [{ term: '[command...]', description: 'words of the command, such as `root issue`' }],
    options: [],
    examples: [{ line: 'taper help root issue', does: 'How to issue a root token.' }],
    async run(words) {
      let command = program;
      for (const word of words) {
        const next = command.commands.find((sub) => sub.name() === word);
        if (next === undefined) {
          const path = [shortName(command), showName(word)].join(' ').trimStart();
          throw new Failure('usage', `there is no command ${path}`, {
            hint: `\`${commandName(command)} --help\` shows what there is.`,
          });
        }
        command = next;
      }
      return { exitCode: 0, text: helpText(command), json: describeHelp(command) };
    },
  });
}
