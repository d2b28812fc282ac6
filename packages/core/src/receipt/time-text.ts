/** Seconds since the epoch as RFC 3339 in UTC; `@` and the number where the year has not four digits. */
export function timeText(seconds: number): string {
  if (Math.abs(seconds) <= LARGEST_DATE) {
    const text = new Date(seconds * 1000).toISOString();
    if (/^[0-9]{4}-/.test(text)) return text.replace('.000Z', 'Z');
  }
  return `@${seconds}`;
}

/** The most seconds, either way, that ECMAScript's time value holds. */
const LARGEST_DATE = 8.64e12;

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/** Whole seconds for people, exact: `1 h 30 min`. */
export function durationText(seconds: number): string {
  let rest = seconds;
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}
