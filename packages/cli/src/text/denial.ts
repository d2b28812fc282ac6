import { DENIALS, type Denial } from '@taper/core';
import { escapeText, quoteText } from './escape.ts';
import { fields, wrap } from './layout.ts';

/** A denial with what a person needs beside it, for `--json`. */
export interface DenialReport extends Denial {
  /** What was found, in one sentence. */
  readonly summary: string;
  /** What to do about it. */
  readonly hint: string;
}

/** Puts summary and hint to a denial. */
export function reportDenial(denial: Denial): DenialReport {
  const { summary, hint } = DENIALS[denial.code];
  return { ...denial, summary, hint };
}

/** A row for {@link fields}. */
type Row = readonly [string, string | undefined];

/** The lines under the verdict: what was found, where, and what to do. `presented` is the number of tokens. */
export function denialText(
  denial: Denial,
  presented: number | undefined,
  more: readonly Row[] = [],
): string {
  const { summary, hint } = reportDenial(denial);
  const { tool, argument, claim, parent, constraint, reason } = denial.facts;
  const rows: readonly Row[] = [
    ['token', tokenPlace(denial.hop, presented)],
    ['rule', denial.step === undefined ? undefined : `draft section 8, step ${denial.step}`],
    ['tool', tool === undefined ? undefined : quoteText(tool)],
    ['argument', argument === undefined ? undefined : quoteText(argument)],
    ['claim', claim === undefined ? undefined : quoteText(claim)],
    ['parent has', shown(parent)],
    [parent === undefined ? 'constraint' : 'child has', shown(constraint)],
    ['reason', shown(reason)],
    ...more,
  ];
  return [
    wrap(summary, 2),
    ...(rows.some(([, value]) => value !== undefined) ? [fields(rows)] : []),
    ...(hint === undefined ? [] : [wrap(hint, 2)]),
  ].join('\n');
}

function shown(name: string | undefined): string | undefined {
  return name === undefined ? undefined : escapeText(name);
}

function tokenPlace(hop: number | undefined, presented: number | undefined): string | undefined {
  if (hop === undefined) return undefined;
  const place = hop === 0 ? 'the root' : `hop ${hop}`;
  return presented === undefined ? place : `${hop + 1} of ${presented} (${place})`;
}
