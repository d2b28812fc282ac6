import { TaperError } from './error.ts';
import { type JsonObject, type JsonValue, MAX_JSON_DEPTH, MAX_JSON_VALUES } from './json.ts';

/**
 * The RFC 8785 (JCS) text of a plain JSON value: members sorted by UTF-16 code units, numbers and strings as ECMAScript
 * writes them, no white space.
 *
 * Objects count with their own enumerable string members, each of which is read once and without running code of the value:
 * accessors are refused, `toJSON` and inherited members are not looked at.
 *
 * @throws {TaperError} `json_invalid` for what JSON cannot hold or would change on the way: undefined, functions, symbols,
 * bigint, NaN and infinities, lone surrogates, holes, accessors, instances of classes, `__proto__` members,
 * cycles, more than `MAX_JSON_DEPTH` containers in each other and more than `maxValues` values.
 *
 * @param maxValues default `MAX_JSON_VALUES`.
 */
export function canonicalize(value: unknown, maxValues: number = MAX_JSON_VALUES): string {
  return new CheckedWriter(maxValues).write(value, 0);
}

/** As {@link canonicalize}, for a value that `parseJson` gave and found free of inadmissible numbers: nothing in it is left to refuse. */
export function canonicalizeParsed(value: JsonValue): string {
  if (typeof value === 'string') return writeString(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(canonicalizeParsed).join(',')}]`;
  const object = value as JsonObject;
  const names = Object.keys(object);
  sortByCodeUnits(names);
  let text = '{';
  for (const name of names) {
    if (text.length > 1) text += ',';
    text += `${writeString(name)}:${canonicalizeParsed(object[name] as JsonValue)}`;
  }
  return `${text}}`;
}

/** Writes a value that may be anything. */
class CheckedWriter {
  private values = 0;
  private readonly maxValues: number;

  constructor(maxValues: number) {
    this.maxValues = maxValues;
  }

  write(value: unknown, depth: number): string {
    if (++this.values > this.maxValues) throw invalid('too many values');
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
        return Array.isArray(value)
          ? this.writeArray(value, depth + 1)
          : this.writeObject(value, depth + 1);
      default:
        throw invalid(`a value of type ${typeof value}`);
    }
  }

  private writeObject(object: object, depth: number): string {
    if (!isPlain(object)) throw invalid('an object that is not a plain one');
    const names = Object.keys(object);
    sortByCodeUnits(names);
    let text = '{';
    for (const name of names) {
      if (name === '__proto__') throw invalid('a member named __proto__');
      if (text.length > 1) text += ',';
      text += `${writeString(name)}:${this.write(readOwn(object, name), depth)}`;
    }
    return `${text}}`;
  }

  private writeArray(array: readonly unknown[], depth: number): string {
    // Array.prototype of any realm is itself an array; the prototype of a subclass is not.
    if (!Array.isArray(Object.getPrototypeOf(array)))
      throw invalid('an instance of an array class');
    const { length } = array;
    let text = '[';
    for (let index = 0; index < length; index++) {
      if (index > 0) text += ',';
      text += this.write(readOwn(array, index), depth);
    }
    return `${text}]`;
  }
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
