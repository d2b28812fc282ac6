import type { AuditProblem, AuditProblemCode, AuditVerdict } from '@taper/enforce';
import { escapeText } from './escape.ts';
import { fields, type Paint, wrap } from './layout.ts';
import { formatTime } from './time.ts';

/** Findings that are shown to people one by one; `--json` has more. */
const SHOWN = 20;

const SUMMARIES: Readonly<Record<AuditProblemCode, string>> = {
  line_malformed: 'is no event, or was changed',
  line_incomplete: 'is not finished: it was being written, or the writer died; it never counted',
  signature_invalid: 'was changed, or was not written by the holder of this key',
  emitter_mismatch: 'is the event of another emitter',
  sequence_gap: 'comes too early: events before it are missing',
  sequence_repeated: 'is in the wrong place, or there twice',
  chain_broken: 'was written after another event than the one before it',
  log_empty: 'is not there: the log holds no event at all',
  cut_off: 'is not there: the log ends before the head',
  head_mismatch: 'is not the event that the head was taken at',
  head_invalid: 'is not signed with this key, or is of another emitter',
};

/** The verdict on a log for people. What it cannot know, it says. */
export function auditText(verdict: AuditVerdict, source: string, paint: Paint): string {
  const { events, lines, last, emitter, provedThrough, problems, problemCount } = verdict;
  const intact = verdict.verdict === 'intact';
  const first = problems.find(({ line }) => line !== undefined)?.line;
  const title = intact
    ? `${paint('green', 'INTACT')} ${source}`
    : `${paint('red', 'BROKEN')} ${source}${first === undefined ? '' : `: line ${first}`}`;
  const rows = [
    ['events', `${events} in ${lines} ${lines === 1 ? 'line' : 'lines'}`],
    ['emitter', emitter === undefined ? undefined : escapeText(emitter)],
    ['last event', last && `sequence ${last.sequence}, ${formatTime(last.time)}`],
    ['last hash', last?.hash],
    ['end', intact ? endText(provedThrough, last?.sequence) : undefined],
    ['clock', clockText(verdict)],
  ] as const;
  const found = problems.slice(0, SHOWN).map((problem) => wrap(problemText(problem), 2, 4));
  const more = problemCount - found.length;
  return [title, ...found, ...(more > 0 ? [`  and ${more} more`] : []), fields(rows), ''].join(
    '\n',
  );
}

/** The verdict for `--json`. */
export function auditObject(verdict: AuditVerdict): object {
  return {
    verdict: verdict.verdict,
    end: verdict.provedThrough === undefined ? 'not_proved' : 'proved',
    proved_through: verdict.provedThrough ?? null,
    emitter: verdict.emitter ?? null,
    lines: verdict.lines,
    events: verdict.events,
    last: verdict.last ?? null,
    problems: verdict.problems.map((problem) => ({ ...problem, summary: problemText(problem) })),
    problem_count: verdict.problemCount,
    clock_steps_back: verdict.clockSteps,
    clock_step_count: verdict.clockStepCount,
  };
}

function problemText({ code, line, sequence, expected }: AuditProblem): string {
  const what = line === undefined ? 'the head' : `line ${line}`;
  const numbers = [
    sequence === undefined ? '' : `sequence ${sequence}`,
    expected === undefined ? '' : `expected ${expected}`,
  ].filter((each) => each !== '');
  return `${what} ${SUMMARIES[code]} (${[code, ...numbers].join(', ')})`;
}

function endText(provedThrough: number | undefined, last: number | undefined): string {
  if (provedThrough === undefined)
    return 'NOT PROVED: without a head that was kept elsewhere, nobody can tell whether later events were cut off';
  if (provedThrough === last)
    return `proved by the head: nothing is missing up to sequence ${last}`;
  return `proved by the head up to sequence ${provedThrough}; whether anything is missing after the last event is not`;
}

function clockText({ clockSteps, clockStepCount }: AuditVerdict): string | undefined {
  const [first] = clockSteps;
  if (first === undefined) return undefined;
  const times = clockStepCount === 1 ? 'once' : `${clockStepCount} times`;
  return `ran backwards ${times}, first at line ${first.line}: from ${formatTime(first.from)} to ${formatTime(first.to)}`;
}
