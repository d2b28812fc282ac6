import { importPublicKey, type JsonValue, parseJson } from '@taper/core';
import type { IssuedRoot, RootRequest } from '../issuance/request.ts';
import type { AuthorityStore } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import {
  type AuthenticatedClient,
  authenticateClient,
  type IdentityVerifier,
  readClient,
} from './client-authentication.ts';
import { type DpopExpectation, type DpopProof, verifyDpopProof } from './dpop.ts';
import { TOKEN_EXCHANGE, type TokenExchange } from './exchange.ts';
import { malformed, readTokenForm, type TokenForm } from './form.ts';
import type { Nonces } from './nonce.ts';
import { json, oauthError } from './oauth-error.ts';
import { createSingleUses, type SingleUses } from './single-use.ts';
import { AAT_CHAIN } from './token-type.ts';

export const CLIENT_CREDENTIALS = 'client_credentials';

/** Places that a root can be asked for, and characters of one. */
const MAX_PLACES = 16;
const MAX_PLACE = 2048;

export interface TokenEndpointOptions {
  /** The authority's issuer identifier, byte for byte what metadata says. */
  readonly issuer: string;
  /** The public URL of this endpoint: what DPoP proofs name. */
  readonly url: string;
  readonly store: AuthorityStore;
  readonly nonces: Nonces;
  readonly verifyIdentity: IdentityVerifier;
  readonly issueRoot: (request: RootRequest) => Promise<IssuedRoot>;
  readonly exchange: TokenExchange;
  /** Seconds since the epoch. */
  readonly clock: () => number;
  /** Told of what failed and was no refusal; whoever asked is told nothing of it. */
  readonly onFailure?: (error: unknown) => void;
}

/** Answers requests to the token endpoint. Never throws. */
export type TokenEndpoint = (request: Request) => Promise<Response>;

/**
 * The token endpoint (draft section 6.1, RFC 6749, RFC 8693): `client_credentials` and token exchange, each with a DPoP proof under the
 * key that the root will be bound to. Every refusal is the error that OAuth has for it, with our code beside it.
 */
export function createTokenEndpoint(options: TokenEndpointOptions): TokenEndpoint {
  const { nonces, onFailure } = options;
  const singleUses = createSingleUses(options.store);
  return async (request) => {
    if (request.method !== 'POST') {
      return oauthError(malformed('method'), { Allow: 'POST' }, 405);
    }
    const headers = { 'DPoP-Nonce': nonces.issue() };
    try {
      return json(await answer(request, options, singleUses), 200, headers);
    } catch (error) {
      if (!(error instanceof AuthorityRefusal)) onFailure?.(error);
      return oauthError(error, headers);
    }
  };
}

async function answer(
  request: Request,
  options: TokenEndpointOptions,
  { serveOnce }: SingleUses,
): Promise<{ readonly [member: string]: JsonValue }> {
  const form = await readTokenForm(request);
  const grantType = form.get('grant_type');
  if (grantType === undefined) throw malformed('absent', 'grant_type');
  if (grantType !== CLIENT_CREDENTIALS && grantType !== TOKEN_EXCHANGE) {
    throw new AuthorityRefusal(
      'unsupported_grant_type',
      'The grant type is not one that is served.',
    );
  }
  const { issuer, store, verifyIdentity, nonces } = options;
  const now = options.clock();
  const { method } = request;
  const proof = verifyProof(request.headers.get('dpop'), {
    method,
    url: options.url,
    now,
    acceptsNonce: nonces.accepts,
  });
  const expectation = { issuer, proof, now, verifyIdentity };
  const claimed = await readClient(
    {
      clientId: form.get('client_id'),
      assertionType: form.get('client_assertion_type'),
      assertion: form.get('client_assertion'),
      other: form.get('client_secret') !== undefined || request.headers.has('authorization'),
    },
    expectation,
  );
  const client = await store.read((tx) => authenticateClient(tx, claimed, expectation));
  return serveOnce(claimed.uses, now, async (alongside) => {
    const wanted = { ...readWanted(form, client, grantType), alongside };
    if (grantType === CLIENT_CREDENTIALS) {
      if (form.get('scope') !== undefined) throw scopeRefused();
      return answerOf(await options.issueRoot(wanted), 'aat');
    }
    const issued = await options.exchange({ form, client, proof, now, wanted });
    return { ...answerOf(issued, 'N_A'), issued_token_type: AAT_CHAIN };
  });
}

