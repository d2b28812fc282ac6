import { derive } from '@taper/core';
import { type CaveatOptions, caveatOptions, readCaveats } from '../caveat-option.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { deliver, describeChain, type OutputOptions } from '../document.ts';
import { readAnchors } from '../file/anchors.ts';
import { chainDocument, readChain } from '../file/chain.ts';
import { readHolder, readSigner, refuseTestKey } from '../file/key.ts';
import { readTools } from '../file/tools.ts';
import { making, parseDepth, presentTime, tokenId } from '../make.ts';
import {
  anchorsOption,
  flagOption,
  forceOption,
  idOption,
  listOption,
  nowOption,
  outOption,
  requiredOption,
  toolsOption,
  valueOption,
} from '../option.ts';
import { parseDuration } from '../text/time.ts';
import { requireChain } from '../verification.ts';

interface DelegateOptions extends OutputOptions, CaveatOptions {
  readonly key: string;
  readonly holder: string;
  readonly tools: string;
  readonly anchors: readonly string[];
  readonly lifetime?: string;
  readonly maxDepth?: string;
  readonly audience?: readonly string[];
  readonly id?: string;
  readonly now?: string;
  readonly allowTestKeys?: boolean;
}

export const delegate: AnyCommand = defineCommand<DelegateOptions>({
  name: 'delegate',
  summary: 'hand a part of your authority on',
  description:
    'Derives a token for the next holder and prints the chain with it at the end. You must hold the last token of the ' +
    'chain. The new token can only narrow: what verification would refuse (a tool added, a constraint loosened, a longer ' +
    'life) is not made, and the tool, the argument and the rule are named.',
  operands: [{ term: '<chain>', description: 'chain file; - for standard input' }],
  options: [
    requiredOption('--key <file>', 'your private key; - for standard input'),
    requiredOption('--holder <file>', 'public key of the next holder; - for standard input'),
    toolsOption,
    anchorsOption,
    valueOption('--lifetime <duration>', 'such as 90s or 10m (default: as long as yours)'),
    valueOption(
      '--max-depth <hops>',
      'how long the chain may get, in hops from the root (default: ends with the new token)',
    ),
    listOption('--audience <id>', 'only enforcement points of that name; may be repeated'),
    ...caveatOptions,
    idOption,
    nowOption,
    outOption,
    forceOption,
    flagOption('--allow-test-keys', 'bind to a key whose private half is published'),
  ],
  examples: [
    {
      line:
        'taper delegate chain.json --key planner.jwk --holder reader.pub.jwk \\\n' +
        `--tools '{"read_file": {"path": {"constraint_type": "exact", "value": "/q1"}}}' \\\n` +
        '--lifetime 5m --anchors anchors.json --out reader-chain.json',
      does: 'The reader may read one of the planner’s files, for five minutes.',
    },
  ],
  async run([path], options, session) {
    const now = presentTime(options.now, session);
    const lifetime =
      options.lifetime === undefined ? undefined : parseDuration(options.lifetime, '--lifetime');
    const maxDepth = options.maxDepth === undefined ? undefined : parseDepth(options.maxDepth);
    const file = await readChain(path as string, session);
    const anchors = await readAnchors(options.anchors, session, now);
    const signer = await readSigner(options.key, '--key', session);
    const holder = await readHolder(options.holder, '--holder', session);
    refuseTestKey(holder, '--holder', options.allowTestKeys);
    const tools = await readTools(options.tools, session);
    const caveats = await readCaveats(options, tools, session);
    const parent = requireChain(file, anchors, now);
    const chain = await making('the token', () =>
      derive(parent, {
        signer,
        holder,
        tools,
        now,
        id: tokenId(options.id, now),
        ...(lifetime === undefined ? {} : { lifetime }),
        ...(maxDepth === undefined ? {} : { maxDepth }),
        ...(options.audience === undefined ? {} : { audience: options.audience }),
        ...(caveats === undefined ? {} : { caveats }),
      }),
    );
    const document = chainDocument(chain.tokens.map((token) => token.compact));
    return deliver(document, describeChain(chain), options, session);
  },
});
