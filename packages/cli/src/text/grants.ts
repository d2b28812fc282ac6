import type { Direction, GrantChange, GrantDifference, GrantPlan } from '@taper/authority';
import { escapeText, jsonText } from './escape.ts';
import type { Paint } from './layout.ts';

/** A sign and a word for each: colour alone says nothing. */
const WORDS: Readonly<Record<Direction, readonly [sign: string, word: string]>> = {
  widened: ['+', 'widened'],
  narrowed: ['-', 'narrowed'],
  incomparable: ['!', 'may widen'],
  worded: ['=', 'reworded'],
};

const COLOURS = {
  widened: 'red',
  incomparable: 'red',
  narrowed: 'green',
  worded: undefined,
} as const;

const COLUMN = 15;

/** What a plan changes in authority, for people: every difference with its sign and its word, and both values whole. */
export function planText({ changes, widens, unchanged }: GrantPlan, paint: Paint): string {
  const lines = changes.flatMap((change) => [...changeLines(change, paint), '']);
  const count = (kind: GrantChange['change']): string | undefined => {
    const number = changes.filter(({ change }) => change === kind).length;
    return number === 0 ? undefined : `${number} ${kind}`;
  };
  const counts = [count('added'), count('changed'), count('removed')].filter(Boolean);
  const summary = [...counts, `${unchanged} unchanged`].join(', ');
  const verdict = widens
    ? paint('red', '+ authority widens')
    : changes.length === 0
      ? 'nothing changes'
      : paint('green', '- nothing widens');
  return `${[...lines, `grants: ${summary}`, verdict].join('\n')}\n`;
}

function changeLines(
  { tenant, grant, change, differences }: GrantChange,
  paint: Paint,
): readonly string[] {
  return [
    `${tenant}/${grant}: ${change}`,
    ...differences.flatMap((difference) => differenceLines(difference, paint)),
  ];
}

function differenceLines(difference: GrantDifference, paint: Paint): readonly string[] {
  const { member, name, part, direction, before, after } = difference;
  const [sign, word] = WORDS[direction];
  const colour = COLOURS[direction];
  const mark = `${sign} ${word}`.padEnd(COLUMN - 2);
  const what = [member, name, part]
    .filter((text): text is string => text !== undefined)
    .map(escapeText)
    .join(' ');
  const head = `  ${colour === undefined ? mark : paint(colour, mark)}${what}`;
  if (member === 'grant') return [head, ...memberLines(before ?? after)];
  // An entry of a list is its own name.
  if ((before ?? after) === name) return [head];
  return [head, ...valueLine('was', before), ...valueLine('now', after)];
}

function memberLines(grant: GrantDifference['after']): readonly string[] {
  return Object.entries((grant ?? {}) as object).map(
    ([member, value]) => `${' '.repeat(COLUMN)}${member}: ${jsonText(value)}`,
  );
}

function valueLine(label: string, value: GrantDifference['after']): readonly string[] {
  return value === undefined ? [] : [`${' '.repeat(COLUMN)}${label} ${jsonText(value)}`];
}
