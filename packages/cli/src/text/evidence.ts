import type {
  EvidenceEvent,
  EvidenceLogSummary,
  EvidenceOutcome,
  EvidenceProblem,
  EvidenceVerdict,
} from '@taper/core';
import { escapeText } from './escape.ts';
import { fields, type Paint, wrap } from './layout.ts';
import { formatTime } from './time.ts';

/** Findings, and events, that are shown to people one by one; `--json` has more. */
const SHOWN = 20;

/** Characters of a path that are shown. */
const LONGEST_PATH = 200;

const QUESTIONS = ['authentic', 'authorized', 'complete'] as const;
const WORDS = { pass: 'PASS', fail: 'FAIL', not_shown: 'NOT SHOWN' } as const;
const COLOURS = { pass: 'green', fail: 'red', not_shown: 'yellow' } as const;

const MEANINGS: Readonly<
  Record<(typeof QUESTIONS)[number], Readonly<Record<EvidenceOutcome, string>>>
> = {
  authentic: {
    pass: 'what is shown was written by these emitters, in its place in these logs',
    fail: 'not all of it is what these emitters wrote in these logs',
    not_shown: 'something that would prove it is missing',
  },
  authorized: {
    pass: 'every permitted call was allowed by its chain, when it was made',
    fail: 'not every permitted call was allowed by its chain',
    not_shown: 'something that would prove it is missing',
  },
  complete: {
    pass: 'all events that were asked about are shown',
    fail: 'the log has less than it must have',
    not_shown: 'events that were asked about are withheld',
  },
};

/** The worst of the three. */
export function worst({ authentic, authorized, complete }: EvidenceVerdict): EvidenceOutcome {
  const all = [authentic, authorized, complete];
  if (all.includes('fail')) return 'fail';
  return all.includes('not_shown') ? 'not_shown' : 'pass';
}

/** The verdict on a bundle for people. What it cannot say, it says. */
export function evidenceText(verdict: EvidenceVerdict, source: string, paint: Paint): string {
  const { problems, problemCount, logs, events } = verdict;
  const overall = worst(verdict);
  const found = problems.slice(0, SHOWN).map((each) => wrap(problemText(each, paint), 2, 4));
  const more = problemCount - found.length;
  const rows = QUESTIONS.map(
    (question) =>
      [
        question,
        `${paint(COLOURS[verdict[question]], WORDS[verdict[question]])}: ${MEANINGS[question][verdict[question]]}`,
      ] as const,
  );
  return [
    `${paint(COLOURS[overall], WORDS[overall])} ${source}`,
    fields([...rows, ...asOfRows(verdict)]),
    ...(found.length === 0 ? [] : ['', ...found]),
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...logs.map((log) => `\n${logText(log)}`),
    ...eventLines(events, paint),
    '',
  ].join('\n');
}

function asOfRows(verdict: EvidenceVerdict): readonly (readonly [string, string | undefined])[] {
  const { notRevokedAsOf, asOf, lacking } = verdict;
  const missing = (['arguments', 'proofs', 'revocation'] as const)
    .filter((what) => lacking[what] > 0)
    .map((what) => `${what} of ${lacking[what]}`);
  return [
    [
      'not revoked',
      notRevokedAsOf === undefined
        ? 'nothing is said about it'
        : `as of ${formatTime(notRevokedAsOf)} at the earliest; that says nothing about later`,
    ],
    ['judged as of', asOf === undefined ? undefined : formatTime(asOf)],
    ['missing', missing.length === 0 ? undefined : `${missing.join(', ')} permitted calls`],
  ];
}

/** Where something is wrong: a member that does not belong there has the name that whoever wrote the bundle gave it. */
function placeText(path: string): string {
  return escapeText(path.length > LONGEST_PATH ? `${path.slice(0, LONGEST_PATH)}…` : path);
}

function problemText({ outcome, code, path, ...rest }: EvidenceProblem, paint: Paint): string {
  const { verdict: question, ...facts } = rest;
  const words = Object.entries(facts).map(
    ([fact, value]) => `${fact} ${escapeText(String(value))}`,
  );
  const detail = words.length === 0 ? '' : ` (${words.join(', ')})`;
  const place = path === '' ? 'the bundle' : placeText(path);
  return `${paint(COLOURS[outcome], WORDS[outcome])} ${question}: ${place}: ${code}${detail}`;
}

function logText(log: EvidenceLogSummary): string {
  const { origin, emitter, size, shown, withheld, witnesses, cosignedAt } = log;
  const by = witnesses.map(escapeText).join(', ');
  return fields([
    ['log', escapeText(origin)],
    ['emitter', emitter === undefined ? 'unknown to the policy' : escapeText(emitter)],
    [
      'events',
      `${size ?? 'a number that is not proved'} at the checkpoint; ${shown} shown, ${withheld} withheld`,
    ],
    [
      'cosigned',
      by === ''
        ? 'by nobody that the policy names'
        : `by ${by}${cosignedAt === undefined ? '' : `, ${formatTime(cosignedAt)}`}`,
    ],
  ]);
}

function eventLines(events: readonly EvidenceEvent[], paint: Paint): readonly string[] {
  if (events.length === 0) return [];
  const lines = events.slice(0, SHOWN).map(({ event, authorized, problems }) => {
    const { sequence, time, decision, tool, agent_id: agent } = event;
    const asks = decision === 'permit' || problems.length > 0;
    const by = agent === undefined ? '' : `  ${agent.slice(0, 10)}…`;
    const mark = asks ? `  ${paint(COLOURS[authorized], WORDS[authorized])}` : '';
    return `  ${String(sequence).padStart(6)}  ${formatTime(time)}  ${decision}${tool === undefined ? '' : ` ${escapeText(tool)}`}${by}${mark}`;
  });
  const more = events.length - lines.length;
  return ['', ...lines, ...(more > 0 ? [`  and ${more} more events`] : [])];
}

/** The verdict for `--json`. */
export function evidenceObject(verdict: EvidenceVerdict): object {
  const { authentic, authorized, complete, asOf, notRevokedAsOf, lacking } = verdict;
  return {
    verdict: worst(verdict),
    authentic,
    authorized,
    complete,
    as_of: asOf ?? null,
    not_revoked_as_of: notRevokedAsOf ?? null,
    lacking,
    problems: verdict.problems,
    problem_count: verdict.problemCount,
    notices: verdict.notices,
    notice_count: verdict.noticeCount,
    logs: verdict.logs.map(({ cosignedAt, emitter, size, ...log }) => ({
      ...log,
      emitter: emitter ?? null,
      size: size ?? null,
      cosigned_at: cosignedAt ?? null,
    })),
    events: verdict.events.map((each) => ({
      path: each.path,
      origin: each.origin,
      sequence: each.event.sequence,
      event_id: each.event.event_id,
      time: each.event.time,
      decision: each.event.decision,
      tool: each.event.tool ?? null,
      agent_id: each.event.agent_id ?? null,
      authorized: each.authorized,
      not_revoked_as_of: each.notRevokedAsOf ?? null,
      lacking: each.lacking,
    })),
  };
}
