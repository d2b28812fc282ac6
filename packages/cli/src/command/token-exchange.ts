import {
  AAT_CHAIN,
  ACCESS_TOKEN,
  ID_TOKEN,
  JWT,
  TOKEN_EXCHANGE,
  writeChain,
} from '@taper/authority';
import { platform } from '@taper/core';
import { findIssuer, type PlaceOptions, placeOptions } from '../authority-client/place.ts';
import {
  identify,
  requestRoot,
  tokenForm,
  type WantedOptions,
  wantedOptions,
} from '../authority-client/token.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { readChain } from '../file/chain.ts';
import { readSigner } from '../file/key.ts';
import { readInput } from '../file/read.ts';
import { forceOption, outOption, requiredOption, valueOption } from '../option.ts';
import type { Session } from '../session.ts';

interface TokenExchangeOptions extends PlaceOptions, WantedOptions {
  readonly key: string;
  readonly chain?: string;
  readonly accessToken?: string;
  readonly idToken?: string;
  readonly evidence?: string;
}

export const tokenExchange: AnyCommand = defineCommand<TokenExchangeOptions>({
  name: 'token exchange',
  summary: 'ask an authority for a root on behalf of somebody, as an agent',
  description:
    'Exchanges a chain whose last hop is bound to the agent’s key, or the token of a user, for a root of the agent (RFC 8693). It is never ' +
    'more than what is exchanged, and ends no later.',
  operands: [],
  options: [
    requiredOption('--key <file>', 'private key of the agent'),
    valueOption('--chain <file>', 'chain to exchange'),
    valueOption('--access-token <file>', 'access token of a user; - for standard input'),
    valueOption('--id-token <file>', 'ID token of a user; - for standard input'),
    valueOption('--evidence <file>', 'staple that the chain of another domain is not revoked'),
    valueOption('--tools <json|@file|->', 'tools to ask for (default: all that there is)'),
    ...wantedOptions,
    ...placeOptions,
    outOption,
    forceOption,
  ],
  examples: [
    {
      line: 'taper token exchange --key desk.jwk --id-token ada.jwt --authority https://authority.example --out chain.json',
      does: 'The desk acts for Ada.',
    },
  ],
  async run(_, options, session) {
    const { token, type } = await readSubject(options, session);
    const issuer = await findIssuer(options, session);
    const signer = await readSigner(options.key, '--key', session);
    const asking = await identify(issuer, signer, session);
    const form = await tokenForm(TOKEN_EXCHANGE, asking, signer, options, session);
    form.set('subject_token', token);
    form.set('subject_token_type', type);
    form.set('actor_token', asking.identity);
    form.set('actor_token_type', JWT);
    if (options.evidence !== undefined) {
      const staple = (await readInput(options.evidence, '--evidence', session)).text;
      form.set('subject_evidence', staple);
    }
    const claims = { subject_hash: hash(token), actor_hash: hash(asking.identity), aud: issuer };
    return requestRoot(asking, form, claims, options, session);
  },
});

async function readSubject(
  { chain, accessToken, idToken }: TokenExchangeOptions,
  session: Session,
): Promise<{ readonly token: string; readonly type: string }> {
  const given = [chain, accessToken, idToken].filter((each) => each !== undefined);
  if (given.length !== 1)
    throw new Failure('usage', 'one thing is exchanged', {
      hint: 'Give --chain, --access-token or --id-token.',
    });
  if (chain !== undefined)
    return { token: writeChain((await readChain(chain, session)).tokens), type: AAT_CHAIN };
  const [path, option, type] =
    accessToken === undefined
      ? ([idToken as string, '--id-token', ID_TOKEN] as const)
      : ([accessToken, '--access-token', ACCESS_TOKEN] as const);
  return { token: (await readInput(path, option, session)).text.trim(), type };
}

function hash(text: string): string {
  return platform.sha256(platform.asciiBytes(text));
}
