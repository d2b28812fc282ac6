import { TaperError } from './error.ts';
import { MAX_JSON_DEPTH } from './json.ts';

/**
 * The RFC 8785 (JCS) text of a plain JSON value: members sorted by UTF-16 code units, numbers and strings as ECMAScript
 * writes them, no white space.
 *
 * Objects count with their own enumerable string members, each of which is read once and without running code of the value:
 * accessors are refused, `toJSON` and inherited members are not looked at.
 *
 * @throws {TaperError} `json_invalid` for what JSON cannot hold or would change on the way: undefined, functions, symbols,
 * bigint, NaN and infinities, lone surrogates, holes, accessors, instances of classes, `__proto__` members,
 * cycles and more than `MAX_JSON_DEPTH` containers in each other.
 */
export function canonicalize(value: unknown): string {
  return writeValue(value, 0);
}

function writeValue(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      if (!Number.isFinite(value)) throw invalid(`the number ${value}`);
      return String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth >= MAX_JSON_DEPTH) throw invalid('a cycle, or containers nested too deep');
      return Array.isArray(value) ? writeArray(value, depth + 1) : writeObject(value, depth + 1);
    default:
      throw invalid(`a value of type ${typeof value}`);
  }
}

function writeObject(object: object, depth: number): string {
  if (!isPlain(object)) throw invalid('an object that is not a plain one');
  const names = Object.keys(object);
  sortByCodeUnits(names);
  let text = '{';
  for (const name of names) {
    if (name === '__proto__') throw invalid('a member named __proto__');
    if (text.length > 1) text += ',';
    text += `${writeString(name)}:${writeValue(readOwn(object, name), depth)}`;
  }
  return `${text}}`;
}

function writeArray(array: readonly unknown[], depth: number): string {
  // Array.prototype of any realm is itself an array; the prototype of a subclass is not.
  if (!Array.isArray(Object.getPrototypeOf(array))) throw invalid('an instance of an array class');
  const { length } = array;
  let text = '[';
  for (let index = 0; index < length; index++) {
    if (index > 0) text += ',';
    text += writeValue(readOwn(array, index), depth);
  }
  return `${text}]`;
}

function readOwn(container: object, key: string | number): unknown {
  const property = Object.getOwnPropertyDescriptor(container, key);
  if (property === undefined) throw invalid('an array with a hole');
  if (property.get !== undefined || property.set !== undefined)
    throw invalid('an accessor property');
  return property.value;
}

/** Made by `{}`, `JSON.parse` or `Object.create(null)`, in this realm or another. */
function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype === Object.prototype || prototype === null) return true;
  return (
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype as object, 'hasOwnProperty')
  );
}

/** Most objects have few members, often in order already. */
function sortByCodeUnits(names: string[]): void {
  for (let index = 1; index < names.length; index++) {
    if ((names[index - 1] as string) > (names[index] as string)) {
      names.sort();
      return;
    }
  }
}

function writeString(text: string): string {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return writeEscaped(text);
  }
  return `"${text}"`;
}

function writeEscaped(text: string): string {
  if (!text.isWellFormed()) throw invalid('a lone surrogate');
  return JSON.stringify(text);
}

function invalid(what: string): TaperError {
  return new TaperError('json_invalid', `not JSON: ${what}`);
}
