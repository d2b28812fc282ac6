import {
  AAT_ENTRY_TYPE,
  type JsonObject,
  type PublicKey,
  requireKnownOptions,
  TaperError,
} from '@taper/core';
import { TOKEN_EXCHANGE } from './exchange.ts';
import { CLIENT_CREDENTIALS } from './token-endpoint.ts';

const ALGORITHMS = ['Ed25519', 'EdDSA', 'ES256'];

export interface MetadataOptions {
  /** The issuer identifier: `https`, or `http` on a loopback address; no query, no fragment, no slash at its end. */
  readonly issuer: string;
  /** Public URLs of the token endpoint and the key set. */
  readonly tokenEndpoint: string;
  readonly jwksUri: string;
}

/**
 * The authorization server metadata (RFC 8414 section 2), with the AAT draft's `aat_issuer`.
 * @throws {TaperError} `option_invalid` for what is no issuer identifier.
 */
export function createMetadata(options: MetadataOptions): JsonObject {
  requireKnownOptions(options, ['issuer', 'tokenEndpoint', 'jwksUri']);
  const { issuer, tokenEndpoint, jwksUri } = options;
  requireIssuer(issuer);
  return {
    issuer,
    token_endpoint: tokenEndpoint,
    jwks_uri: jwksUri,
    aat_issuer: true,
    authorization_details_types_supported: [AAT_ENTRY_TYPE],
    dpop_signing_alg_values_supported: ALGORITHMS,
    grant_types_supported: [CLIENT_CREDENTIALS, TOKEN_EXCHANGE],
    // There is no authorization endpoint, and so no response that could be mixed up (RFC 9207).
    response_types_supported: [],
    token_endpoint_auth_methods_supported: ['private_key_jwt', 'spiffe_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
  };
}

/** Where the metadata of an issuer is served: between its host and its path (RFC 8414 section 3.1). */
export function metadataPath(issuer: string): string {
  const { pathname } = new URL(issuer);
  return `/.well-known/oauth-authorization-server${pathname === '/' ? '' : pathname}`;
}

/** A key set (RFC 7517 section 5): public keys, each with its thumbprint as `kid`, and for signatures alone. */
export function createJwks(keys: readonly PublicKey[]): JsonObject {
  return {
    keys: keys.map(({ jwk, alg, thumbprint }) => ({ ...jwk, alg, kid: thumbprint, use: 'sig' })),
  };
}

function requireIssuer(issuer: string): void {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  const isLoopback =
    url?.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  const isCanonical = url !== undefined && [url.href, url.origin].includes(issuer);
  if (
    url === undefined ||
    !(url.protocol === 'https:' || isLoopback) ||
    !isCanonical ||
    url.username !== '' ||
    url.password !== '' ||
    issuer.endsWith('/') ||
    /[?#]/.test(issuer)
  )
    throw new TaperError('option_invalid', 'The issuer is no issuer identifier.', {
      hint: 'Use an https URL in its canonical form without query, fragment or a slash at its end (RFC 8414 section 2).',
    });
}
