import type { PublicKey } from '@taper/core';
import { auditRevocations, type RevocationAuditReport } from '@taper/log';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { readAnchors } from '../file/anchors.ts';
import { readPublicHalf } from '../file/key.ts';
import { withLog } from '../log/failure.ts';
import {
  LOG_OPERAND,
  logFileOption,
  openPlace,
  readerOf,
  readNote,
  requireCheckpoint,
  stateOption,
} from '../log/place.ts';
import { presentTime } from '../make.ts';
import { anchorsOption, listOption, nowOption } from '../option.ts';
import { formatTime } from '../text/time.ts';

interface RevocationAuditOptions {
  readonly authority?: readonly string[];
  readonly anchors: readonly string[];
  readonly log?: string;
  readonly state?: string;
  readonly now?: string;
}

export const revocationAudit: AnyCommand = defineCommand<RevocationAuditOptions>({
  name: 'revocation audit',
  summary: 'check a whole revocation log: every request, every epoch',
  description:
    'Reads a revocation log from its first entry and checks all of it with public keys alone: that the authority signed each ' +
    'revocation, that whoever asked had the right to, that each epoch commits to exactly what was revoked before it, and ' +
    'that nothing was taken back. Reads a folder, or a log on a server.',
  operands: [LOG_OPERAND],
  options: [
    listOption(
      '--authority <file>',
      'public key of the authority; may be repeated, for those it used before',
    ),
    anchorsOption,
    logFileOption,
    stateOption,
    nowOption,
  ],
  examples: [
    {
      line:
        'taper revocation audit revocations \\\n' +
        '--authority authority.pub.jwk --anchors anchors.json',
      does: 'Was the log kept by the rules?',
    },
  ],
  async run([name], options, session) {
    if (options.authority === undefined)
      throw new Failure('usage', 'taper revocation audit needs --authority', {
        field: '--authority',
        hint: 'Give the public key of the authority, from a source other than the log.',
      });
    const authority: PublicKey[] = [];
    for (const path of options.authority) authority.push(await readPublicHalf(path, session));
    const anchors = await readAnchors(options.anchors, session, 'ever');
    const place = await openPlace(name as string, options, session);
    const now = presentTime(options.now, session);
    const checkpoint = await requireCheckpoint(await readNote(place), place.trust, now);
    const report = await withLog(() =>
      auditRevocations(readerOf(place, checkpoint), {
        log: place.trust.origin,
        authority,
        anchors,
      }),
    );
    return { exitCode: report.ok ? 0 : 1, text: reportText(report), json: reportObject(report) };
  },
});

function reportText(report: RevocationAuditReport): string {
  const { ok, entries, revocations, others, epoch, uncovered, problems, problemCount } = report;
  const lines = [
    `${ok ? 'kept by the rules' : `NOT kept by the rules: ${problemCount} problems`}`,
    `  entries      ${entries}: ${revocations} revocations, ${others} of other types`,
    epoch === undefined
      ? '  epoch        none'
      : `  epoch        ${epoch.epoch}, ${formatTime(epoch.time)}, ${epoch.revoked} revoked`,
    `  uncovered    ${uncovered} revocations after it`,
    ...problems.map(
      ({ index, code, refusal }) =>
        `  entry ${index}: ${code}${refusal === undefined ? '' : ` (${refusal})`}`,
    ),
  ];
  if (problemCount > problems.length) lines.push(`  and ${problemCount - problems.length} more`);
  return `${lines.join('\n')}\n`;
}

function reportObject({ epoch, problemCount, ...report }: RevocationAuditReport): object {
  return {
    ...report,
    problem_count: problemCount,
    epoch: epoch && { epoch: epoch.epoch, time: epoch.time, revoked: epoch.revoked },
  };
}
