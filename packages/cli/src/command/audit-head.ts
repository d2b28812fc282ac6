import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { deliver, type OutputOptions } from '../document.ts';
import { Failure } from '../failure.ts';
import { verifyLog } from '../file/audit-log.ts';
import { readPublicHalf } from '../file/key.ts';
import { forceOption, outOption, requiredOption, valueOption } from '../option.ts';
import { showName } from '../text/escape.ts';
import { formatTime } from '../text/time.ts';

interface AuditHeadOptions extends OutputOptions {
  readonly key: string;
  readonly emitter?: string;
}

export const auditHead: AnyCommand = defineCommand<AuditHeadOptions>({
  name: 'audit head',
  summary: 'take the signed head of an audit log',
  description:
    'Verifies a log and prints its head: emitter, sequence, time and hash of the last event, with the signature that the ' +
    'enforcement point made over just these. It needs no private key. Nothing is printed for a log that does not verify.\n\n' +
    'Keep heads where whoever can change the log cannot: `taper audit verify --head` finds by them whether the log was cut ' +
    'off or written anew.',
  operands: [{ term: '<file>', description: 'log file or SQLite database' }],
  options: [
    requiredOption(
      '--key <file>',
      'key of the enforcement point, from a source other than the log',
    ),
    valueOption('--emitter <name>', 'whose events (default: those of the first line)'),
    outOption,
    forceOption,
  ],
  examples: [
    {
      line: 'taper audit head audit.log --key point.pub.jwk --out head.json --force',
      does: 'Once a day, into a place that the enforcement point cannot write to.',
    },
  ],
  async run([path], options, session) {
    const key = await readPublicHalf(options.key, session);
    const { emitter } = options;
    const verdict = await verifyLog(path as string, { key, emitter, head: undefined }, session);
    const { last } = verdict;
    if (verdict.verdict === 'broken' || last === undefined) {
      const line = verdict.problems[0]?.line ?? 1;
      throw new Failure(
        'log_malformed',
        `${showName(path as string)} does not verify: line ${line}`,
        {
          file: path,
          hint: '`taper audit verify` says what is wrong with it.',
        },
      );
    }
    const note = `head at sequence ${last.sequence}, ${formatTime(last.time)}`;
    return deliver({ ...last }, note, options, session);
  },
});
