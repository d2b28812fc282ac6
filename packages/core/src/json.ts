import type { ContainerForms, NumberForm } from './json-number.ts';
import { hasTooManyValues, MAX_JSON_VALUES } from './json-size.ts';
import { MAX_JSON_DEPTH, parseJsonStrict } from './json-strict.ts';

export { MAX_JSON_VALUES } from './json-size.ts';
export { MAX_JSON_DEPTH, parseJsonStrict, TOP_LEVEL } from './json-strict.ts';
export type { ContainerForms, NumberForm };

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [member: string]: JsonValue;
}

/**
 * The numbers whose text says more than their double: container (object or array) -> member name or index -> form.
 * A number that is the whole text stands under {@link TOP_LEVEL}, index 0.
 */
export type NumberForms = ReadonlyMap<object, ContainerForms>;

/**
 * Why a text is refused: not RFC 8259; a member name twice in one object (compared after unescaping);
 * a member named `__proto__`; more than {@link MAX_JSON_DEPTH} containers in each other; more than `MAX_JSON_VALUES`;
 * a surrogate without its pair.
 */
export type JsonProblem =
  | 'syntax'
  | 'duplicate_member'
  | 'forbidden_member'
  | 'too_deep'
  | 'too_many_values'
  | 'lone_surrogate';

/** `numbers` is undefined when no number is irregular. `offset` counts UTF-16 code units and points at the first problem. */
export type JsonResult =
  | { readonly ok: true; readonly value: JsonValue; readonly numbers: NumberForms | undefined }
  | { readonly ok: false; readonly problem: JsonProblem; readonly offset: number | undefined };

const QUOTE = 0x22;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Longer texts go to the strict parser at once: one pass over hostile text instead of three. */
const FAST_PATH_LENGTH = 65_536;

/**
 * Parses one JSON text: RFC 8259 without duplicate members, `__proto__`, lone surrogates or deep nesting; no byte order mark.
 *
 * A text that `JSON.stringify` gives back unchanged needs no second look: it had no white space, no duplicate
 * member and only canonical numbers. Every other text is decided by {@link parseJsonStrict}, with the same result.
 * Linear in the length of the text; never throws.
 *
 * @param maxValues more commas and opening brackets than this are refused; raise it only for text that you trust not to be hostile.
 */
export function parseJson(text: string, maxValues: number = MAX_JSON_VALUES): JsonResult {
  if (typeof text !== 'string') return { ok: false, problem: 'syntax', offset: undefined };
  if (
    text.length <= FAST_PATH_LENGTH &&
    !hasTooManyValues(text, maxValues) &&
    !mayHideProblem(text)
  ) {
    try {
      const value: JsonValue = JSON.parse(text);
      if (JSON.stringify(value) === text) return { ok: true, value, numbers: undefined };
    } catch {
      // The strict parser says what is wrong with it.
    }
  }
  return parseJsonStrict(text, maxValues);
}

/** True for an object; false for null, arrays and everything else. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * True when a container that is `value` or lies inside it holds an inadmissible number (draft section 3.4).
 * A number that itself is `value` is judged by the caller through its container.
 */
export function holdsInadmissibleNumber(
  value: JsonValue,
  numbers: NumberForms | undefined,
): boolean {
  if (numbers === undefined) return false;
  const open: JsonValue[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    for (const form of numbers.get(next)?.values() ?? []) if (form === 'inadmissible') return true;
    for (const inner of Object.values(next)) if (typeof inner === 'object') open.push(inner);
  }
  return false;
}

/** Freezes a value and all inside it. The depth is bounded by that of the text it was parsed from. */
export function deepFreeze<Value extends JsonValue>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) for (const element of value) deepFreeze(element);
  else for (const name in value) deepFreeze((value as JsonObject)[name] as JsonValue);
  return Object.freeze(value);
}

/** What survives the round trip and may still be refused or irregular; false alarms only cost the short cut. */
function mayHideProblem(text: string): boolean {
  return (
    text.includes('__proto__') ||
    text.includes('\\ud') || // an escaped surrogate: JSON.stringify writes lone ones so
    (text.includes('+') && text.includes('e+')) || // an integer from 1e21 on, written with an exponent
    mayBeTooDeep(text)
  );
}

function mayBeTooDeep(text: string): boolean {
  if (text.length <= 2 * MAX_JSON_DEPTH) return false;
  let openers = 0;
  for (const opener of ['{', '[']) {
    for (let at = text.indexOf(opener); at >= 0; at = text.indexOf(opener, at + 1)) {
      if (++openers > MAX_JSON_DEPTH) return isTooDeep(text);
    }
  }
  return false;
}

/** Counts brackets outside strings. Exact for JSON; for anything else the verdict does not matter. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at++;
      for (let inner = text.charCodeAt(at); inner !== QUOTE; inner = text.charCodeAt(++at)) {
        if (inner === BACKSLASH) at++;
        if (at >= text.length) return true;
      }
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++depth > MAX_JSON_DEPTH) return true;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
  }
  return false;
}
