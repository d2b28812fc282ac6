import { Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import { quoteText } from '../text/escape.ts';
import { isObject, kindOf, parseJsonInput } from './json.ts';
import { readInput } from './read.ts';

/**
 * Reads names for keys: JSON `{"<thumbprint>": "name"}`.
 * @throws {Failure} `names_malformed` naming the member, `json_invalid`, and as `readInput`.
 */
export async function readNames(
  path: string,
  session: Session,
): Promise<ReadonlyMap<string, string>> {
  const input = await readInput(path, '--names', session);
  const value = parseJsonInput(input);
  const malformed = (what: string, field?: string): Failure =>
    new Failure('names_malformed', `${input.source}: ${what}`, {
      file: input.source,
      field,
      hint: 'A names file is JSON {"<thumbprint>": "name"}. `taper key show` prints the thumbprint as kid.',
    });
  if (!isObject(value)) throw malformed(`it is ${kindOf(value)} and not an object`);
  const names = new Map<string, string>();
  for (const [thumbprint, name] of Object.entries(value)) {
    if (!/^[A-Za-z0-9_-]{43}$/.test(thumbprint))
      throw malformed(`${quoteText(thumbprint)} is no key thumbprint`, thumbprint);
    if (typeof name !== 'string' || name === '')
      throw malformed(
        `the name of ${thumbprint} is ${name === '' ? 'empty' : kindOf(name)}`,
        thumbprint,
      );
    names.set(thumbprint, name);
  }
  return names;
}
