import { expect, test } from 'vitest';
import { COMMANDS, commandsFor } from '../src/commands.ts';

const namesFor = async (line: string): Promise<readonly string[]> =>
  (await commandsFor(line.split(' ').filter((word) => word !== ''))).map(({ name }) => name);

const ALL = Object.keys(COMMANDS);

test.each(ALL)('`taper %s` loads that command, and no other', async (name) => {
  expect(await namesFor(name)).toEqual([name]);
  expect(await namesFor(`${name} --help`)).toEqual([name]);
});

test.each([
  '',
  '--help',
  'help',
  'help verify',
  'agent',
  'agent --help',
  'agent enroll',
  'verfiy',
  '--json verify',
  'constructor',
])('`taper %s` names no command: all are loaded, to explain or to suggest one', async (line) => {
  expect(await namesFor(line)).toEqual(ALL);
});
