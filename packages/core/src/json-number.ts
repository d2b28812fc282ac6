/**
 * What can be wrong with a number that only its text tells. Recorded only where the parsed double cannot tell:
 *
 * - `inadmissible`: the JCS text of the double denotes another number than the text (draft section 3.4).
 * - `not_integer_form`: admissible and an integer, but written with a fraction or exponent part, or as `-0`
 *   (draft section 3.2 wants integer claims without either).
 */
export type NumberForm = 'inadmissible' | 'not_integer_form';

/** Decimals of up to this many digits survive a double and its shortest text, unless they are near its ends. */
const SURVIVING_DIGITS = 15;
const SURVIVING_MIN = 1e-290;
const SURVIVING_MAX = 1e290;

/**
 * Judges one JSON number by its text. `token` is a number of RFC 8259 section 6 and `value` is `Number(token)`;
 * linear in the length of the token.
 */
export function numberForm(token: string, value: number): NumberForm | undefined {
  if (!isAdmissible(token, value)) return 'inadmissible';
  if (!Number.isInteger(value)) return undefined;
  return Object.is(value, -0) || /[.eE]/.test(token) ? 'not_integer_form' : undefined;
}

function isAdmissible(token: string, value: number): boolean {
  const magnitude = Math.abs(value);
  if (magnitude > SURVIVING_MIN && magnitude < SURVIVING_MAX && token.length <= SURVIVING_DIGITS)
    return true;
  if (magnitude === Number.POSITIVE_INFINITY) return false;
  const canonical = String(value);
  return canonical === token || denoted(canonical) === denoted(token);
}

/** The number a token denotes, in one spelling: significant digits, then the power of ten of the last one. */
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
  if (first === digits.length) return '0';
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 0x30) end--;
  // An exponent too long for a double comes out inexact or infinite; no finite double is anywhere near it.
  const exponent = exponentAt < 0 ? 0 : Number(token.slice(exponentAt + 1));
  return `${sign}${digits.slice(first, end)}e${exponent - fraction.length + (digits.length - end)}`;
}
