import { auditChain } from '../chain-audit/audit.ts';
import { auditHtml } from '../chain-audit/html.ts';
import { auditReport, overall } from '../chain-audit/report.ts';
import { readSample } from '../chain-audit/sample.ts';
import { auditText } from '../chain-audit/text.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { readInput } from '../file/read.ts';
import { flagOption, valueOption } from '../option.ts';
import { paintFor } from '../text/layout.ts';

interface AuditChainOptions {
  readonly within?: string;
  readonly html?: boolean;
}

/** Seconds in which a revocation has to have effect unless told otherwise. */
const WITHIN = 60;

export const auditChainCommand: AnyCommand = defineCommand<AuditChainOptions>({
  name: 'audit chain',
  summary: 'audit delegation chains of any system, as they were found',
  description:
    'Reads sampled delegation chains: AAT, OAuth token exchange (RFC 8693 JWTs with `act`), Macaroons (version 2), or hops ' +
    'described in JSON. Finds at which hop authority grows, relies on a prefix or pattern, outlives its parent, gets a grace or ' +
    'a refresh that sets its end anew, cannot be revoked in time, or is not bound to the hop before. Each finding names the ' +
    'failure mode and the OWASP risk.\n\n' +
    'Only what the samples say is compared; signatures are not checked. Exits with 0 when every check passes, and with 1 ' +
    'when one fails or cannot be shown from the sample.',
  operands: [{ term: '<file>', description: 'sampled chains; - for standard input' }],
  options: [
    valueOption(
      '--within <seconds>',
      `in what time a revocation has to have effect (default: ${WITHIN})`,
    ),
    flagOption('--html', 'write one self-contained HTML page'),
  ],
  examples: [
    { line: 'taper audit chain samples.json', does: 'What is wrong, and at which hop?' },
    { line: 'taper audit chain samples.json --html > audit.html', does: 'The same as a page.' },
  ],
  async run([path], { within: given, html }, session) {
    const within = readWithin(given);
    const sample = readSample(await readInput(path as string, 'sample', session));
    const chains = sample.map((chain) => auditChain(chain, within));
    const paint = paintFor(session.io.stdout.isTerminal, session.io.env);
    return {
      exitCode: overall(chains) === 'pass' ? 0 : 1,
      text: html === true ? auditHtml(chains, within) : auditText(chains, paint),
      json: auditReport(chains, within),
    };
  },
});

function readWithin(given: string | undefined): number {
  if (given === undefined) return WITHIN;
  if (!/^\d{1,9}$/.test(given))
    throw new Failure('option_invalid', '--within is no whole number of seconds', {
      field: '--within',
      hint: 'For example --within 60.',
    });
  return Number(given);
}
