import type { ProfileContext } from '@taper/core';
import type { Option } from 'commander';
import { Failure } from './failure.ts';
import { readDefinitionHash } from './file/definition.ts';
import { flagOption, valueOption } from './option.ts';
import type { Session } from './session.ts';

/** What caveats are judged by, as options of the commands that judge. */
export interface ProfileOptions {
  readonly tenant?: string;
  readonly purpose?: string;
  readonly definition?: string;
  readonly plain?: boolean;
}

export const profileOptions: readonly Option[] = [
  valueOption('--tenant <name>', 'the tenant of the enforcement point (default: it has none)'),
  valueOption('--purpose <text>', 'the one task that may be done there'),
  valueOption(
    '--definition <hash|json|@file|->',
    'the definition of the tool as it is now, or its hash',
  ),
  flagOption('--plain', 'judge as a verifier of plain AAT: refuse tokens with caveats'),
];

/** What a verifier and a call get from the options. @throws {Failure} `usage`, and as `readDefinitionHash`. */
export async function readProfile(
  options: ProfileOptions,
  session: Session,
): Promise<{
  readonly verifier: { readonly profile?: ProfileContext };
  readonly call: { readonly definition?: string };
}> {
  const { tenant, purpose, definition, plain } = options;
  if (plain === true) {
    const besides = Object.entries({ tenant, purpose, definition }).find(
      ([, value]) => value !== undefined,
    );
    if (besides === undefined) return { verifier: {}, call: {} };
    throw new Failure('usage', `--plain and --${besides[0]} do not go together`, {
      field: '--plain',
      hint: 'A verifier of plain AAT knows no caveats: leave out one of the two.',
    });
  }
  const profile = {
    ...(tenant === undefined ? {} : { tenant }),
    ...(purpose === undefined ? {} : { purpose }),
  };
  if (definition === undefined) return { verifier: { profile }, call: {} };
  const hash = await readDefinitionHash(definition, '--definition', session);
  return { verifier: { profile }, call: { definition: hash } };
}
