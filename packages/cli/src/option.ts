import { Option } from 'commander';
import { Failure } from './failure.ts';
import { showName } from './text/escape.ts';

/** An option with a value that may be given once. A value that looks like a flag is taken for a forgotten value. */
export function valueOption(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.argParser<string | undefined>((value, previous) => {
    if (previous !== undefined) throw givenTwice(option);
    return notAFlag(value, option);
  });
}

const required = new WeakSet<Option>();

/** As {@link valueOption}, and the command cannot do without it. */
export function requiredOption(flags: string, description: string): Option {
  const option = valueOption(flags, description);
  required.add(option);
  return option;
}

/**
 * Whether a command cannot do without an option. Not commander's `mandatory`, which it checks before it looks for options
 * that do not exist: who writes `--anchor` would be told that `--anchors` is missing.
 */
export function isRequired(option: Option): boolean {
  return required.has(option);
}

/** An option with one of a few values. */
export function choiceOption(
  flags: string,
  description: string,
  choices: readonly string[],
): Option {
  const option = valueOption(flags, `${description}: ${choices.join(', ')}`);
  const once = option.parseArg as (value: string, previous: string | undefined) => string;
  return option.argParser<string | undefined>((value, previous) => {
    if (choices.includes(once(value, previous))) return value;
    throw new Failure('usage', `${option.long} cannot be ${showName(value)}`, {
      field: option.long ?? option.flags,
      hint: `It is one of ${choices.join(', ')}.`,
    });
  });
}

/** An option that may be repeated. */
export function listOption(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.argParser<readonly string[] | undefined>((value, previous) => [
    ...(previous ?? []),
    notAFlag(value, option),
  ]);
}

/** An option whose value may begin with anything, such as a random nonce. */
export function opaqueOption(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.argParser<string | undefined>((value, previous) => {
    if (previous !== undefined) throw givenTwice(option);
    return value;
  });
}

export function flagOption(flags: string, description: string): Option {
  return new Option(flags, description);
}

export const anchorsOption: Option = listOption(
  '--anchors <file>',
  'the root issuers you trust: JSON [{"iss": "https://…", "jwk": {…}}]; may be repeated',
);
required.add(anchorsOption);

export const nowOption: Option = valueOption(
  '--now <time>',
  'take this as the present: seconds since the epoch or RFC 3339 (default: the clock)',
);

export const idOption: Option = valueOption(
  '--id <text>',
  'unique identifier, jti (default: a new UUIDv7)',
);

export const outOption: Option = valueOption(
  '-o, --out <file>',
  'write there instead of standard output; whole or not at all',
);

export const forceOption: Option = flagOption('--force', 'replace files that exist already');

export const toolsOption: Option = requiredOption(
  '--tools <json|@file|->',
  'tools to grant: {"tool": {"argument": {"constraint_type": …}}}',
);

/** Options that every command has. */
export const jsonOption: Option = flagOption('--json', 'print JSON: results and errors, one each');

function givenTwice(option: Option): Failure {
  return new Failure('usage', `${option.long} is given twice`, {
    field: option.long ?? option.flags,
    hint: 'Give it once, so that it is plain which one counts.',
  });
}

function notAFlag(value: string, option: Option): string {
  if (!value.startsWith('--') && value !== '') return value;
  const name = option.long ?? option.flags;
  const message =
    value === ''
      ? `${name} is empty`
      : `${name} needs a value, but ${showName(value)} follows, which looks like an option`;
  throw new Failure('usage', message, {
    field: name,
    hint:
      value === ''
        ? 'Put the value after the option. An empty shell variable may have been meant to hold it.'
        : 'Put the value after the option. A file whose name begins with dashes is written ./--name.',
  });
}
