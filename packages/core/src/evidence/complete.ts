import type { CheckedLog } from './authentic.ts';
import type { Findings } from './problem.ts';
import type { EvidenceRange, EvidenceTrust } from './trust.ts';

/** Section 5.4 of `spec/evidence.md`: whether every event that the auditor asks about is shown. */
export function checkComplete(
  logs: readonly CheckedLog[],
  trust: EvidenceTrust,
  findings: Findings,
): void {
  const { range, logs: required } = trust.required;
  for (const log of logs) {
    if (log.checkpoint === undefined) findings.notAuthentic('complete', log.path);
    else checkLog(log, log.checkpoint.size, range, findings);
  }
  for (const origin of required)
    if (!logs.some(({ log }) => log.origin === origin))
      findings.add('log_not_shown', '', { problem: origin });
}

function checkLog(
  { log, path, lines, heldThrough }: CheckedLog,
  size: number,
  range: EvidenceRange,
  findings: Findings,
): void {
  if (size === 0) findings.add('log_empty', path);
  if (heldThrough > size) findings.add('log_cut_off', path, { first: size + 1, last: heldThrough });
  const last = range.by === 'sequence' ? (range.last ?? size) : size;
  if (range.by === 'sequence' && Math.max(range.first, last) > size && size > 0)
    findings.add('log_cut_off', path, { first: size + 1, last: Math.max(range.first, last) });
  const lineAt = new Map(lines.map((line) => [line.index, line]));
  for (const [position, item] of log.items.entries()) {
    const place = `${path}.items[${position}]`;
    const first = item.index + 1;
    if ('line' in item) {
      if (lineAt.get(item.index)?.event === undefined && isAsked(first, first, range, size))
        findings.notAuthentic('complete', place);
      continue;
    }
    const end = item.index + item.count;
    if (range.by === 'time') {
      const before = lineAt.get(item.index - 1)?.event?.time;
      const after = lineAt.get(end)?.event?.time;
      if (
        (after !== undefined && after < range.from) ||
        (before !== undefined && before >= range.until)
      )
        continue;
      findings.add('events_withheld', place, { first, last: end });
    } else if (isAsked(first, end, range, size)) {
      findings.add('events_withheld', place, {
        first: Math.max(first, range.first),
        last: Math.min(end, last),
      });
    }
  }
}

function isAsked(first: number, last: number, range: EvidenceRange, size: number): boolean {
  return range.by === 'time' || (last >= range.first && first <= (range.last ?? size));
}
