import { escapeText } from './escape.ts';

/** An argument as it can be pasted into a POSIX shell. A name with control characters is shown escaped and cannot be pasted. */
export function shellQuote(argument: string): string {
  const safe = argument.startsWith('-') && argument !== '-' ? `./${argument}` : argument;
  if (/^[A-Za-z0-9_./:@%+=,~-]+$/.test(safe) && !safe.startsWith('~')) return safe;
  return `'${escapeText(safe).replaceAll('\\\\', '\\').replaceAll("'", "'\\''")}'`;
}
