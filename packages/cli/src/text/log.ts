import type { VerifiedCheckpoint } from '@taper/core';
import type { FsckProblem, FsckReport, MonitorFinding, MonitorReport } from '@taper/log';
import { escapeText } from './escape.ts';
import { fields, type Paint, wrap } from './layout.ts';
import { formatTime } from './time.ts';

/** Problems that are shown to people one by one; `--json` has more. */
const SHOWN = 20;

/** A checkpoint for people. */
export function checkpointText(checkpoint: VerifiedCheckpoint, quorum: number): string {
  const { origin, size, root, cosigners } = checkpoint;
  const names = cosigners.map(({ name, time }) => `${escapeText(name)} at ${formatTime(time)}`);
  return `${fields([
    ['log', escapeText(origin)],
    ['entries', String(size)],
    ['root', Buffer.from(root).toString('base64')],
    ['cosigned', names.length === 0 ? 'by nobody' : names.join(', ')],
    ['quorum', `${quorum} asked for`],
  ])}\n`;
}

export function checkpointObject({
  origin,
  size,
  root,
  cosigners,
  note,
}: VerifiedCheckpoint): object {
  return { origin, size, root: Buffer.from(root).toString('base64'), cosigners, note };
}

const FSCK: Readonly<Record<FsckProblem['code'], string>> = {
  checkpoint_invalid: 'does not verify; nothing else was looked at',
  missing: 'is missing',
  malformed: 'has not the form that its name says',
  hash_wrong: 'has a wrong hash',
  entry_wrong: 'has a wrong entry',
  root_wrong: 'is of another tree than these tiles',
  unexpected: 'is a file that no log has',
};

/** The verdict of fsck for people. */
export function fsckText(report: FsckReport, name: string, paint: Paint): string {
  const { verdict, size, files, problems, problemCount } = report;
  const intact = verdict === 'intact';
  const title = `${intact ? paint('green', 'INTACT') : paint('red', 'DAMAGED')} ${name}`;
  const found = problems.slice(0, SHOWN).map((each) => wrap(fsckProblemText(each), 2, 4));
  const more = problemCount - found.length;
  const rows = fields([
    ['entries', size === undefined ? 'not known' : String(size)],
    ['files', `${files} read`],
  ]);
  return [title, ...found, ...(more > 0 ? [`  and ${more} more`] : []), rows, ''].join('\n');
}

export function fsckObject({ verdict, size, files, problems, problemCount }: FsckReport): object {
  return {
    verdict,
    size: size ?? null,
    files,
    problems: problems.map((each) => ({ ...each, summary: fsckProblemText(each) })),
    problem_count: problemCount,
  };
}

function fsckProblemText({ code, path, index, problem }: FsckProblem): string {
  const facts = [code, problem, index === undefined ? undefined : `index ${index}`];
  return `${escapeText(path)} ${FSCK[code]} (${facts.filter((each) => each !== undefined).join(', ')})`;
}

const FINDINGS: Readonly<Record<MonitorFinding['code'], string>> = {
  split_view: 'has signed two histories; the evidence proves it',
  rolled_back: 'shows a smaller tree than it has shown before',
  inconsistent: 'does not show that its tree grew out of the one before',
  entries_wrong: 'shows entries that are missing or not those of the tree',
  frozen: 'shows a checkpoint that nobody vouched for in too long a time',
  identity_changed: 'is another log than the one that is watched',
  not_believed: 'shows a checkpoint that does not verify',
  unreachable: 'cannot be reached',
};

/** One look of a monitor for people: a line, and one for each finding. */
export function monitorText(
  report: MonitorReport,
  now: number,
  quorum: number,
  paint: Paint,
): string {
  const { verdict, checkpoint, grown, age, findings } = report;
  const word = {
    good: paint('green', 'GOOD'),
    bad: paint('red', 'BAD'),
    unknown: paint('yellow', 'UNKNOWN'),
  }[verdict];
  const facts = [
    checkpoint === undefined ? 'nothing seen yet' : `${checkpoint.size} entries`,
    grown === undefined || grown === 0 ? undefined : `${grown} new`,
    age === undefined
      ? undefined
      : quorum === 0
        ? `unchanged for ${age} s`
        : `cosigned ${age} s ago`,
  ].filter((each) => each !== undefined);
  const lines = findings.map((each) => wrap(findingText(each), 2, 4));
  return `${[`${formatTime(now)} ${word} ${facts.join(', ')}`, ...lines].join('\n')}\n`;
}

export function monitorObject(report: MonitorReport, now: number): object {
  const { verdict, checkpoint, grown, age, findings } = report;
  return {
    time: now,
    verdict,
    size: checkpoint?.size ?? null,
    grown: grown ?? null,
    age: age ?? null,
    findings: findings.map((each) => ({ ...each, summary: findingText(each) })),
  };
}

function findingText({ code, view, problem, item, sizes, age }: MonitorFinding): string {
  const facts = [
    code,
    problem,
    item === undefined ? undefined : escapeText(item),
    sizes === undefined ? undefined : `${sizes[0]} entries before, ${sizes[1]} now`,
    age === undefined ? undefined : `${age} s`,
  ].filter((each) => each !== undefined);
  const who = view === 'state' ? 'the log, as was found before,' : escapeText(view);
  return `${who} ${FINDINGS[code]} (${facts.join(', ')})`;
}
