/** What a terminal or a page would obey, hide or show as blank: controls, bidi and other format characters, separators, unassigned and private code points. */
const UNSEEN: RegExp =
  /^(?:[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs})$/u;

/** Letters and digits of scripts written from right to left: a terminal with bidi turns the line around them, arrows and all. */
const RIGHT_TO_LEFT: RegExp =
  /^[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]$/u;

/** ASCII that nothing needs to be done about, in any form. */
const PRINTABLE: RegExp = /^[ !#-[\]-~]$/;
const LETTER_OR_DIGIT: RegExp = /^[\p{L}\p{N}]$/u;

/** Combining marks shown on one letter; more would cover the lines around it. */
const MARKS_SHOWN = 2;

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

export interface EscapeOptions {
  /** Escape what is written from right to left as well; for media that cannot isolate it. */
  readonly rightToLeft: boolean;
  /** Leave `"` and `\` alone: the text is JSON already. */
  readonly json?: boolean;
}

/**
 * One string for each character: itself, or its JSON escape where it could not be seen or would act on what shows it.
 * Joined and put in quotation marks they are a JSON string of the same value.
 */
export function visibleCharacters(text: string, options: EscapeOptions): readonly string[] {
  const shown: string[] = [];
  let marks = MARKS_SHOWN;
  for (const character of text) {
    if (PRINTABLE.test(character)) {
      shown.push(character);
      marks = LETTER_OR_DIGIT.test(character) ? 0 : MARKS_SHOWN;
      continue;
    }
    const isMark = /^\p{M}$/u.test(character);
    marks = isMark ? marks + 1 : LETTER_OR_DIGIT.test(character) ? 0 : MARKS_SHOWN;
    const short = options.json === true ? undefined : SHORT_ESCAPES.get(character);
    const hidden =
      UNSEEN.test(character) ||
      (isMark && marks > MARKS_SHOWN) ||
      (options.rightToLeft && RIGHT_TO_LEFT.test(character));
    shown.push(short ?? (hidden ? jsonEscape(character) : character));
  }
  return shown;
}

/** Makes text safe between tags and inside quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Columns of a terminal that one visible character takes; where terminals differ, the larger number. */
export function columnsOf(character: string): number {
  const first = character.codePointAt(0) ?? 0;
  return first < 0x1100 ? character.length : 2;
}

function jsonEscape(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
