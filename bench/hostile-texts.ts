export const MB = 1_048_576;

/** Texts of a megabyte that are hard on a JSON parser. */
export function hostileTexts(): ReadonlyMap<string, string> {
  const members = (make: (index: number) => string): string => `{${fill(MB, make).join(',')}}`;
  return new Map([
    ['letters', 'x'.repeat(MB)],
    ['opening brackets', '['.repeat(MB)],
    ['arrays in arrays', '['.repeat(MB / 2) + ']'.repeat(MB / 2)],
    ['objects in objects', '{"a":'.repeat(MB / 6)],
    ['one member name again and again', members(() => '"a":1')],
    ['many member names', members((index) => `"${index.toString(36)}":1`)],
    ['a twin at the end', `{${fill(MB, (index) => `"${index}":1`).join(',')},"0":1}`],
    ['small numbers', `[${'1,'.repeat(MB / 2 - 2)}1]`],
    ['numbers with exponents', `[${'1e5,'.repeat(MB / 4 - 2)}1]`],
    ['numbers that lose digits', `[${fill(MB, () => '0.1000000000000000055').join(',')}]`],
    ['one number', `[${'9'.repeat(MB)}]`],
    ['one fraction', `[0.${'0'.repeat(MB)}1]`],
    ['backslashes', `["${'\\\\'.repeat(MB / 2)}"]`],
    ['escapes', `["${'\\u0041'.repeat(MB / 6)}"]`],
    ['quotes behind backslashes', `["${'\\"'.repeat(MB / 2)}"]`],
    ['a lone surrogate at the end', `["${'\\ud83d\\ude00'.repeat(MB / 12)}\\ud83d"]`],
    ['white space', `${' '.repeat(MB)}{}`],
    ['empty objects', `[${'{},'.repeat(MB / 3 - 2)}{}]`],
    ['empty strings', `[${'"",'.repeat(MB / 3 - 2)}""]`],
  ]);
}

/** As many parts as make so many characters with a comma behind each. */
function fill(characters: number, make: (index: number) => string): string[] {
  const parts: string[] = [];
  for (let left = characters, index = 0; left > 0; index += 1) {
    const part = make(index);
    parts.push(part);
    left -= part.length + 1;
  }
  return parts;
}
