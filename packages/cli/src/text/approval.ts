import type { ApprovalRequest, JsonValue } from '@taper/core';
import { jsonText } from './escape.ts';
import { fields, wrap } from './layout.ts';
import { formatTime } from './time.ts';

/** Characters that hide, reorder or imitate others. Line breaks and tabs inside a string are shown as \n and \t and deceive nobody. */
const DECEPTIVE = /(?![\n\r\t])[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/**
 * The whole of what an approval covers: nothing is left out, shortened or put in other words. Every text from outside stands as
 * JSON, with what could deceive escaped.
 */
export function approvalText(
  { action, requirements, approvals }: ApprovalRequest,
  group: string,
  now: number,
): string {
  const { tool, enforcementPoint, issuedAt, expiresAt, tokens, nonce } = action;
  const args = jsonText(action.arguments, 2).replaceAll('\n', '\n    ');
  const needed = requirements.map((each) => `${each.count} of ${jsonText(each.group)}`).join(', ');
  const rows = fields([
    ['at', jsonText(enforcementPoint)],
    ['asked', bothTimes(issuedAt)],
    ['expires', bothTimes(expiresAt)],
    ['time left', duration(expiresAt - now)],
    ['you approve for', jsonText(group)],
    ['needed', needed],
    ['signed so far', `${approvals.length} (not verified here)`],
    ['request', nonce],
    ['leaf tokens', tokens.join(' ')],
  ]);
  const warning = deceptionWarning(action);
  return [
    'This action waits for approval:',
    '',
    `  tool ${jsonText(tool)} with exactly these arguments:`,
    `    ${args}`,
    '',
    ...(warning === undefined ? [] : [wrap(warning, 0, 2), '']),
    rows,
    '',
  ].join('\n');
}

/** What a person could overlook although it is escaped; `undefined` where there is nothing. */
function deceptionWarning({
  tool,
  arguments: args,
  enforcementPoint,
}: ApprovalRequest['action']): string | undefined {
  const found = new Set<string>();
  for (const text of textsIn([tool, enforcementPoint, args])) {
    for (const [character] of text.matchAll(DECEPTIVE)) found.add(character);
  }
  if (found.size === 0) return undefined;
  const names = [...found]
    .sort()
    .map(
      (character) =>
        `U+${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}`,
    );
  return (
    'WARNING: the text holds characters that are invisible, reorder others or control a terminal. They are shown ' +
    `as \\u escapes: ${names.join(' ')}. Who writes arguments for people to read has no use for them.`
  );
}

/** All strings in a value, names of members too. */
function* textsIn(value: JsonValue): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (Array.isArray(value)) for (const inner of value) yield* textsIn(inner);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      yield name;
      yield* textsIn(inner);
    }
  }
}

function bothTimes(seconds: number): string {
  return `${formatTime(seconds)} (here ${localTime(seconds)})`;
}

/** A time as the clock on the wall shows it, with its offset from UTC. */
function localTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return `@${seconds}`;
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  const offset = -date.getTimezoneOffset();
  const hours = two(Math.floor(Math.abs(offset) / 60));
  return `${day} ${clock} ${offset < 0 ? '-' : '+'}${hours}:${two(Math.abs(offset) % 60)}`;
}

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
