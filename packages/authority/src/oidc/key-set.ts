import {
  importPublicKey,
  isJsonObject,
  isWellKnownTestKey,
  type JsonObject,
  type JsonValue,
  parseJson,
  platform,
} from '@taper/core';
import { type CryptoKey, importJWK, type JWK } from 'jose';

/** Signature algorithms of issuers that may be trusted: asymmetric ones, each with one kind of key (RFC 7518 section 3.1, RFC 9864). */
export const ISSUER_ALGORITHMS = [
  'Ed25519',
  'EdDSA',
  'ES256',
  'ES384',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
] as const;

export type IssuerAlgorithm = (typeof ISSUER_ALGORITHMS)[number];

/** The public keys of one issuer. */
export interface IssuerKeys {
  /** The one key for this `kid` and algorithm; `undefined` where there is none, or more than one. Without `kid` it must be the only key. */
  find(kid: string | undefined, alg: IssuerAlgorithm): Promise<CryptoKey | undefined>;
  /** Whether any key has this `kid`. */
  has(kid: string | undefined): boolean;
}

const MAX_KEYS = 64;
/** Bytes of an RSA modulus: fewer are weak (RFC 7518 section 3.3), more cost too much. */
const MIN_MODULUS = 256;
const MAX_MODULUS = 1024;

/** Members that only a private or a symmetric key has (RFC 7518 section 6, RFC 8037). */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

interface Entry {
  readonly kid: string | undefined;
  readonly kind: 'RSA' | 'P-256' | 'P-384' | 'Ed25519';
  /** What the set says it is for alone. */
  readonly alg: string | undefined;
  readonly jwk: JWK;
}

/** What a key must be, for each algorithm. */
const KINDS: Readonly<Record<IssuerAlgorithm, Entry['kind']>> = {
  Ed25519: 'Ed25519',
  EdDSA: 'Ed25519',
  ES256: 'P-256',
  ES384: 'P-384',
  PS256: 'RSA',
  PS384: 'RSA',
  PS512: 'RSA',
  RS256: 'RSA',
  RS384: 'RSA',
  RS512: 'RSA',
};

/**
 * Reads a JWK set (RFC 7517), or the bundle of a trust domain, which is one. A set in which any key is private or symmetric is refused whole: whoever
 * publishes one has lost control of it. Keys for something else and of kinds that are not known are left out.
 * @returns `undefined` for what is no such set.
 */
export function readKeySet(text: string): IssuerKeys | undefined {
  const parsed = parseJson(text);
  const keys = parsed.ok && isJsonObject(parsed.value) ? parsed.value['keys'] : undefined;
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) return undefined;
  const entries: Entry[] = [];
  for (const key of keys as readonly JsonValue[]) {
    if (!isJsonObject(key) || isSecret(key)) return undefined;
    const entry = readEntry(key);
    if (entry === 'weak') return undefined;
    if (entry !== undefined) entries.push(entry);
  }
  return keysOf(entries);
}

function keysOf(entries: readonly Entry[]): IssuerKeys {
  const imported = new Map<string, Promise<CryptoKey>>();
  return {
    has: (kid) => entries.some((entry) => kid === undefined || entry.kid === kid),
    async find(kid, alg) {
      const fitting = entries.filter(
        (entry) =>
          (kid === undefined || entry.kid === kid) &&
          entry.kind === KINDS[alg] &&
          (entry.alg === undefined || entry.alg === alg || isSameEdwards(entry.alg, alg)),
      );
      const [entry] = fitting;
      if (entry === undefined || fitting.length > 1) return undefined;
      const place = `${entries.indexOf(entry)} ${alg}`;
      let key = imported.get(place);
      if (key === undefined) {
        key = importJWK(entry.jwk, alg) as Promise<CryptoKey>;
        imported.set(place, key);
      }
      return await key.catch(() => undefined);
    },
  };
}

function isSameEdwards(declared: string, alg: IssuerAlgorithm): boolean {
  return KINDS[alg] === 'Ed25519' && (declared === 'EdDSA' || declared === 'Ed25519');
}

function isSecret(key: JsonObject): boolean {
  return key['kty'] === 'oct' || SECRET_MEMBERS.some((member) => Object.hasOwn(key, member));
}

/** `undefined` for a key that is left out; `weak` for one under which signatures prove nothing. */
function readEntry(key: JsonObject): Entry | 'weak' | undefined {
  const { kty, crv, use, alg, kid, key_ops: operations } = key;
  // A bundle of a SPIFFE trust domain says what a key is for by a use of its own.
  if (use !== undefined && use !== 'sig' && use !== 'jwt-svid') return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
    return undefined;
  if (!isTextOrAbsent(kid) || !isTextOrAbsent(alg)) return undefined;
  const said = { kid, alg };
  if (kty === 'RSA') {
    const { n, e } = key;
    if (typeof n !== 'string' || typeof e !== 'string' || !isModulus(n)) return undefined;
    if (!isSoundExponent(e)) return 'weak';
    return { ...said, kind: 'RSA', jwk: { kty, n, e } };
  }
  if (kty === 'EC' && crv === 'P-384') {
    const { x, y } = key;
    if (typeof x !== 'string' || typeof y !== 'string') return undefined;
    return { ...said, kind: crv, jwk: { kty, crv, x, y } };
  }
  if ((kty === 'EC' && crv === 'P-256') || (kty === 'OKP' && crv === 'Ed25519')) {
    const { x, y } = key;
    return readCoreKey(said, { kty, crv, x, ...(kty === 'EC' ? { y } : {}) }, crv);
  }
  return undefined;
}

function isTextOrAbsent(value: JsonValue | undefined): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

/** Without zeros before it (RFC 7518 section 6.3.1.1), and with its highest bit set: all generators make it so. */
function isModulus(n: string): boolean {
  if (n.length > 2 * MAX_MODULUS) return false;
  const bytes = platform.decodeBase64url(n);
  if (bytes === undefined || bytes.length < MIN_MODULUS || bytes.length > MAX_MODULUS) return false;
  return (bytes[0] ?? 0) >= 0x80;
}

/** Odd, 3 or more, of at most 8 bytes: under an exponent of 1 every message is its own signature. */
function isSoundExponent(e: string): boolean {
  const bytes = platform.decodeBase64url(e);
  if (bytes === undefined || bytes.length === 0 || bytes.length > 8) return false;
  const value = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return value >= 3n && value % 2n === 1n;
}

/** Of the kinds that core knows, what core refuses is refused: keys of small order, or that are in print. */
function readCoreKey(
  said: Pick<Entry, 'kid' | 'alg'>,
  jwk: object,
  kind: 'P-256' | 'Ed25519',
): Entry | 'weak' {
  try {
    const key = importPublicKey(jwk);
    return isWellKnownTestKey(key) ? 'weak' : { ...said, kind, jwk: { ...key.jwk } };
  } catch {
    return 'weak';
  }
}
