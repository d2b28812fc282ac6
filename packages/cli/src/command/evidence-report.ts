import { readFile } from 'node:fs/promises';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { BUNDLE_LIMIT } from '../evidence/verification.ts';
import { Failure } from '../failure.ts';
import { readTrust } from '../file/evidence-trust.ts';
import { asText, readBytes } from '../file/read.ts';
import { writeFiles } from '../file/write.ts';
import { flagOption, forceOption, listOption, outOption, valueOption } from '../option.ts';
import { jsonText, showName } from '../text/escape.ts';
import { parseTime } from '../text/time.ts';

interface EvidenceReportOptions {
  readonly html?: boolean;
  readonly anchors?: readonly string[];
  readonly policy?: string;
  readonly asOf?: string;
  readonly out?: string;
  readonly force?: boolean;
}

/** Made when the packages are built. */
const PAGE = new URL('../../dist/evidence-page.html', import.meta.url);

export const evidenceReport: AnyCommand = defineCommand<EvidenceReportOptions>({
  name: 'evidence report',
  summary: 'write a page in which anybody verifies evidence, without a network',
  description:
    'Writes one self-contained HTML file. Whoever opens it drops a trust policy and an evidence bundle into it and gets the ' +
    'verdict of `taper verify`, from the same code, with receipts, the delegation graph and the proof of each event. The page ' +
    'can send no request.\n\n' +
    'A policy, root issuers or a bundle that are named here are put into the page. Whoever is to judge for themselves must ' +
    'take the policy from where they trust it, and not from you.',
  operands: [{ term: '[bundle]', description: 'an evidence bundle to put into the page' }],
  options: [
    flagOption('--html', 'the form of the report; there is no other yet'),
    valueOption('--policy <file>', 'a trust policy to put into the page'),
    listOption('--anchors <file>', 'root issuers to put into the page; may be repeated'),
    valueOption('--as-of <time>', 'believe nothing that is later (default: no limit)'),
    outOption,
    forceOption,
  ],
  examples: [
    {
      line: 'taper evidence report --html --out verify.html',
      does: 'A page to drop bundles into.',
    },
    {
      line: 'taper evidence report bundle.json --html --policy trust.json --out report.html',
      does: 'A page that shows the verdict on one bundle.',
    },
  ],
  async run([path], options, session) {
    const { policy, anchors = [] } = options;
    const trusted =
      policy === undefined && anchors.length === 0
        ? undefined
        : await readTrust(policy, anchors, session);
    const bundle =
      path === undefined
        ? undefined
        : asText(await readBytes(path, 'bundle', session, BUNDLE_LIMIT)).text;
    const asOf = options.asOf === undefined ? null : parseTime(options.asOf, '--as-of');
    const given = { policy: trusted?.text ?? null, bundle: bundle ?? null, asOf };
    const page = (await readPage()).replace('%GIVEN%', () => dataText(given));
    if (options.out === undefined) return { exitCode: 0, text: page, json: { html: page } };
    await writeFiles(
      [{ path: options.out, text: page, secret: false }],
      options.force === true,
      session,
    );
    return {
      exitCode: 0,
      text: `${showName(options.out)}\n`,
      json: { out: options.out },
    };
  },
});

/** JSON that may stand in a script element of a page: nothing in it ends the element. */
function dataText(value: object): string {
  return jsonText(value).replaceAll('<', '\\u003c');
}

async function readPage(): Promise<string> {
  try {
    return await readFile(PAGE, 'utf8');
  } catch {
    throw new Failure('file_missing', 'the page for evidence is not there', {
      hint: 'It is made by `npm run build`. An installed package that lacks it is damaged: install it again.',
    });
  }
}
