import { issue } from '@taper/core';
import { type CaveatOptions, caveatOptions, readCaveats } from '../caveat-option.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { deliver, describeChain, type OutputOptions } from '../document.ts';
import { chainDocument } from '../file/chain.ts';
import { readHolder, readSigner, refuseTestKey } from '../file/key.ts';
import { readTools } from '../file/tools.ts';
import { making, parseDepth, parseIssuer, presentTime, tokenId } from '../make.ts';
import {
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

interface RootIssueOptions extends OutputOptions, CaveatOptions {
  readonly issuer: string;
  readonly key: string;
  readonly holder: string;
  readonly tools: string;
  readonly lifetime: string;
  readonly maxDepth?: string;
  readonly audience?: readonly string[];
  readonly id?: string;
  readonly now?: string;
  readonly allowTestKeys?: boolean;
}

export const rootIssue: AnyCommand = defineCommand<RootIssueOptions>({
  name: 'root issue',
  summary: 'grant tools to a first holder',
  description:
    'Issues a root token: the issuer grants tools to the holder of a key, within constraints, for a time. Prints the ' +
    'chain file that the holder delegates from or presents. Nobody further down the chain can have more than is granted here.',
  operands: [],
  options: [
    requiredOption('--issuer <uri>', 'who you are to verifiers: the iss of their trust anchor'),
    requiredOption('--key <file>', 'private key of the issuer; - for standard input'),
    requiredOption('--holder <file>', 'public key of the holder; - for standard input'),
    toolsOption,
    requiredOption('--lifetime <duration>', 'such as 90s, 10m, 2h or 30d; at most 90d'),
    valueOption('--max-depth <hops>', 'hops that may follow, 0 to 8 (default: 0)'),
    listOption('--audience <id>', 'only enforcement points of that name; may be repeated'),
    ...caveatOptions,
    idOption,
    nowOption,
    outOption,
    forceOption,
    flagOption('--allow-test-keys', 'sign with, or bind to, a key whose private half is published'),
  ],
  examples: [
    {
      line:
        'taper root issue --issuer https://issuer.example --key issuer.jwk \\\n' +
        '--holder planner.pub.jwk --lifetime 10m --max-depth 2 --out chain.json \\\n' +
        `--tools '{"read_file": {"path": {"constraint_type": "one_of", "values": ["/q1", "/q2"]}}}'`,
      does: 'Two files, for ten minutes, to be handed on over two hops at most.',
    },
    {
      line:
        'taper root issue --issuer https://issuer.example --key issuer.jwk \\\n' +
        '--holder planner.pub.jwk --lifetime 10m --tools @tools.json \\\n' +
        '--tenant acme --budget calls=10 --approval refund=finance:1',
      does: 'At most ten calls, for one tenant; each refund needs an approval.',
    },
  ],
  async run(_, options, session) {
    const now = presentTime(options.now, session);
    const issuer = parseIssuer(options.issuer);
    const lifetime = parseDuration(options.lifetime, '--lifetime');
    const maxDepth = options.maxDepth === undefined ? 0 : parseDepth(options.maxDepth);
    const signer = await readSigner(options.key, '--key', session);
    const holder = await readHolder(options.holder, '--holder', session);
    refuseTestKey(signer.publicKey, '--key', options.allowTestKeys);
    refuseTestKey(holder, '--holder', options.allowTestKeys);
    const tools = await readTools(options.tools, session);
    const caveats = await readCaveats(options, tools, session);
    const chain = await making('the root token', () =>
      issue({
        issuer,
        signer,
        holder,
        tools,
        lifetime,
        maxDepth,
        now,
        id: tokenId(options.id, now),
        ...(options.audience === undefined ? {} : { audience: options.audience }),
        ...(caveats === undefined ? {} : { caveats }),
      }),
    );
    const document = chainDocument(chain.tokens.map((token) => token.compact));
    return deliver(document, describeChain(chain), options, session);
  },
});