/** What a DPoP proof is refused for has one error, whatever is wrong with its key (RFC 9449 section 5). */
function verifyProof(header: string | null, expectation: DpopExpectation): DpopProof {
  try {
    return verifyDpopProof(header, expectation);
  } catch (error) {
    if (!(error instanceof AuthorityRefusal) || !error.refusal.startsWith('key_')) throw error;
    throw new AuthorityRefusal('possession_unproved', error.message, {
      facts: { reason: error.refusal },
    });
  }
}

function readWanted(
  form: TokenForm,
  { agent, key, standing }: AuthenticatedClient,
  grantType: string,
): RootRequest {
  const confirmation = form.get('req_cnf');
  if (confirmation === undefined && grantType === CLIENT_CREDENTIALS)
    throw malformed('absent', 'req_cnf');
  if (confirmation !== undefined) requireConfirmed(confirmation, key.thumbprint);
  const details = form.get('authorization_details');
  if (details === undefined && grantType === CLIENT_CREDENTIALS)
    throw malformed('absent', 'authorization_details');
  const audience = readAudience(form);
  return {
    agent: agent.id,
    holder: key,
    standing,
    details: details === undefined ? undefined : readDetails(details),
    grant: form.get('grant'),
    audience,
    lifetime: readNumber(form, 'lifetime'),
    maxDepth: readNumber(form, 'max_depth'),
    pending: form.get('pending'),
  };
}

/** Where the root is to be presented: `resource` (RFC 8707 section 2: an absolute URI without fragment) and `audience`. */
function readAudience(form: TokenForm): readonly string[] | undefined {
  const resources = form.all('resource');
  const places = [...new Set([...form.all('audience'), ...resources])];
  const fits =
    places.length <= MAX_PLACES &&
    places.every((place) => place.length <= MAX_PLACE && !/[\s\p{C}]/u.test(place)) &&
    resources.every((place) => URL.canParse(place) && !place.includes('#'));
  if (!fits) throw new AuthorityRefusal('target_refused', 'This is no place to present a root at.');
  return places.length === 0 ? undefined : places;
}

/** `req_cnf` (RFC 9201 section 3.1) must hold the key that the DPoP proof proves: nobody gets a token bound to a key that is not its own. */
function requireConfirmed(text: string, thumbprint: string): void {
  const parsed = parseJson(text);
  const confirmation = parsed.ok ? parsed.value : undefined;
  if (
    typeof confirmation !== 'object' ||
    confirmation === null ||
    Object.keys(confirmation).join() !== 'jwk'
  )
    throw malformed('shape', 'req_cnf');
  let named: string;
  try {
    named = importPublicKey((confirmation as { readonly jwk: unknown }).jwk).thumbprint;
  } catch {
    throw malformed('key', 'req_cnf');
  }
  if (named !== thumbprint) throw malformed('key_not_proved', 'req_cnf');
}

function readDetails(text: string): JsonValue {
  const parsed = parseJson(text);
  const forms = parsed.ok ? [...(parsed.numbers?.values() ?? [])] : [];
  const isExact = forms.every((members) => ![...members.values()].includes('inadmissible'));
  if (parsed.ok && Array.isArray(parsed.value) && isExact) return parsed.value;
  throw new AuthorityRefusal('details_invalid', 'authorization_details is no JSON array.', {
    facts: { reason: parsed.ok ? 'shape' : parsed.problem },
  });
}

function readNumber(form: TokenForm, name: string): number | undefined {
  const text = form.get(name);
  if (text === undefined) return undefined;
  if (!/^(?:0|[1-9][0-9]{0,8})$/.test(text)) throw malformed('shape', name);
  return Number(text);
}

function scopeRefused(): AuthorityRefusal {
  return new AuthorityRefusal('scope_refused', 'Scopes are not what authority is asked for in.', {
    hint: 'Use authorization_details.',
  });
}

/** `token_type` is the draft's at issuance, and at an exchange what RFC 8693 section 2.2.1 has for what is no bearer token. */
function answerOf(
  { compact, details, expiresIn }: IssuedRoot,
  tokenType: 'aat' | 'N_A',
): { readonly [member: string]: JsonValue } {
  return {
    access_token: compact,
    token_type: tokenType,
    expires_in: expiresIn,
    authorization_details: details,
  };
}
