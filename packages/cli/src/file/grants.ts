import { AuthorityRefusal, type GrantSet, readGrantSet } from '@taper/authority';
import { canonicalize, type JsonObject, type JsonValue, parseJson, TaperError } from '@taper/core';
import { isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import { parseJsonInput } from './json.ts';
import { type InputText, readInput } from './read.ts';

const FORM =
  'Write {"type": "taper-grants", "version": 1, "grants": [...]} as YAML or JSON; spec/grants.schema.json says what a grant has.';

/** A grant document as read, and as it is sent. */
export interface GrantFile {
  readonly set: GrantSet;
  /** How to call it in a message. */
  readonly source: string;
}

/**
 * Reads grants from YAML 1.2 or JSON, of which both have to say the same: no anchors, no tags, no key twice, every number as JSON writes it.
 * @throws {Failure} `grants_malformed` naming the place, `json_invalid`, and as `readInput`.
 */
export async function readGrants(path: string, session: Session): Promise<GrantFile> {
  const input = await readInput(path, '<file>', session);
  const value = input.text.trimStart().startsWith('{') ? parseJsonInput(input) : parseYaml(input);
  return { set: asGrants(value, input.source), source: input.source };
}

/** Grants as data. @throws {Failure} `grants_malformed`. */
export function asGrants(value: JsonValue, source: string): GrantSet {
  try {
    return readGrantSet(canonicalize(value));
  } catch (error) {
    // What has no canonical form, such as a member named __proto__, is not shown.
    if (error instanceof TaperError && !(error instanceof AuthorityRefusal))
      throw malformed(source, 'is nothing that JSON could say');
    if (!(error instanceof AuthorityRefusal)) throw error;
    const { tenant, grant, member, tool, argument } = error.facts;
    const place = [
      tenant !== undefined && grant !== undefined && `grants.${tenant}/${grant}`,
      member,
      tool,
      argument,
    ].filter((each) => typeof each === 'string');
    throw new Failure('grants_malformed', `${source}: ${error.message.replace(/\.$/, '')}`, {
      file: source,
      ...(place.length === 0 ? {} : { field: place.join(', ') }),
      hint: error.hint ?? FORM,
    });
  }
}

function parseYaml({ text, source }: InputText): JsonValue {
  const document = parseDocument(text, { version: '1.2', schema: 'core', merge: false });
  const [problem] = [...document.errors, ...document.warnings];
  const where = problem?.linePos?.[0];
  if (problem !== undefined) throw malformed(source, 'is not acceptable YAML', where);
  if (document.directives?.yaml.version !== '1.2')
    throw malformed(source, 'says that it is of another version of YAML');
  const lineOf = (offset: number): { line: number; col: number } => {
    const before = text.slice(0, offset).split('\n');
    return { line: before.length, col: (before.at(-1) as string).length + 1 };
  };

  function plain(node: unknown): JsonValue {
    if (isMap(node)) {
      const members = node.items.map(({ key, value }) => {
        if (!isScalar(key) || typeof key.value !== 'string')
          throw at(key, 'has a name that is no text: put it in quotation marks');
        return [key.value, plain(value)] as const;
      });
      return Object.fromEntries(members) as JsonObject;
    }
    if (isSeq(node)) return node.items.map(plain);
    if (isScalar(node)) return scalar(node);
    if (isAlias(node)) throw at(node, 'has an alias: write it out');
    throw at(node, 'has a name without a value');
  }

  function scalar(node: { value: unknown; source?: string }): JsonValue {
    const { value, source: written = '' } = node;
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    // A number that YAML reads and JSON does not, or that a double cannot hold, might be read as another one elsewhere.
    const read = typeof value === 'number' ? parseJson(`[${written}]`) : undefined;
    if (read?.ok && read.numbers === undefined && Array.isArray(read.value))
      return read.value[0] as JsonValue;
    throw at(node, 'has a number that JSON writes otherwise');
  }

  function at(node: unknown, what: string): Failure {
    const range = (node as { range?: readonly number[] } | null)?.range;
    return malformed(source, what, range?.[0] === undefined ? undefined : lineOf(range[0]));
  }

  return plain(document.contents);
}

function malformed(
  source: string,
  what: string,
  where?: { readonly line: number; readonly col: number },
): Failure {
  const place = where === undefined ? '' : ` (line ${where.line}, column ${where.col})`;
  return new Failure('grants_malformed', `${source} ${what}${place}`, { file: source, hint: FORM });
}
