import { type JsonValue, parseJson } from '@taper/core';
import { Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import { isObject, jsonFailure, kindOf, member } from './json.ts';
import { type InputText, readInput } from './read.ts';

/** Tokens as a file holds them, and the proof if it is a presentation. Nothing is verified. */
export interface ChainFile {
  readonly tokens: readonly string[];
  readonly proof: string | undefined;
  readonly source: string;
}

const HINT =
  'A chain file is JSON {"aat_chain": ["…", "…"]}, root first; a presentation has "aat_pop" besides. A bare array, or one token as text, will do.';

/** Reads a chain file in any of its forms. @throws {Failure} `chain_malformed` naming the member, `json_invalid`, and as `readInput`. */
export async function readChain(path: string, session: Session): Promise<ChainFile> {
  return parseChain(await readInput(path, 'chain', session));
}

/** As {@link readChain}, for text. @throws {Failure} `chain_malformed`, `json_invalid`. */
export function parseChain({ text, source }: InputText): ChainFile {
  const compact = text.trim();
  if (isCompact(compact)) return { tokens: [compact], proof: undefined, source };
  if (/^[^\s{[]/.test(compact)) {
    throw new Failure('chain_malformed', `${source} is neither JSON nor a token in three parts`, {
      file: source,
      hint: HINT,
    });
  }
  const parsed = parseJson(text);
  if (!parsed.ok) throw jsonFailure(text, source, parsed.problem, parsed.offset);
  const { value } = parsed;
  const list = isObject(value) ? member(value, 'aat_chain') : value;
  if (!Array.isArray(list)) throw malformed(source, 'aat_chain', list);
  for (const [index, token] of list.entries()) {
    if (typeof token !== 'string') throw malformed(source, `aat_chain[${index}]`, token);
  }
  // As core reads a presentation: a proof that is null is one that is missing.
  const proof = isObject(value) ? (member(value, 'aat_pop') ?? undefined) : undefined;
  if (proof !== undefined && typeof proof !== 'string') throw malformed(source, 'aat_pop', proof);
  return { tokens: list as readonly string[], proof, source };
}

/** Whether a text has the three segments of a JWS in compact serialization. */
export function isCompact(text: string): boolean {
  return /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/.test(text);
}

/** What a chain file holds. */
export function chainDocument(tokens: readonly string[]): {
  readonly aat_chain: readonly string[];
} {
  return { aat_chain: tokens };
}

function malformed(source: string, field: string, value: JsonValue | undefined): Failure {
  const expected = field === 'aat_chain' ? 'an array' : 'a string';
  return new Failure(
    'chain_malformed',
    `${source}: ${field} is ${kindOf(value)} and not ${expected}`,
    { file: source, field, hint: HINT },
  );
}
