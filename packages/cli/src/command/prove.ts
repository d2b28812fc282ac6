import { prove as signProof } from '@taper/core';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { deliver, type OutputOptions } from '../document.ts';
import { readAnchors } from '../file/anchors.ts';
import { readChain } from '../file/chain.ts';
import { readSigner } from '../file/key.ts';
import { readInline } from '../file/read.ts';
import { making, presentTime, tokenId } from '../make.ts';
import {
  anchorsOption,
  forceOption,
  idOption,
  nowOption,
  opaqueOption,
  outOption,
  requiredOption,
  valueOption,
} from '../option.ts';
import { quoteText } from '../text/escape.ts';
import { formatTime } from '../text/time.ts';
import { requireChain } from '../verification.ts';

interface ProveOptions extends OutputOptions {
  readonly key: string;
  readonly tool: string;
  readonly args: string;
  readonly anchors: readonly string[];
  readonly audience?: string;
  readonly nonce?: string;
  readonly id?: string;
  readonly now?: string;
}

export const prove: AnyCommand = defineCommand<ProveOptions>({
  name: 'prove',
  summary: 'sign one call',
  description:
    'Signs a proof of possession for one call with exactly these arguments, and prints the presentation: the chain and ' +
    'the proof. Send it with the call. A proof counts for 30 seconds and once. A call that your token does not grant is ' +
    'not signed.',
  operands: [{ term: '<chain>', description: 'chain file; - for standard input' }],
  options: [
    requiredOption('--key <file>', 'private key of the holder of the last token'),
    requiredOption('--tool <name>', 'tool that is called'),
    requiredOption('--args <json|@file|->', 'arguments, exactly as they will be sent'),
    anchorsOption,
    valueOption('--audience <id>', 'enforcement point that the call goes to'),
    opaqueOption('--nonce <text>', 'nonce that the enforcement point gave you'),
    idOption,
    nowOption,
    outOption,
    forceOption,
  ],
  examples: [
    {
      line:
        'taper prove reader-chain.json --key reader.jwk --anchors anchors.json \\\n' +
        `--tool read_file --args '{"path": "/q1"}' --audience https://files.example`,
      does: 'A presentation for one call, on standard output.',
    },
  ],
  async run([path], options, session) {
    const now = presentTime(options.now, session);
    const file = await readChain(path as string, session);
    const anchors = await readAnchors(options.anchors, session, now);
    const signer = await readSigner(options.key, '--key', session);
    const { text: args } = await readInline(options.args, '--args', session);
    const chain = requireChain(file, anchors, now);
    const { tool, audience, nonce } = options;
    const presentation = await making('the proof', () =>
      signProof(chain, {
        signer,
        tool,
        args,
        now,
        id: tokenId(options.id, now),
        ...(audience === undefined ? {} : { audience }),
        ...(nonce === undefined ? {} : { nonce }),
      }),
    );
    const note = `proof for one call of ${quoteText(tool)}, signed at ${formatTime(now)}`;
    return deliver(presentation, note, options, session);
  },
});
