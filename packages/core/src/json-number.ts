/**
 * What can be wrong with a number that only its text tells. Recorded only where the parsed double cannot tell:
 *
 * - `inadmissible`: the JCS text of the double denotes another number than the text (draft section 3.4).
 * - `not_integer_form`: admissible and an integer, but written with a fraction or exponent part, or as `-0`
 *   (draft section 3.2 wants integer claims without either).
 */
export type NumberForm = 'inadmissible' | 'not_integer_form';

/** The irregular numbers of one container, by member name or index. */
export interface ContainerForms {
  get(key: string | number): NumberForm | undefined;
  has(key: string | number): boolean;
  values(): Iterable<NumberForm>;
}

/** Filed once per number and rarely asked, so the index waits for the first question. Keys are filed once each. */
export class NumberFormList implements ContainerForms {
  private readonly keys: (string | number)[];
  private readonly forms: NumberForm[];
  private index: Map<string | number, NumberForm> | undefined = undefined;

  constructor(key: string | number, form: NumberForm) {
    this.keys = [key];
    this.forms = [form];
  }

  file(key: string | number, form: NumberForm): void {
    this.keys.push(key);
    this.forms.push(form);
  }

  get(key: string | number): NumberForm | undefined {
    this.index ??= new Map(this.keys.map((key, at) => [key, this.forms[at] as NumberForm]));
    return this.index.get(key);
  }

  has(key: string | number): boolean {
    return this.get(key) !== undefined;
  }

  values(): Iterable<NumberForm> {
    return this.forms;
  }
}

/** Decimals of up to this many digits survive a double and its shortest text, unless they are near its ends. */
const SURVIVING_DIGITS = 15;
const SURVIVING_MIN = 1e-290;
const SURVIVING_MAX = 1e290;

/** A mantissa of nothing but zeros, whatever the exponent. */
const ZERO = /^-?[0.]+(?:[eE]|$)/;

/**
 * Judges one JSON number by its text. `token` is a number of RFC 8259 section 6, `value` is `Number(token)`, and
 * `plain` tells that the token has no fraction or exponent part. Linear in the length of the token.
 */
export function numberForm(token: string, value: number, plain: boolean): NumberForm | undefined {
  if (!isAdmissible(token, value)) return 'inadmissible';
  if (plain ? !Object.is(value, -0) : !Number.isInteger(value)) return undefined;
  return 'not_integer_form';
}

function isAdmissible(token: string, value: number): boolean {
  const magnitude = Math.abs(value);
  if (magnitude > SURVIVING_MIN && magnitude < SURVIVING_MAX && token.length <= SURVIVING_DIGITS)
    return true;
  if (magnitude === 0) return ZERO.test(token);
  if (magnitude === Number.POSITIVE_INFINITY) return false;
  const canonical = String(value);
  return canonical === token || denoted(canonical) === denoted(token);
}

/** The number that a token not of value 0 denotes, in one spelling: significant digits, then the power of ten of the last one. */
function denoted(token: string): string {
  const sign = token.startsWith('-') ? '-' : '';
  const exponentAt = token.search(/[eE]/);
  const mantissaEnd = exponentAt < 0 ? token.length : exponentAt;
  const dot = token.indexOf('.');
  const integerEnd = dot < 0 ? mantissaEnd : dot;
  const fraction = token.slice(integerEnd + 1, mantissaEnd);
  const digits = token.slice(sign.length, integerEnd) + fraction;
  let first = 0;
  while (digits.charCodeAt(first) === 0x30) first++;
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 0x30) end--;
  // An exponent too long for a double comes out inexact or infinite; no finite double is anywhere near it.
  const exponent = exponentAt < 0 ? 0 : Number(token.slice(exponentAt + 1));
  return `${sign}${digits.slice(first, end)}e${exponent - fraction.length + (digits.length - end)}`;
}
