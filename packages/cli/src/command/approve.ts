import {
  type ApprovalRequest,
  createReceipt,
  type ReceiptOptions,
  renderReceiptText,
  type Signer,
  approve as signApproval,
  type VerifiedChain,
} from '@taper/core';
import { requireChains } from '../approval-authority.ts';
import { fetchRequest, sendApproval } from '../approval-desk.ts';
import { type AnyCommand, defineCommand, type Outcome } from '../command-definition.ts';
import { confirm } from '../confirmation.ts';
import type { OutputOptions } from '../document.ts';
import { Failure } from '../failure.ts';
import { readAnchors } from '../file/anchors.ts';
import { parseRequest } from '../file/approval-request.ts';
import { readSigner, refuseTestKey } from '../file/key.ts';
import { readNames } from '../file/names.ts';
import { readInput } from '../file/read.ts';
import { writeFiles } from '../file/write.ts';
import { making, presentTime, tokenId } from '../make.ts';
import {
  anchorsOption,
  flagOption,
  forceOption,
  idOption,
  nowOption,
  outOption,
  requiredOption,
  valueOption,
} from '../option.ts';
import { parseServerAddress } from '../server-address.ts';
import type { Session } from '../session.ts';
import { approvalText } from '../text/approval.ts';
import { quoteText, showName } from '../text/escape.ts';
import { wantsColour } from '../text/layout.ts';
import { formatTime } from '../text/time.ts';
import { warnOfTestKeys } from '../verification.ts';

interface ApproveCommandOptions extends OutputOptions {
  readonly key: string;
  readonly anchors: readonly string[];
  readonly group?: string;
  readonly url?: string;
  readonly names?: string;
  readonly yes?: boolean;
  readonly id?: string;
  readonly now?: string;
}

export const approve: AnyCommand = defineCommand<ApproveCommandOptions>({
  name: 'approve',
  summary: 'look at an action that waits for approval, and sign it',
  description:
    'Shows the whole action and under whose authority it is asked for, and asks before it signs. The approval counts for ' +
    'exactly these arguments, once, until the action expires. It refuses when the chains do not verify under your anchors, ' +
    'do not allow the action, or are not those of the action, and when you hold a key on them.\n\n' +
    'The request is a file, or with --url it is fetched from an approval desk, which then gets the approval.',
  operands: [{ term: '[request]', description: 'request file; - for standard input, with --yes' }],
  options: [
    requiredOption('--key <file>', 'your private key, as the enforcement point knows you'),
    anchorsOption,
    valueOption('--group <name>', 'the group you approve for (default: the one that is asked)'),
    valueOption('--url <url>', 'address of the action at an approval desk'),
    valueOption('--names <file>', 'your names for keys: JSON {"<thumbprint>": "name"}'),
    flagOption('--yes', 'sign without asking; it is shown all the same, but for --json'),
    idOption,
    nowOption,
    outOption,
    forceOption,
  ],
  examples: [
    {
      line: 'taper approve --url https://tools.example/approvals/qCm4VnHzT2e0Xo1b7kq3wA \\\n--key ada.jwk --anchors anchors.json',
      does: 'Look at what waits there, and approve it.',
    },
    {
      line: 'taper approve request.json --key ada.jwk --anchors anchors.json --out approval.jws',
      does: 'The same from a file; whoever calls presents the approval.',
    },
  ],
  async run([path], options, session) {
    const url = options.url === undefined ? undefined : parseServerAddress(options.url, '--url');
    if ((path === undefined) === (url === undefined)) {
      throw new Failure('usage', 'give either a request file or --url', {
        field: '--url',
        hint: 'One action at a time, so that it is plain which one you sign.',
      });
    }
    const signer = await readSigner(options.key, '--key', session);
    refuseTestKey(signer.publicKey, '--key', false);
    const anchors = await readAnchors(options.anchors, session, presentTime(options.now, session));
    const names = options.names === undefined ? undefined : await readNames(options.names, session);
    const input =
      url === undefined
        ? await readInput(path as string, 'request', session)
        : await fetchRequest(url);
    const request = parseRequest(input);
    const now = presentTime(options.now, session);
    const group = groupOf(request, options.group);
    const chains = requireChains(request, input.source, anchors, signer.publicKey, now);
    for (const chain of chains) await warnOfTestKeys(anchors, chain.tokens, session);
    // A program that reads JSON has its own way to show it; a person is always shown what is asked.
    if (options.yes !== true || !session.json)
      await show(request, chains, group, names, now, session);
    if (options.yes !== true) await confirm('Approve exactly this?', session);
    return await signAndDeliver({ request, group, signer, url }, options, session);
  },
});

