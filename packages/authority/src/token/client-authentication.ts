import { importPublicKey, type PublicJwk, type PublicKey } from '@taper/core';
import { isAccepted, requireActive } from '../identity/agent-key.ts';
import type { Standing } from '../issuance/standing.ts';
import type { AgentRecord, AuthorityTransaction } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import { type DpopProof, useOfProof } from './dpop.ts';
import { hashText, isSignedBy, readJwt, textClaim, timeClaim } from './jwt.ts';
import { requireUnused, type Use } from './single-use.ts';

/** RFC 7523 section 2.2. */
export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** draft-ietf-oauth-spiffe-client-auth: the client's own SPIFFE document. */
export const JWT_SPIFFE = 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe';

/** Seconds: how far ahead an assertion may expire, and how far ahead the client's clock may be. */
const MAX_ASSERTION_LIFETIME = 300;
const SKEW = 30;

/** Characters of an assertion and of its `jti`. */
const MAX_ASSERTION = 8192;
const MAX_JTI = 256;

/** Explicit types of an assertion; no other kind of JWT is one (RFC 8725 section 3.11). */
const ASSERTION_TYPES: readonly unknown[] = [undefined, 'JWT', 'client-authentication+jwt'];

/** How a client shows who it is, as it came. */
export interface ClientCredentials {
  readonly clientId: string | undefined;
  readonly assertionType: string | undefined;
  readonly assertion: string | undefined;
  /** Whether there was anything else: a secret, or the header `Authorization`. */
  readonly other: boolean;
}

/** What an identity document says, once its signature, issuer and times are verified. */
export interface PresentedIdentity {
  readonly spiffeId: string;
  readonly key: PublicKey;
}

/** Verifies an identity document of this authority. @throws {AuthorityRefusal} `identity_refused`. */
export type IdentityVerifier = (
  compact: string,
  now: number,
) => PresentedIdentity | Promise<PresentedIdentity>;

/** A client that is an agent of ours, and in force. */
export interface AuthenticatedClient {
  readonly agent: AgentRecord;
  /** The agent's key that the DPoP proof proved. */
  readonly key: PublicKey;
  /** The agent with this key, and the grants that stood then. */
  readonly standing: Standing;
}

/** What the authentication rests on before the store is asked. */
export interface ClaimedClient {
  readonly spiffeId: string;
  readonly isSignedBy: (key: PublicJwk) => boolean;
  /** What serves once: the DPoP proof, and an assertion. */
  readonly uses: readonly Use[];
}

/**
 * Reads a client's credentials as far as they can be judged without the store: `private_key_jwt` (RFC 7523 as draft-ietf-oauth-rfc7523bis
 * tightens it: `aud` is exactly the issuer) or its identity document with the DPoP proof under the document's key.
 * @throws {AuthorityRefusal} `client_unauthenticated` with a reason, `identity_refused`, `request_malformed`.
 */
export async function readClient(
  credentials: ClientCredentials,
  { issuer, proof, now, verifyIdentity }: ClientExpectation,
): Promise<ClaimedClient> {
  const { clientId, assertionType, assertion, other } = credentials;
  if (other) throw unauthenticated('method');
  if (assertion === undefined || assertionType === undefined) throw unauthenticated('absent');
  if (assertionType === JWT_BEARER) {
    const { use, ...rest } = readAssertion(assertion, issuer, now);
    return requireClientId({ ...rest, uses: [useOfProof(proof), use] }, clientId);
  }
  if (assertionType !== JWT_SPIFFE) throw unauthenticated('assertion_type');
  const { spiffeId, key } = await verifyIdentity(assertion, now);
  if (key.thumbprint !== proof.key.thumbprint) throw unauthenticated('key');
  const claimed = { spiffeId, isSignedBy: () => true, uses: [useOfProof(proof)] };
  return requireClientId(claimed, clientId);
}

export interface ClientExpectation {
  /** This authority's issuer identifier. */
  readonly issuer: string;
  readonly proof: DpopProof;
  /** Seconds since the epoch. */
  readonly now: number;
  readonly verifyIdentity: IdentityVerifier;
}

/**
 * Finds the agent and asks that the DPoP key is one of the agent's own that is accepted now, and that neither proof nor assertion is
 * known to be used. Whether an agent of that name exists is not told to whoever cannot sign for it.
 * @throws {AuthorityRefusal} `client_unauthenticated`, `possession_unproved`, `key_not_current`, `agent_suspended`, `agent_retired`.
 */
export async function authenticateClient(
  tx: AuthorityTransaction,
  claimed: ClaimedClient,
  { proof, now }: ClientExpectation,
): Promise<AuthenticatedClient> {
  const [found, grants] = await Promise.all([
    tx.findAgentWithKeys(claimed.spiffeId),
    tx.currentGrantHead(),
    requireUnused(tx, claimed.uses),
  ]);
  if (found === undefined) throw unauthenticated('signature');
  const { agent } = found;
  const keys = found.keys.filter((key) => isAccepted(key, now));
  if (!keys.some(({ jwk }) => claimed.isSignedBy(jwk))) throw unauthenticated('signature');
  const key = keys.find(({ thumbprint }) => thumbprint === proof.key.thumbprint);
  if (key === undefined) {
    throw new AuthorityRefusal('key_not_current', 'The DPoP key is not a key of this agent.', {
      hint: 'Sign the DPoP proof with the key that the agent enrolled, or rotated to.',
    });
  }
  requireActive(agent);
  return { agent, key: proof.key, standing: { agent, key, grants } };
}

function readAssertion(
  assertion: string,
  issuer: string,
  now: number,
): Omit<ClaimedClient, 'uses'> & { readonly use: Use } {
  const jwt = readJwt(assertion, MAX_ASSERTION);
  if (jwt === undefined) throw unauthenticated('malformed');
  const { claims } = jwt;
  if (!ASSERTION_TYPES.includes(jwt.header['typ'])) throw unauthenticated('typ');
  const subject = textClaim(claims, 'sub');
  if (subject === undefined || textClaim(claims, 'iss') !== subject) throw unauthenticated('sub');
  // A string, and this one: of an array, or of the URL of an endpoint, another server could have said the same (draft-ietf-oauth-rfc7523bis).
  if (claims.object['aud'] !== issuer) throw unauthenticated('aud');
  const expiresAt = timeClaim(claims, 'exp');
  if (expiresAt === undefined || expiresAt <= now || expiresAt > now + MAX_ASSERTION_LIFETIME)
    throw unauthenticated('exp');
  for (const name of ['iat', 'nbf']) {
    if (!Object.hasOwn(claims.object, name)) continue;
    const time = timeClaim(claims, name);
    if (time === undefined || time > now + SKEW || time >= expiresAt) throw unauthenticated(name);
  }
  const id = textClaim(claims, 'jti', MAX_JTI);
  if (id === undefined) throw unauthenticated('jti');
  return {
    spiffeId: subject,
    isSignedBy: (key) => isSignedBy(jwt, importPublicKey(key)),
    use: {
      key: hashText(`client assertion\n${subject}\n${id}`),
      expiresAt,
      replayed: () => unauthenticated('replayed'),
    },
  };
}

function requireClientId(claimed: ClaimedClient, clientId: string | undefined): ClaimedClient {
  if (clientId !== undefined && clientId !== claimed.spiffeId) throw unauthenticated('client_id');
  return claimed;
}

function unauthenticated(reason: string): AuthorityRefusal {
  return new AuthorityRefusal('client_unauthenticated', 'The client was not authenticated.', {
    facts: { reason },
    hint: 'Use private_key_jwt with the issuer as its only audience, or the identity document of the agent.',
  });
}
