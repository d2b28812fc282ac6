import { Failure } from '../failure.ts';
import { showName } from './escape.ts';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Reads `90s`, `10m`, `2h` or `30d` as seconds. @throws {Failure} `usage`. */
export function parseDuration(text: string, option: string): number {
  const match = /^([1-9][0-9]{0,8})([smhd])$/.exec(text);
  if (match === null) {
    throw new Failure('usage', `${option} is not a duration: ${showName(text)}`, {
      field: option,
      hint: 'Write a whole number and a unit: 90s, 10m, 2h or 30d.',
    });
  }
  return Number(match[1]) * (SECONDS[match[2] as string] as number);
}

/** Reads whole seconds since the epoch, or a time such as `2026-11-21T09:30:00Z`. @throws {Failure} `usage`. */
export function parseTime(text: string, option: string): number {
  const seconds = /^[0-9]{1,15}$/.test(text) ? Number(text) : parseRfc3339(text);
  if (Number.isSafeInteger(seconds)) return seconds;
  throw new Failure('usage', `${option} is not a time: ${showName(text)}`, {
    field: option,
    hint: 'Write whole seconds since the epoch, or a time in UTC such as 2026-11-21T09:30:00Z.',
  });
}

function parseRfc3339(text: string): number {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(text)) return Number.NaN;
  const seconds = Date.parse(text) / 1000;
  return formatTime(seconds) === text ? seconds : Number.NaN;
}

/** A time in seconds since the epoch as RFC 3339 in UTC; beyond the calendar's end, `@` and the number. */
export function formatTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime()) || !Number.isInteger(seconds)) return `@${seconds}`;
  return date.toISOString().replace('.000Z', 'Z');
}
