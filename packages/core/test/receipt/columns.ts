/** Characters that a terminal draws two columns wide (East Asian Width W and F, and emoji). */
const WIDE: RegExp =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;

/** Columns of a line without colour codes. */
export function columnsOf(line: string): number {
  return [...line].reduce((sum, character) => sum + (WIDE.test(character) ? 2 : 1), 0);
}

/** What no rendition may hold: characters that a terminal or a page obeys, hides or shows as blank. Line feeds aside. */
export const DANGEROUS: RegExp =
  /(?!\n)(?:[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]|\u034f|[\u115f\u1160\u2800\u3164\uffa0]|[\u17b4\u17b5]|[\u180b-\u180f]|[\ufe00-\ufe0f]|[\u{e0000}-\u{e0fff}])|(?! )\p{Zs}/u;
