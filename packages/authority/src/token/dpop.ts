import {
  importPublicKey,
  isWellKnownTestKey,
  type JsonValue,
  type PublicKey,
  TaperError,
} from '@taper/core';
import type { AuthorityTransaction } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import {
  algorithmOf,
  hashText,
  isSignedBy,
  type JwtMembers,
  readJwt,
  textClaim,
  timeClaim,
} from './jwt.ts';
import { spend, type Use } from './single-use.ts';

/** Seconds that the `iat` of a proof may differ from now, either way. */
export const DPOP_WINDOW = 60;

/** Characters of a proof, and of its `jti`. */
const MAX_PROOF = 8192;
const MAX_JTI = 256;

/** What a proof has to prove. */
export interface DpopExpectation {
  /** Of the request, compared exactly. */
  readonly method: string;
  /** The public URL of the endpoint as it is configured, never what a `Host` header says. */
  readonly url: string;
  /** Seconds since the epoch. */
  readonly now: number;
  /** Whether a nonce is one of ours and still accepted. */
  readonly acceptsNonce: (nonce: string) => boolean;
  /** A token that is presented with the proof: `ath` must be its hash. Without one, `ath` is not looked at. */
  readonly accessToken?: string;
}

/** A proof that was verified for one request. Whether it was used before, {@link spendDpopProof} finds out. */
export interface DpopProof {
  readonly key: PublicKey;
  readonly id: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  /** Everything that was signed. */
  readonly claims: JwtMembers;
}

/**
 * Verifies a DPoP proof (RFC 9449 section 4.3) with a server nonce (section 8), which is always asked for.
 * @param header value of the `DPoP` header; several headers, as fetch joins them, are none.
 * @throws {AuthorityRefusal} `possession_unproved` with `reason`, `nonce_required`, `key_weak`, `key_invalid`.
 */
export function verifyDpopProof(
  header: string | null | undefined,
  expected: DpopExpectation,
): DpopProof {
  if (header === null || header === undefined || header === '') throw unproved('absent');
  const jwt = readJwt(header, MAX_PROOF);
  if (jwt === undefined) throw unproved('malformed');
  const { claims } = jwt;
  if (jwt.header['typ'] !== 'dpop+jwt') throw unproved('typ');
  if (algorithmOf(jwt.header) === undefined) throw unproved('alg');
  const key = readKey(Object.hasOwn(jwt.header, 'jwk') ? jwt.header['jwk'] : undefined);
  if (!isSignedBy(jwt, key)) throw unproved('signature');
  if (textClaim(claims, 'htm') !== expected.method) throw unproved('htm');
  const htu = textClaim(claims, 'htu');
  if (htu === undefined || !isSameResource(htu, expected.url)) throw unproved('htu');
  const id = textClaim(claims, 'jti', MAX_JTI);
  if (id === undefined) throw unproved('jti');
  const issuedAt = timeClaim(claims, 'iat');
  if (issuedAt === undefined || !(Math.abs(expected.now - issuedAt) <= DPOP_WINDOW))
    throw unproved('iat');
  if (expected.accessToken !== undefined) {
    if (textClaim(claims, 'ath') !== hashText(expected.accessToken)) throw unproved('ath');
  }
  const nonce = textClaim(claims, 'nonce');
  if (nonce === undefined || expected.acceptsNonce(nonce) !== true) {
    throw new AuthorityRefusal('nonce_required', 'The DPoP proof has no nonce that is accepted.', {
      hint: 'Sign a new proof with the nonce of the DPoP-Nonce header.',
    });
  }
  return Object.freeze({ key, id, issuedAt, claims });
}

/** Uses a proof up. @throws {AuthorityRefusal} `possession_unproved` with the reason `replayed` where it was used before. */
export async function spendDpopProof(
  tx: AuthorityTransaction,
  proof: DpopProof,
  now: number,
): Promise<void> {
  await spend(tx, [useOfProof(proof)], now);
}

/** What is used up of a proof: its `jti` under its key. */
export function useOfProof({ key, id, issuedAt }: DpopProof): Use {
  return {
    key: hashText(`dpop\n${key.thumbprint}\n${id}`),
    expiresAt: issuedAt + DPOP_WINDOW,
    replayed: () => unproved('replayed'),
  };
}

/** Whether `htu` names the endpoint: without query and fragment, normalized as RFC 3986 sections 6.2.2.1, 6.2.2.3 and 6.2.3 say. */
function isSameResource(htu: string, url: string): boolean {
  // What a URL parser would repair is not what anybody meant to sign.
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^\s\\@]+$/.test(htu) || !URL.canParse(htu)) return false;
  const [signed, own] = [new URL(htu), new URL(url)];
  return signed.origin === own.origin && signed.pathname === own.pathname;
}

function readKey(jwk: JsonValue | undefined): PublicKey {
  let key: PublicKey;
  try {
    key = importPublicKey(jwk);
  } catch (error) {
    const isWeak = error instanceof TaperError && error.code === 'key_weak';
    throw isWeak ? weak() : new AuthorityRefusal('key_invalid', 'The key of the proof is invalid.');
  }
  if (isWellKnownTestKey(key)) throw weak();
  return key;
}

function weak(): AuthorityRefusal {
  return new AuthorityRefusal('key_weak', 'Anybody can sign under the key of the proof.', {
    hint: 'Generate a new key pair.',
  });
}

function unproved(reason: string): AuthorityRefusal {
  return new AuthorityRefusal('possession_unproved', 'The DPoP proof was not accepted.', {
    facts: { reason },
  });
}
