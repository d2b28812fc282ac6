import type { JsonObject, JsonProblem, JsonResult, JsonValue } from './json.ts';
import { type NumberForm, NumberFormList, numberForm } from './json-number.ts';
import { hasTooManyValues, MAX_JSON_VALUES } from './json-size.ts';

/** How many containers may be nested in each other: `[[1]]` has two. */
export const MAX_JSON_DEPTH = 128;

/** Stands for the container of a number that is the whole text, in `NumberForms`. */
export const TOP_LEVEL: object = Object.freeze({});

/** As `parseJson`, without its short cut for canonical texts; the same result for every text. */
export function parseJsonStrict(text: string, maxValues: number = MAX_JSON_VALUES): JsonResult {
  if (hasTooManyValues(text, maxValues))
    return { ok: false, problem: 'too_many_values', offset: undefined };
  return new StrictParser(text).parse();
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Integers of up to this many digits are exact in a double and are read without a detour through text. */
const EXACT_DIGITS = 15;

/** Recursive descent, at most {@link MAX_JSON_DEPTH} deep. Methods give undefined when they have set `failure`. */
class StrictParser {
  private readonly text: string;
  private at = 0;
  private depth = 0;
  /** Form of the number just read; whoever called for the value files it under the container. */
  private form: NumberForm | undefined = undefined;
  private numbers: Map<object, NumberFormList> | undefined = undefined;
  private failure: JsonResult = { ok: false, problem: 'syntax', offset: undefined };

  constructor(text: string) {
    this.text = text;
  }

  parse(): JsonResult {
    this.skipSpace();
    const value = this.readValue();
    if (value === undefined) return this.failure;
    if (this.form !== undefined) this.fileNumber(TOP_LEVEL, 0, this.form);
    this.skipSpace();
    if (this.at < this.text.length) {
      this.fail('syntax', this.at);
      return this.failure;
    }
    return { ok: true, value, numbers: this.numbers };
  }

  private readValue(): JsonValue | undefined {
    switch (this.text.charCodeAt(this.at)) {
      case QUOTE:
        return this.readString();
      case OPEN_BRACE:
        return this.readObject();
      case OPEN_BRACKET:
        return this.readArray();
      case 0x74:
        return this.readLiteral('true', true);
      case 0x66:
        return this.readLiteral('false', false);
      case 0x6e:
        return this.readLiteral('null', null);
      default:
        return this.readNumber();
    }
  }

  private readObject(): JsonObject | undefined {
    if (++this.depth > MAX_JSON_DEPTH) return this.fail('too_deep', this.at);
    const object: Record<string, JsonValue> = {};
    this.at++;
    this.skipSpace();
    if (this.text.charCodeAt(this.at) === CLOSE_BRACE) return this.close(object);
    for (;;) {
      const nameAt = this.at;
      if (this.text.charCodeAt(nameAt) !== QUOTE) return this.fail('syntax', nameAt);
      const name = this.readString();
      if (name === undefined) return undefined;
      if (name === '__proto__') return this.fail('forbidden_member', nameAt);
      const taken = name in object;
      if (taken && Object.hasOwn(object, name)) return this.fail('duplicate_member', nameAt);
      this.skipSpace();
      if (this.text.charCodeAt(this.at) !== COLON) return this.fail('syntax', this.at);
      this.at++;
      this.skipSpace();
      const value = this.readValue();
      if (value === undefined) return undefined;
      // Assigning to an inherited name would run a setter, or fail where Object.prototype is frozen.
      if (taken) defineMember(object, name, value);
      else object[name] = value;
      if (this.form !== undefined) this.fileNumber(object, name, this.form);
      this.skipSpace();
      const code = this.text.charCodeAt(this.at);
      if (code === CLOSE_BRACE) return this.close(object);
      if (code !== COMMA) return this.fail('syntax', this.at);
      this.at++;
      this.skipSpace();
    }
  }

  private readArray(): readonly JsonValue[] | undefined {
    if (++this.depth > MAX_JSON_DEPTH) return this.fail('too_deep', this.at);
    this.at++;
    this.skipSpace();
    if (this.text.charCodeAt(this.at) === CLOSE_BRACKET) return this.close([]);
    const first = this.readValue();
    if (first === undefined) return undefined;
    const array: JsonValue[] = [first]; // a push to an empty array would reserve 17 places
    for (;;) {
      if (this.form !== undefined) this.fileNumber(array, array.length - 1, this.form);
      this.skipSpace();
      const code = this.text.charCodeAt(this.at);
      if (code === CLOSE_BRACKET) return this.close(array);
      if (code !== COMMA) return this.fail('syntax', this.at);
      this.at++;
      this.skipSpace();
      const next = this.readValue();
      if (next === undefined) return undefined;
      array.push(next);
    }
  }

  private close<T>(container: T): T {
    this.depth--;
    this.at++;
    return container;
  }

  private readLiteral<T>(literal: string, value: T): T | undefined {
    if (!this.text.startsWith(literal, this.at)) return this.fail('syntax', this.at);
    this.at += literal.length;
    return value;
  }

  private readNumber(): number | undefined {
    const { text, at: start } = this;
    const negative = text.charCodeAt(start) === MINUS;
    const digits = negative ? start + 1 : start;
    let at = digits;
    let integer = 0;
    for (let code = text.charCodeAt(at); code >= ZERO && code <= NINE; code = text.charCodeAt(++at))
      integer = integer * 10 + (code - ZERO);
    if (at === digits) return this.fail('syntax', at);
    if (at > digits + 1 && text.charCodeAt(digits) === ZERO) return this.fail('syntax', digits + 1);
    const integerEnd = at;
    if (text.charCodeAt(at) === DOT) {
      const end = this.skipDigits(at + 1);
      if (end === at + 1) return this.fail('syntax', end);
      at = end;
    }
    if ((text.charCodeAt(at) | 0x20) === 0x65) {
      const sign = text.charCodeAt(at + 1);
      const first = sign === MINUS || sign === 0x2b ? at + 2 : at + 1;
      at = this.skipDigits(first);
      if (at === first) return this.fail('syntax', at);
    }
    this.at = at;
    const plain = at === integerEnd;
    if (plain && at - digits <= EXACT_DIGITS && (integer > 0 || !negative))
      return negative ? -integer : integer;
    const token = text.slice(start, at);
    const value = Number(token);
    this.form = numberForm(token, value, plain);
    return value;
  }

  private skipDigits(from: number): number {
    let at = from;
    for (let code = this.text.charCodeAt(at); code >= ZERO && code <= NINE; )
      code = this.text.charCodeAt(++at);
    return at;
  }

  private readString(): string | undefined {
    const { text, at: start } = this;
    let at = start + 1;
    let escaped = false;
    for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) {
      if (code === BACKSLASH) {
        const end = this.skipEscape(at);
        if (end === undefined) return undefined;
        at = end;
        escaped = true;
      } else if (code >= 0x20 && (code < 0xd800 || code > 0xdfff)) at++;
      else if (isHighSurrogate(code) && isLowSurrogate(text.charCodeAt(at + 1))) at += 2;
      else return this.fail(code >= 0xd800 ? 'lone_surrogate' : 'syntax', at);
    }
    this.at = at + 1;
    // Every escape has been checked; JSON.parse only decodes them, natively.
    return escaped ? JSON.parse(text.slice(start, at + 1)) : text.slice(start + 1, at);
  }

  /** Gives the offset after the escape whose backslash is at `at`; a surrogate pair is one escape of 12 characters. */
  private skipEscape(at: number): number | undefined {
    const { text } = this;
    const code = text.charCodeAt(at + 1);
    if (code !== LOWER_U) {
      const known = '"\\/bfnrt'.includes(String.fromCharCode(code));
      return known ? at + 2 : this.fail('syntax', at);
    }
    const unit = hexUnit(text, at + 2);
    if (unit < 0) return this.fail('syntax', at);
    if (unit < 0xd800 || unit > 0xdfff) return at + 6;
    const paired =
      isHighSurrogate(unit) &&
      text.startsWith('\\u', at + 6) &&
      isLowSurrogate(hexUnit(text, at + 8));
    return paired ? at + 12 : this.fail('lone_surrogate', at);
  }

  private skipSpace(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }

  private fileNumber(container: object, key: string | number, form: NumberForm): void {
    this.form = undefined;
    this.numbers ??= new Map();
    const forms = this.numbers.get(container);
    if (forms === undefined) this.numbers.set(container, new NumberFormList(key, form));
    else forms.file(key, form);
  }

  private fail(problem: JsonProblem, offset: number): undefined {
    this.failure = { ok: false, problem, offset };
    return undefined;
  }
}

function defineMember(object: Record<string, JsonValue>, name: string, value: JsonValue): void {
  const attributes = { value, writable: true, enumerable: true, configurable: true };
  Object.defineProperty(object, name, attributes);
}

/** The UTF-16 code unit of four hexadecimal digits, or -1. */
function hexUnit(text: string, start: number): number {
  let unit = 0;
  for (let at = start; at < start + 4; at++) {
    const code = text.charCodeAt(at);
    const letter = code | 0x20;
    if (code >= ZERO && code <= NINE) unit = unit * 16 + (code - ZERO);
    else if (letter >= 0x61 && letter <= 0x66) unit = unit * 16 + (letter - 0x57);
    else return -1;
  }
  return unit;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
