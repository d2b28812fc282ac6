import { type JsonObject, type JsonProblem, type JsonValue, parseJson } from '@taper/core';
import { Failure } from '../failure.ts';
import type { InputText } from './read.ts';

const REASONS: Readonly<Record<JsonProblem, string>> = {
  syntax: 'it breaks off or goes wrong',
  duplicate_member: 'an object names a member twice',
  forbidden_member: 'a member is named __proto__',
  too_deep: 'it is nested more than 128 deep',
  too_many_values: 'it holds too many values',
  lone_surrogate: 'a \\u escape is half of a surrogate pair',
};

/** A suite of a thousand vectors has some ten thousand values; the size of a file is bounded besides. */
const MAX_FILE_VALUES = 1_000_000;

/**
 * Reads strict JSON. No part of the text is ever repeated in the failure.
 * @param numbers `exact` refuses numbers that a double cannot hold, wherever they stand.
 * @throws {Failure} `json_invalid`, naming the file, the line and the column.
 */
export function parseJsonInput(
  { text, source }: InputText,
  numbers: 'exact' | 'any' = 'exact',
): JsonValue {
  const parsed = parseJson(text, MAX_FILE_VALUES);
  if (!parsed.ok) throw jsonFailure(text, source, parsed.problem, parsed.offset);
  if (numbers === 'exact' && holdsInadmissibleNumber(parsed.numbers)) {
    throw new Failure('json_invalid', `${source} holds a number that a double cannot hold`, {
      file: source,
      hint: 'Write large or precise numbers as strings.',
    });
  }
  return parsed.value;
}

/** The failure for text that strict JSON refuses. */
export function jsonFailure(
  text: string,
  source: string,
  problem: JsonProblem,
  offset: number | undefined,
): Failure {
  const [reason, hint] = explain(text, problem, offset);
  const known = offset !== undefined && text.trim() !== '';
  const place = known ? `: ${placeOf(text, offset)}` : '';
  return new Failure('json_invalid', `${source}${place}: not acceptable JSON: ${reason}`, {
    file: source,
    hint,
  });
}

function explain(
  text: string,
  problem: JsonProblem,
  offset: number | undefined,
): readonly [string, string] {
  const hint = 'Write strict JSON (RFC 8259), each member once.';
  if (problem !== 'syntax') return [REASONS[problem], hint];
  if (text.trim() === '') return ['it is empty', 'Check that what should have written it did.'];
  if (text.startsWith('\ufeff'))
    return ['it begins with a byte order mark', 'Save it as UTF-8 without a byte order mark.'];
  if (offset !== undefined && offset >= text.trimEnd().length)
    return [
      'it ends in the middle, as a file does that was cut off',
      'Make or fetch the file again.',
    ];
  return [REASONS.syntax, hint];
}

function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `line ${before.length}, column ${(before.at(-1) as string).length + 1}`;
}

type NumberForms = Extract<ReturnType<typeof parseJson>, { ok: true }>['numbers'];

function holdsInadmissibleNumber(numbers: NumberForms): boolean {
  for (const forms of numbers?.values() ?? [])
    for (const form of forms.values()) if (form === 'inadmissible') return true;
  return false;
}

/** True for an object; false for null and arrays. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The member of an object, and never what it inherits. */
export function member(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** How a value is called in a message, without repeating it. */
export function kindOf(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
