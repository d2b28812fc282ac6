import {
  importPublicKey,
  isJsonObject,
  type JsonValue,
  type PublicKey,
  type Signer,
  TaperError,
} from '@taper/core';
import { AuthorityRefusal } from '../refusal.ts';
import { isSignedBy, readJwt, textClaim, timeClaim } from '../token/jwt.ts';
import { signJwt } from './sign-jwt.ts';
import { type AgentName, readAgentSpiffeId } from './spiffe-id.ts';

/** `typ` of an identity document: a WIMSE workload identity token (draft-ietf-wimse-workload-creds, WIT-SVID section 2.2). */
const IDENTITY_DOCUMENT_TYPE = 'wit+jwt';

/** Longer documents are refused unread. */
const MAX_LENGTH = 4096;

/** Seconds that a node's clock may be ahead of another's, as for tokens. Expiry has no such grace. */
const MAX_IAT_SKEW = 30;

const HEADER_MEMBERS = 'alg,kid,typ';
const CLAIMS = 'cnf,exp,iat,iss,jti,sub';

export interface IdentityDocumentOptions {
  /** `iss`: the authority's issuer identifier. */
  readonly issuer: string;
  /** The identity key; `kid` is its thumbprint. */
  readonly signer: Signer;
  /** `sub`. */
  readonly spiffeId: string;
  /** The agent's key, `cnf.jwk`. */
  readonly key: PublicKey;
  /** Seconds since the epoch. */
  readonly now: number;
  /** Seconds since the epoch; exclusive. */
  readonly expiresAt: number;
  /** `jti`. */
  readonly id: string;
}

/**
 * Makes an identity document: whoever proves the key in it is the agent that it names, until it expires.
 * @throws {TaperError} `signing_failed`.
 */
export function makeIdentityDocument(options: IdentityDocumentOptions): Promise<string> {
  const { issuer, signer, spiffeId, key, now, expiresAt, id } = options;
  return signJwt(
    { kid: signer.publicKey.thumbprint, typ: IDENTITY_DOCUMENT_TYPE },
    {
      cnf: { jwk: { ...key.jwk, alg: key.alg } },
      exp: expiresAt,
      iat: now,
      iss: issuer,
      jti: id,
      sub: spiffeId,
    },
    signer,
  );
}

/** What a verified identity document says. That the agent is still active and the key still its own, it does not say. */
export interface VerifiedIdentityDocument extends AgentName {
  readonly spiffeId: string;
  /** Whoever presents the document has to prove this key. */
  readonly key: PublicKey;
  readonly id: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  /** Seconds since the epoch; exclusive. */
  readonly expiresAt: number;
}

export interface IdentityDocumentTrust {
  /** What `iss` must be, byte for byte. */
  readonly issuer: string;
  /** The identity keys of that issuer. */
  readonly keys: readonly PublicKey[];
  readonly trustDomain: string;
}

/**
 * Verifies an identity document. A bearer proves nothing with it: the caller must have the proof of possession of `key`.
 * @throws {AuthorityRefusal} `identity_refused`, with the reason in `facts.reason`.
 */
export function verifyIdentityDocument(
  compact: string,
  trust: IdentityDocumentTrust,
  now: number,
): VerifiedIdentityDocument {
  const jwt = readJwt(compact, MAX_LENGTH);
  if (jwt === undefined) throw refused('malformed');
  const { header, claims } = jwt;
  if (header['typ'] !== IDENTITY_DOCUMENT_TYPE) throw refused('type');
  if (membersOf(header) !== HEADER_MEMBERS) throw refused('malformed');
  const signedBy = trust.keys.find(({ thumbprint }) => thumbprint === header['kid']);
  if (signedBy === undefined || !isSignedBy(jwt, signedBy)) throw refused('signature');
  if (membersOf(claims.object) !== CLAIMS) throw refused('malformed');
  if (claims.object['iss'] !== trust.issuer) throw refused('issuer');
  const spiffeId = textClaim(claims, 'sub');
  const agent = readAgentSpiffeId(trust.trustDomain, spiffeId);
  if (agent === undefined || spiffeId === undefined) throw refused('subject');
  const issuedAt = timeClaim(claims, 'iat');
  const expiresAt = timeClaim(claims, 'exp');
  const id = textClaim(claims, 'jti');
  const key = confirmedKey(claims.object['cnf']);
  if (issuedAt === undefined || expiresAt === undefined || id === undefined || key === undefined)
    throw refused('malformed');
  if (!(now < expiresAt && issuedAt < expiresAt)) throw refused('expired');
  if (!(issuedAt <= now + MAX_IAT_SKEW)) throw refused('issued_in_future');
  return Object.freeze({ ...agent, spiffeId, key, id, issuedAt, expiresAt });
}

function confirmedKey(cnf: JsonValue | undefined): PublicKey | undefined {
  if (!isJsonObject(cnf) || membersOf(cnf) !== 'jwk') return undefined;
  try {
    return importPublicKey(cnf['jwk']);
  } catch (error) {
    if (error instanceof TaperError) return undefined;
    throw error;
  }
}

function membersOf(value: object): string {
  return Object.keys(value).sort().join();
}

function refused(reason: string): AuthorityRefusal {
  return new AuthorityRefusal('identity_refused', 'The identity document is refused.', {
    facts: { reason },
    hint: 'Renew it: prove the key at the authority that issued it.',
  });
}
