/**
 * Extracts the string member `jti` of the top-level object of an unverified payload, and nothing else
 * (draft section 8, step 2c). A length-bounded scan, no parser: white space and escapes are handled.
 * `undefined` when there is no such member or its value is not a string. The value is untrusted.
 */
export function unsafeTokenId(payload: string): string | undefined {
  return idOfPlainPayload(payload) ?? scanForId(payload);
}

/**
 * The short cut for a payload without escapes or white space in which `jti"` stands once, as `"jti":"`. Should that one not be
 * at the top level, then the payload has no `jti` there and step 3j or 4b1 refuses it.
 */
function idOfPlainPayload(payload: string): string | undefined {
  // Without its first quote: a search that starts with a rare character is quick.
  const name = payload.indexOf('jti"');
  if (payload.charCodeAt(name - 1) !== QUOTE || !payload.startsWith(':"', name + 4))
    return undefined;
  const start = name + 6;
  if (payload.includes('jti"', start) || payload.includes('\\')) return undefined;
  const end = payload.indexOf('"', start);
  return end === -1 ? undefined : payload.slice(start, end);
}

function scanForId(payload: string): string | undefined {
  let depth = 0;
  let position = 0;
  while (position < payload.length) {
    const code = payload.charCodeAt(position);
    if (code === QUOTE) {
      const end = endOfString(payload, position);
      if (end === undefined) return undefined;
      if (depth === 1 && isJtiName(payload, position, end)) {
        const value = skipSpace(payload, end);
        if (payload.charCodeAt(value) === COLON)
          return stringAt(payload, skipSpace(payload, value + 1));
      }
      position = end;
      continue;
    }
    if (code === BRACE_OPEN || code === BRACKET_OPEN) depth += 1;
    else if (code === BRACE_CLOSE || code === BRACKET_CLOSE) depth -= 1;
    position += 1;
  }
  return undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;

/** Position just past the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number | undefined {
  for (
    let quote = text.indexOf('"', start + 1);
    quote !== -1;
    quote = text.indexOf('"', quote + 1)
  ) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return undefined;
}

function isJtiName(text: string, start: number, end: number): boolean {
  if (end - start === 5) return text.startsWith('jti', start + 1);
  // Only a name with escapes can be longer and still spell `jti`; `\u006a\u0074\u0069` is the longest.
  return (
    end - start <= 20 &&
    text.charCodeAt(start + 1) !== QUOTE &&
    decodeString(text.slice(start, end)) === 'jti'
  );
}

function stringAt(text: string, start: number): string | undefined {
  if (text.charCodeAt(start) !== QUOTE) return undefined;
  const end = endOfString(text, start);
  return end === undefined ? undefined : decodeString(text.slice(start, end));
}

function decodeString(literal: string): string | undefined {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    return undefined;
  }
}

function skipSpace(text: string, start: number): number {
  let position = start;
  while (' \t\n\r'.includes(text.charAt(position)) && position < text.length) position += 1;
  return position;
}
