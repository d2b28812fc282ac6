import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { deliver, type OutputOptions } from '../document.ts';
import { readPublicHalf, refuseTestKey } from '../file/key.ts';
import { parseIssuer } from '../make.ts';
import { flagOption, forceOption, outOption, requiredOption } from '../option.ts';
import { showName } from '../text/escape.ts';

interface RootAnchorOptions extends OutputOptions {
  readonly issuer: string;
  readonly key: string;
  readonly allowTestKeys?: boolean;
}

export const rootAnchor: AnyCommand = defineCommand<RootAnchorOptions>({
  name: 'root anchor',
  summary: 'print the trust anchor that verifiers need',
  description:
    'Prints an anchors file with one entry: the issuer and its public key. Verifiers that are given it trust root tokens ' +
    'of that issuer, signed with that key, and no others. Bring it to them on a way that they trust.',
  operands: [],
  options: [
    requiredOption('--issuer <uri>', 'the iss of its root tokens'),
    requiredOption('--key <file>', 'private or public key of the issuer; - for standard input'),
    outOption,
    forceOption,
    flagOption('--allow-test-keys', 'accept a key whose private half is published'),
  ],
  examples: [
    {
      line: 'taper root anchor --issuer https://issuer.example --key issuer.jwk --out anchors.json',
      does: 'The file for the --anchors of verifiers.',
    },
  ],
  async run(_, options, session) {
    const issuer = parseIssuer(options.issuer);
    const key = await readPublicHalf(options.key, session);
    refuseTestKey(key, '--key', options.allowTestKeys);
    const note = `trust anchor ${showName(issuer)} with key ${key.thumbprint}`;
    return deliver([{ iss: issuer, jwk: key.jwk }], note, options, session);
  },
});
