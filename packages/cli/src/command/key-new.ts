import { generateKeyPair } from '@taper/core';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { publicDocument } from '../file/key.ts';
import { type OutputFile, writeFiles } from '../file/write.ts';
import { choiceOption, forceOption, requiredOption, valueOption } from '../option.ts';
import { jsonText, showName } from '../text/escape.ts';

const ALGORITHMS = ['Ed25519', 'ES256'] as const;

interface KeyNewOptions {
  readonly alg?: (typeof ALGORITHMS)[number];
  readonly out: string;
  readonly publicOut?: string;
  readonly force?: boolean;
}

export const keyNew: AnyCommand = defineCommand<KeyNewOptions>({
  name: 'key new',
  summary: 'make a key pair',
  description:
    'Makes a key pair and writes the private key (a JWK) to a file that only you can read. Nothing ever prints it. ' +
    'Give the public half to whoever grants you authority.',
  operands: [],
  options: [
    choiceOption('--alg <algorithm>', 'signature algorithm (default: Ed25519)', ALGORITHMS),
    requiredOption('-o, --out <file>', 'private key, made with mode 0600'),
    valueOption('--public-out <file>', 'public half'),
    forceOption,
  ],
  examples: [
    {
      line: 'taper key new --out agent.jwk --public-out agent.pub.jwk',
      does: 'A key for an agent, and the half that others may see.',
    },
  ],
  async run(_, { alg = 'Ed25519', out, publicOut, force }, session) {
    if (out === '-') {
      throw new Failure('usage', 'a private key is never written to standard output', {
        field: '--out',
        hint: 'Name a file that does not exist yet.',
      });
    }
    const { privateJwk, publicKey } = generateKeyPair(alg);
    const shown = publicDocument(publicKey);
    const publicText = `${jsonText(shown, 2)}\n`;
    const files: OutputFile[] = [{ path: out, text: `${jsonText(privateJwk)}\n`, secret: true }];
    if (publicOut !== undefined && publicOut !== '-')
      files.push({ path: publicOut, text: publicText, secret: false });
    await writeFiles(files, force === true, session);
    return {
      exitCode: 0,
      text: publicOut === '-' ? publicText : '',
      json: { out, ...(publicOut === undefined ? {} : { public_out: publicOut }), public: shown },
      notes: [
        `wrote ${showName(out)}: private ${alg} key ${publicKey.thumbprint}`,
        ...(publicOut === undefined || publicOut === '-'
          ? []
          : [`wrote ${showName(publicOut)}: its public half`]),
      ],
    };
  },
});
