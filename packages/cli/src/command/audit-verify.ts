import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { readAuditHead, verifyLog } from '../file/audit-log.ts';
import { readPublicHalf } from '../file/key.ts';
import { requiredOption, valueOption } from '../option.ts';
import { auditObject, auditText } from '../text/audit.ts';
import { showName } from '../text/escape.ts';
import { paintFor } from '../text/layout.ts';

interface AuditVerifyOptions {
  readonly key: string;
  readonly head?: string;
  readonly emitter?: string;
}

export const auditVerify: AnyCommand = defineCommand<AuditVerifyOptions>({
  name: 'audit verify',
  summary: 'find what was changed in, or is missing from, an audit log',
  description:
    'Checks that every line of an audit log is an event signed by the enforcement point, in its place, from the first event ' +
    'on; finds what was changed, dropped, put in, moved or repeated, and names the first bad line. Reads a log file and a ' +
    'SQLite database.\n\n' +
    'Nobody can see from a log alone that its end was cut off. Keep heads where whoever can change the log cannot, and give ' +
    'the last one with --head. Without one, the verdict says that the end is not proved.',
  operands: [{ term: '<file>', description: 'log file or SQLite database' }],
  options: [
    requiredOption(
      '--key <file>',
      'key of the enforcement point, from a source other than the log',
    ),
    valueOption('--head <file>', 'the last head that was kept; - for standard input'),
    valueOption(
      '--emitter <name>',
      'whose events (default: those of the head, or of the first line)',
    ),
  ],
  examples: [
    {
      line: 'taper audit verify audit.log --key point.pub.jwk --head head.json',
      does: 'Is the log whole, up to the head at least?',
    },
    {
      line: 'taper audit verify audit.db --key point.pub.jwk --json',
      does: 'The same for a script, with a database and without a head.',
    },
  ],
  async run([path], options, session) {
    const key = await readPublicHalf(options.key, session);
    const head =
      options.head === undefined ? undefined : await readAuditHead(options.head, session);
    const emitter = options.emitter;
    const verdict = await verifyLog(path as string, { key, emitter, head }, session);
    const paint = paintFor(session.io.stdout.isTerminal, session.io.env);
    return {
      exitCode: verdict.verdict === 'intact' ? 0 : 1,
      text: auditText(verdict, showName(path as string), paint),
      json: auditObject(verdict),
    };
  },
});
