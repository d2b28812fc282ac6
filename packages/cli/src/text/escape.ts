/** Control and format characters (ANSI, C1, bidi, zero width, tags), lone surrogates, unassigned, and spaces that look like others. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/**
 * Text that came from outside, as it may be shown on a terminal: one line, no character that moves the cursor, hides or
 * reorders others. What is replaced is written `\u{…}`, and a backslash is doubled, so that nothing can imitate an escape.
 */
export function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replace(UNSAFE, (character) => {
    return `\\u{${(character.codePointAt(0) as number).toString(16)}}`;
  });
}

/** {@link escapeText} in quotation marks, cut to `limit` characters. */
export function quoteText(text: string, limit = 120): string {
  const shown = escapeText(text.slice(0, limit)).replaceAll('"', '\\"');
  return text.length > limit ? `"${shown}"… (${text.length} characters)` : `"${shown}"`;
}

/** A name from the command line, such as a path: bare when it is plain, else in quotation marks; long ones are cut. */
export function showName(name: string): string {
  const safe = withholdSecrets(name);
  return /^[\p{L}\p{N}_./:@%+=,~-]{1,200}$/u.test(safe) ? safe : quoteText(safe, 200);
}

/** JSON on lines of their own or in one, with everything that {@link escapeText} would replace as `\uXXXX`. */
export function jsonText(value: unknown, indent = 0): string {
  const text = JSON.stringify(value, undefined, indent);
  // JSON.stringify has escaped the line breaks inside strings; those between lines are its own.
  return text.replace(UNSAFE, (character) =>
    character === '\n'
      ? character
      : Array.from(
          { length: character.length },
          (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
        ).join(''),
  );
}

/** Takes out what looks like the private member of a JWK: somebody may have given a key where a name belongs. */
export function withholdSecrets(text: string): string {
  return text.replace(
    /(["']?\b(?:d|p|q|dp|dq|qi|k|priv)\b\\?["']?\s*[:=]\s*\\?["']?)[A-Za-z0-9_+/-]{16,}={0,2}/g,
    '$1(withheld)',
  );
}
