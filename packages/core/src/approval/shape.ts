import { canonicalize } from '../jcs.ts';
import { deepFreeze, isJsonObject, type JsonObject, type JsonValue, parseJson } from '../json.ts';

/** A frozen copy of plain JSON data that nobody else holds; `undefined` for anything else. */
export function copyJson(value: unknown): JsonValue | undefined {
  let text: string;
  try {
    text = canonicalize(value);
  } catch {
    return undefined;
  }
  const copy = parseJson(text);
  return copy.ok ? deepFreeze(copy.value) : undefined;
}

/** Whether the value is an object with these members, given in order, and no other. */
export function hasExactly(
  value: JsonValue | undefined,
  members: readonly string[],
): value is JsonObject {
  if (!isJsonObject(value)) return false;
  const names = Object.keys(value).sort();
  return names.length === members.length && names.every((name, at) => name === members[at]);
}

export function isListOf(
  value: JsonValue | undefined,
  most: number,
  fits: (element: JsonValue) => boolean,
): value is readonly JsonValue[] {
  return Array.isArray(value) && value.length <= most && value.every(fits);
}

/** Whether the value is a string of 1 to `most` UTF-16 code units. */
export function isBoundedText(value: JsonValue | undefined, most: number): value is string {
  return typeof value === 'string' && value !== '' && value.length <= most;
}

/** Whether the value can be a time: whole seconds since the epoch. */
export function isTime(value: JsonValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
