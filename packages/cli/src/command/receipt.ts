import {
  type ChainVerdict,
  createReceipt,
  type Decision,
  type Denial,
  type Invocation,
  type Receipt,
  renderReceiptHtml,
  renderReceiptText,
  type Verifier,
} from '@taper/core';
import { type AnyCommand, defineCommand, type Outcome } from '../command-definition.ts';
import type { OutputOptions } from '../document.ts';
import { Failure } from '../failure.ts';
import { readAnchors } from '../file/anchors.ts';
import { type ChainFile, readChain } from '../file/chain.ts';
import { readNames } from '../file/names.ts';
import { readInline } from '../file/read.ts';
import { writeFiles } from '../file/write.ts';
import { presentTime } from '../make.ts';
import {
  anchorsOption,
  choiceOption,
  forceOption,
  listOption,
  nowOption,
  outOption,
  valueOption,
} from '../option.ts';
import { type ProfileOptions, profileOptions, readProfile } from '../profile-option.ts';
import type { Session } from '../session.ts';
import { jsonText, showName } from '../text/escape.ts';
import { wantsColour } from '../text/layout.ts';
import { makeVerifier, warnOfTestKeys } from '../verification.ts';

const FORMATS = ['text', 'json', 'html'] as const;
type Format = (typeof FORMATS)[number];

interface ReceiptCommandOptions extends OutputOptions, ProfileOptions {
  readonly anchors: readonly string[];
  readonly tool?: string;
  readonly args?: string;
  readonly audience?: readonly string[];
  readonly names?: string;
  readonly format?: Format;
  readonly now?: string;
}

const NO_PROOF: Denial = { code: 'proof_missing', step: '7', facts: {} };

export const receipt: AnyCommand = defineCommand<ReceiptCommandOptions>({
  name: 'receipt',
  summary: 'show how authority narrowed, hop by hop',
  description:
    'Verifies a chain, or with --tool and --args a call, and draws what each holder could do, what the next was left ' +
    'with, and where a denied chain broke. The receipt is drawn from the verdict and says VERIFIED or DENIED; the exit ' +
    'code is 0 or 1. It keeps no memory of proofs and does not ask for revocations.',
  operands: [{ term: '<file>', description: 'chain or presentation; - for standard input' }],
  options: [
    anchorsOption,
    valueOption('--tool <name>', 'judge a call of this tool; needs --args and a presentation'),
    valueOption('--args <json|@file|->', 'its arguments, exactly as they were received'),
    listOption('--audience <id>', 'a name of the enforcement point; may be repeated'),
    ...profileOptions,
    valueOption('--names <file>', 'your names for keys: JSON {"<thumbprint>": "name"}'),
    choiceOption('--format <format>', 'what to draw (default: text)', FORMATS),
    nowOption,
    outOption,
    forceOption,
  ],
  examples: [
    {
      line: 'taper receipt chain.json --anchors anchors.json --names names.json',
      does: 'Who handed what to whom, with your names for the keys.',
    },
    {
      line: 'taper receipt chain.json --anchors anchors.json --format html --out receipt.html',
      does: 'A page to show or to file, in one piece and without scripts.',
    },
  ],
  async run([path], options, session) {
    if ((options.tool === undefined) !== (options.args === undefined)) {
      throw new Failure('usage', '--tool and --args go together', {
        hint: 'Give both to judge a call, or neither to judge the chain alone.',
      });
    }
    const now = presentTime(options.now, session);
    const file = await readChain(path as string, session);
    const anchors = await readAnchors(options.anchors, session, now);
    const names = options.names === undefined ? undefined : await readNames(options.names, session);
    const args =
      options.args === undefined ? undefined : await readInline(options.args, '--args', session);
    const { tool, audience } = options;
    const profile = await readProfile(options, session);
    const verifier = makeVerifier({
      anchors,
      ...profile.verifier,
      ...(audience === undefined ? {} : { audience }),
    });
    const call =
      tool === undefined || args === undefined
        ? undefined
        : { tool, args: args.text, ...profile.call };
    const verdict = judge(file, verifier, call, now);
    await warnOfTestKeys(anchors, tokensOf(verdict), session);
    const drawn = createReceipt(verdict, { now, ...(names === undefined ? {} : { names }) });
    return present(drawn, options, session);
  },
});

function judge(
  { tokens, proof }: ChainFile,
  verifier: Verifier,
  call: Omit<Invocation, 'presentation' | 'now'> | undefined,
  now: number,
): ChainVerdict | Decision {
  if (call !== undefined && proof !== undefined) {
    return verifier.authorize({
      presentation: { aat_chain: tokens, aat_pop: proof },
      ...call,
      now,
    });
  }
  const chainVerdict = verifier.verifyChain(tokens, now);
  if (call === undefined || chainVerdict.verdict === 'deny') return chainVerdict;
  return { verdict: 'deny', denial: NO_PROOF, chainVerdict };
}

async function present(
  drawn: Receipt,
  { format = 'text', out, force }: ReceiptCommandOptions,
  session: Session,
): Promise<Outcome> {
  const exitCode = drawn.status === 'verified' ? 0 : 1;
  const toFile = out !== undefined && out !== '-';
  const text = render(drawn, format, !toFile, session);
  if (!toFile) return { exitCode, text, json: drawn };
  await writeFiles([{ path: out, text, secret: false }], force === true, session);
  const verdict = drawn.status.toUpperCase();
  return {
    exitCode,
    text: '',
    json: { out, status: drawn.status },
    notes: [`${verdict}; wrote ${showName(out)}`],
  };
}

function render(drawn: Receipt, format: Format, toTerminal: boolean, session: Session): string {
  switch (format) {
    case 'json':
      return `${jsonText(drawn, 2)}\n`;
    case 'html':
      return renderReceiptHtml(drawn);
    case 'text': {
      const { stdout } = session.io;
      const color = toTerminal && wantsColour(stdout.isTerminal, session.io.env);
      return renderReceiptText(drawn, { color });
    }
  }
}

function tokensOf(verdict: ChainVerdict | Decision): Parameters<typeof warnOfTestKeys>[1] {
  if (verdict.verdict !== 'deny') return verdict.chain.tokens;
  if ('verifiedPrefix' in verdict) return verdict.verifiedPrefix;
  return verdict.chainVerdict === undefined ? [] : tokensOf(verdict.chainVerdict);
}
