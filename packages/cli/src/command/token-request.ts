import { CLIENT_CREDENTIALS } from '@taper/authority';
import { findIssuer, type PlaceOptions, placeOptions } from '../authority-client/place.ts';
import {
  identify,
  requestRoot,
  tokenForm,
  type WantedOptions,
  wantedOptions,
} from '../authority-client/token.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { readSigner } from '../file/key.ts';
import { forceOption, outOption, requiredOption, toolsOption } from '../option.ts';

interface TokenRequestOptions extends PlaceOptions, WantedOptions {
  readonly key: string;
  readonly tools: string;
}

export const tokenRequest: AnyCommand = defineCommand<TokenRequestOptions>({
  name: 'token request',
  summary: 'ask an authority for a root, as an agent',
  description:
    'Proves the key of an agent to the authority and asks for tools. What comes back is at most what was asked for and what a grant has ' +
    'for this agent, as a chain file. Asking again is the only renewal.\n\n' +
    'Where the grant asks for approvals, the first answer is a refusal with the id of what waits; ask again with --pending when it is approved.',
  operands: [],
  options: [
    requiredOption('--key <file>', 'private key of the agent'),
    toolsOption,
    ...wantedOptions,
    ...placeOptions,
    outOption,
    forceOption,
  ],
  examples: [
    {
      line: 'taper token request --key desk.jwk --tools @tools.json --authority https://authority.example --out chain.json',
      does: 'A root for the desk.',
    },
  ],
  async run(_, options, session) {
    const issuer = await findIssuer(options, session);
    const signer = await readSigner(options.key, '--key', session);
    const asking = await identify(issuer, signer, session);
    const form = await tokenForm(CLIENT_CREDENTIALS, asking, signer, options, session);
    return requestRoot(asking, form, {}, options, session);
  },
});