/** @throws {Failure} `usage` when it is not plain for which group. */
function groupOf({ requirements }: ApprovalRequest, named: string | undefined): string {
  const groups = requirements.map(({ group }) => group);
  const known = groups.map((group) => quoteText(group, Number.POSITIVE_INFINITY)).join(', ');
  if (named !== undefined) {
    if (groups.includes(named)) return named;
    throw new Failure('usage', `nobody asked the group ${quoteText(named)}`, {
      field: '--group',
      hint: `Asked are: ${known}.`,
    });
  }
  const [only] = groups;
  if (only !== undefined && groups.length === 1) return only;
  throw new Failure('usage', 'more than one group is asked', {
    field: '--group',
    hint: `Say for which one you approve: ${known}.`,
  });
}

/** Everything that is signed, and where the authority for it comes from. */
async function show(
  request: ApprovalRequest,
  chains: readonly VerifiedChain[],
  group: string,
  names: ReceiptOptions['names'],
  now: number,
  session: Session,
): Promise<void> {
  const { stderr } = session.io;
  const color = wantsColour(stderr.isTerminal, session.io.env);
  const receipts = chains.map((chain) => {
    const drawn = createReceipt(
      { verdict: 'verified', chain },
      { now, ...(names === undefined ? {} : { names }) },
    );
    return `${renderReceiptText(drawn, { color })}\n`;
  });
  const text = `${approvalText(request, group, now)}\nUnder this authority:\n\n${receipts.join('')}\n`;
  // Who cannot be shown what is signed is not asked.
  if (await stderr.write(text).catch(() => false)) return;
  throw new Failure('output_failed', 'nothing was signed: the action could not be shown', {
    hint: 'It is shown on standard error; leave that open.',
  });
}

interface Signing {
  readonly request: ApprovalRequest;
  readonly group: string;
  readonly signer: Signer;
  readonly url: URL | undefined;
}

async function signAndDeliver(
  { request, group, signer, url }: Signing,
  options: ApproveCommandOptions,
  session: Session,
): Promise<Outcome> {
  const { action } = request;
  // Read again: whoever was asked may have taken time.
  const now = presentTime(options.now, session);
  const id = tokenId(options.id, now);
  const approval = await making('the approval', () =>
    signApproval({ action, group, signer, now, id }),
  );
  const { out, force } = options;
  const toFile = out !== undefined && out !== '-';
  if (toFile)
    await writeFiles([{ path: out, text: `${approval}\n`, secret: true }], force === true, session);
  if (url !== undefined) await sendApproval(url, approval);
  const until = formatTime(action.expiresAt);
  const what = `approval of ${quoteText(action.tool)} for ${quoteText(group)}, good until ${until}`;
  return {
    exitCode: 0,
    text: toFile || (url !== undefined && out !== '-') ? '' : `${approval}\n`,
    json: { approval, group, tool: action.tool, expires_at: until, sent: url !== undefined },
    notes: [
      ...(toFile ? [`wrote ${showName(out)}: ${what}`] : []),
      ...(url === undefined ? [] : [`sent to ${showName(url.origin)}: ${what}`]),
    ],
  };
}
