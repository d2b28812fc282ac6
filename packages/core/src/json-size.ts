/**
 * How many commas and opening brackets a JSON text may have outside its strings: a bound on the values in it,
 * and so on what reading, comparing and freezing them costs. Long strings are not affected.
 */
export const MAX_JSON_VALUES = 10_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;

/** Whether a text has more than `most` of them. One pass that jumps over strings; for text that is no JSON the answer does not matter. */
export function hasTooManyValues(text: string, most: number): boolean {
  if (text.length <= most) return false;
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = closingQuote(text, at);
      if (at === -1) return false;
    } else if (code === COMMA || code === OPEN_BRACE || code === OPEN_BRACKET) {
      values++;
      if (values > most) return true;
    }
  }
  return false;
}

/** Position of the quote that ends the string which opens at `start`; -1 when there is none. */
function closingQuote(text: string, start: number): number {
  for (
    let quote = text.indexOf('"', start + 1);
    quote !== -1;
    quote = text.indexOf('"', quote + 1)
  ) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote;
  }
  return -1;
}
