import type { Failure, Tally } from './campaign.ts';
import { OPERATORS } from './operators.ts';

/** What a run came to, as data. */
export interface Summary {
  readonly seed: string;
  readonly seconds: number;
  readonly chains: number;
  readonly families: number;
  readonly operators: number;
  readonly operatorsHit: number;
  readonly neverHit: readonly string[];
  readonly escalations: number;
  readonly falseDenies: number;
  readonly crashes: number;
  /** Share of the attempts that an honest holder could have made which were accepted. */
  readonly benignAccepted: number;
  readonly slowest: Tally['slowest'];
  readonly byOperator: Tally['operators'];
  readonly failures: readonly Failure[];
}

export function summarize(tally: Tally, seed: string, seconds: number): Summary {
  const of = (kind: Failure['kind']): number =>
    tally.failures.filter((failure) => failure.kind === kind).length;
  const counts = Object.values(tally.operators);
  const benign = counts.reduce((sum, count) => sum + count.benign, 0);
  const accepted = counts.reduce((sum, count) => sum + count.benignAccepted, 0);
  const names = OPERATORS.map(({ name }) => name);
  return {
    seed,
    seconds: Math.round(seconds * 10) / 10,
    chains: tally.chains,
    families: tally.families,
    operators: names.length,
    operatorsHit: counts.length,
    neverHit: names.filter((name) => tally.operators[name] === undefined),
    escalations: of('escalation'),
    falseDenies: of('false_deny'),
    crashes: of('crash'),
    benignAccepted: benign === 0 ? 1 : accepted / benign,
    slowest: tally.slowest,
    byOperator: Object.fromEntries(
      names.flatMap((name) => {
        const count = tally.operators[name];
        return count === undefined ? [] : [[name, count]];
      }),
    ),
    failures: tally.failures,
  };
}

/** The command that runs one failure again. */
function replayCommand(seed: string, { family, mutation }: Failure): string {
  return `npm run fuzz -- --seed ${seed} --replay ${family}.${mutation}`;
}

/** For people: a line for each operator, then what matters. */
export function printable(summary: Summary): string {
  const lines = Object.entries(summary.byOperator).map(([name, count]) => {
    const codes = Object.entries(count.codes)
      .sort(([, left], [, right]) => right - left)
      .slice(0, 3)
      .map(([code, times]) => `${code} ${times}`)
      .join(', ');
    const cells = [
      name.padEnd(30),
      String(count.accepted + count.denied).padStart(8),
      String(count.accepted).padStart(8),
      String(count.denied).padStart(8),
    ];
    return `${cells.join('')}   ${codes}`.trimEnd();
  });
  const heads = ['operator'.padEnd(30), 'tried', 'accepted', 'denied'];
  const { slowest } = summary;
  return [
    `${heads[0]}${heads
      .slice(1)
      .map((head) => head.padStart(8))
      .join('')}   most frequent denials`,
    ...lines,
    '',
    `seed            ${summary.seed}`,
    `chains          ${summary.chains}, from ${summary.families} families, in ${summary.seconds} s`,
    `operators       ${summary.operatorsHit} of ${summary.operators}${summary.neverHit.length > 0 ? `; never: ${summary.neverHit.join(', ')}` : ''}`,
    `benign accepted ${(summary.benignAccepted * 100).toFixed(1)} %`,
    `slowest         ${slowest.milliseconds.toFixed(1)} ms of processor time (${slowest.operator}, --replay ${slowest.family}.${slowest.mutation})`,
    `escalations     ${summary.escalations}`,
    `false denies    ${summary.falseDenies}`,
    `crashes         ${summary.crashes}`,
    ...summary.failures
      .slice(0, 10)
      .flatMap((failure) => [
        '',
        `${failure.kind}: ${failure.operator}: ${failure.detail}`,
        `  ${replayCommand(summary.seed, failure)}`,
      ]),
  ].join('\n');
}
