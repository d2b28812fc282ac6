import { platform } from '#crypto';
import type { Algorithm } from './crypto/port.ts';
import { isCanonicalPoint, isSmallOrderPoint } from './edwards.ts';
import { TaperError } from './error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { WELL_KNOWN_TEST_KEYS } from './well-known-keys.ts';

/** A public JWK (RFC 7517) reduced to the members that RFC 7638 requires. Coordinates are base64url of 32 bytes. */
export type PublicJwk =
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string }
  | { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string };

/** A checked public key. Only {@link readPublicKey} and {@link importPublicKey} make one. */
export interface PublicKey {
  /** The only algorithm this key may be used with. */
  readonly alg: Algorithm;
  /** Frozen; the required members and nothing else. */
  readonly jwk: PublicJwk;
  /** 32 bytes for Ed25519 (RFC 8032), 65 bytes `04 || x || y` for P-256. Shared: treat as read-only. */
  readonly raw: Uint8Array;
  /** RFC 7638 thumbprint: base64url SHA-256, 43 characters. */
  readonly thumbprint: string;
  /** RFC 9278 URI of the thumbprint. */
  readonly thumbprintUri: string;
}

/** Why a JWK is no usable public key. `private`: it carries private or secret members. `weak`: signatures under it prove nothing, or it has a second encoding. */
export type KeyProblem = 'malformed' | 'unsupported' | 'private' | 'weak';

const PRIVATE_MEMBERS: ReadonlySet<string> = new Set([
  'd', // RFC 7518 section 6.2.2 and 6.3.2, RFC 8037
  'p',
  'q',
  'dp',
  'dq',
  'qi',
  'oth',
  'k', // RFC 7518 section 6.4
  'priv', // AKP keys
]);

const THUMBPRINT_URI_PREFIX = 'urn:ietf:params:oauth:jwk-thumbprint:sha-256:';

/** The private field is the brand: only this module can put it on an object, and asking for it is free. */
class CheckedKey implements PublicKey {
  readonly #raw: Uint8Array;
  readonly alg: Algorithm;
  readonly jwk: PublicJwk;
  readonly thumbprint: string;
  readonly thumbprintUri: string;

  constructor(alg: Algorithm, jwk: PublicJwk, raw: Uint8Array, thumbprint: string) {
    this.alg = alg;
    this.jwk = Object.freeze(jwk);
    this.#raw = raw;
    this.thumbprint = thumbprint;
    this.thumbprintUri = THUMBPRINT_URI_PREFIX + thumbprint;
    Object.freeze(this);
  }

  get raw(): Uint8Array {
    return this.#raw.slice();
  }

  static made(value: object): boolean {
    return #raw in value;
  }

  static bytesOf(key: PublicKey): Uint8Array {
    return (key as CheckedKey).#raw;
  }
}
Reflect.deleteProperty(CheckedKey.prototype, 'constructor'); // or `new key.constructor(...)` would forge one

/** The bytes of a key without a copy, for the backends alone: whoever changed them would change the key. */
export function keyBytes(key: PublicKey): Uint8Array {
  return CheckedKey.bytesOf(key);
}

/**
 * Reads the public key of a JWK: the check that every door uses (chains, JWKS, bundles, enrolment).
 * Never throws. Ed25519 (`OKP`) and P-256 (`EC`) only; members that say the key is for something else
 * (`use`, `key_ops`, `alg`) are believed; other members are dropped.
 *
 * A key that is not on Curve25519, or that has a component of small order beside one of large order,
 * is accepted: the first verifies nothing, the second verifies alike on every backend (`spec/stricter-choices.md`).
 */
export function readPublicKey(jwk: JsonValue | undefined): PublicKey | KeyProblem {
  if (!isJsonObject(jwk)) return 'malformed';
  for (const name of Object.keys(jwk)) if (PRIVATE_MEMBERS.has(name)) return 'private';
  const { kty, crv, x } = jwk;
  if (typeof kty !== 'string') return 'malformed';
  if (kty === 'OKP') {
    if (crv !== 'Ed25519') return typeof crv === 'string' ? 'unsupported' : 'malformed';
    if (!permitsVerification(jwk, 'Ed25519')) return 'unsupported';
    return isCoordinateText(x) ? (recall('Ed25519', x) ?? readEd25519(x)) : 'malformed';
  }
  if (kty !== 'EC') return 'unsupported';
  if (crv !== 'P-256') return typeof crv === 'string' ? 'unsupported' : 'malformed';
  if (!permitsVerification(jwk, 'ES256')) return 'unsupported';
  const { y } = jwk;
  if (!isCoordinateText(x) || !isCoordinateText(y)) return 'malformed';
  return recall('ES256', x, y) ?? readP256(x, y);
}

/**
 * As {@link readPublicKey}, for keys that an operator or a file brings: enrolment, anchors, key sets.
 *
 * @throws TaperError `key_weak` or `key_invalid`, with a hint.
 */
export function importPublicKey(jwk: unknown): PublicKey {
  const key = readPublicKey(jwk as JsonValue | undefined);
  if (typeof key !== 'string') return key;
  const { message, hint } = EXPLANATIONS[key];
  throw new TaperError(key === 'weak' ? 'key_weak' : 'key_invalid', message, { hint });
}

/** Whether the value is a key that {@link readPublicKey} or {@link importPublicKey} made, and not a look-alike. */
export function isPublicKey(value: unknown): value is PublicKey {
  return typeof value === 'object' && value !== null && CheckedKey.made(value);
}

/**
 * Whether the private half of the key has been published (RFC examples, test vectors, seeds of one repeated byte).
 * Such keys read as any other does, since test suites need them; nobody may enrol or anchor one.
 */
export function isWellKnownTestKey(key: PublicKey): boolean {
  return WELL_KNOWN_TEST_KEYS.has(key.jwk.x);
}

function permitsVerification(members: JsonObject, alg: Algorithm): boolean {
  const { use, key_ops: operations, alg: declared } = members;
  if (use !== undefined && use !== 'sig') return false;
  if (declared !== undefined && declared !== alg) return false;
  return operations === undefined || (Array.isArray(operations) && operations.includes('verify'));
}

/** 32 bytes are 43 characters of base64url; longer text never reaches the cache or the decoder. */
function isCoordinateText(text: JsonValue | undefined): text is string {
  return typeof text === 'string' && text.length === 43;
}

function readEd25519(x: string): PublicKey | KeyProblem {
  const decoded = platform.decodeBase64url(x);
  if (decoded === undefined) return 'malformed';
  const raw = new Uint8Array(decoded);
  if (!isCanonicalPoint(raw) || isSmallOrderPoint(raw)) return 'weak';
  // Encoded anew, so that the cache never keeps alive the text that the JWK was cut from.
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: platform.encodeBase64url(raw) } as const;
  return mint('Ed25519', jwk, raw, `{"crv":"Ed25519","kty":"OKP","x":"${jwk.x}"}`);
}

function readP256(x: string, y: string): PublicKey | KeyProblem {
  const first = platform.decodeBase64url(x);
  const second = platform.decodeBase64url(y);
  if (first === undefined || second === undefined) return 'malformed';
  const raw = new Uint8Array(65);
  raw[0] = 4;
  raw.set(first, 1);
  raw.set(second, 33);
  if (!isOnP256(raw)) return 'malformed';
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: platform.encodeBase64url(raw.subarray(1, 33)),
    y: platform.encodeBase64url(raw.subarray(33)),
  } as const;
  return mint('ES256', jwk, raw, `{"crv":"P-256","kty":"EC","x":"${jwk.x}","y":"${jwk.y}"}`);
}

/** `canonical` is the JCS form (RFC 8785) of `jwk`, which is what RFC 7638 hashes: all of it is ASCII. */
function mint(alg: Algorithm, jwk: PublicJwk, raw: Uint8Array, canonical: string): PublicKey {
  const key = new CheckedKey(alg, jwk, raw, platform.sha256(platform.asciiBytes(canonical)));
  remember(key);
  return key;
}

const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** Whether `04 || x || y` has both coordinates below p and solves y² = x³ − 3x + b. The point at infinity has no such form. */
function isOnP256(raw: Uint8Array): boolean {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const x = readUint256(view, 1);
  const y = readUint256(view, 33);
  return x < P && y < P && (y * y - ((x * x - 3n) * x + B)) % P === 0n;
}

function readUint256(view: DataView, offset: number): bigint {
  return (
    (view.getBigUint64(offset) << 192n) |
    (view.getBigUint64(offset + 8) << 128n) |
    (view.getBigUint64(offset + 16) << 64n) |
    view.getBigUint64(offset + 24)
  );
}

const CACHED_KEYS = 2048;

/** Keys by x, in two generations: what is used survives, the rest is gone within 2 × CACHED_KEYS new keys. Never holds a refusal. */
let young = new Map<string, PublicKey>();
let old = new Map<string, PublicKey>();

function recall(alg: Algorithm, x: string, y?: string): PublicKey | undefined {
  const recent = young.get(x);
  const key = recent ?? old.get(x);
  if (key === undefined || key.alg !== alg) return undefined;
  if (key.jwk.kty === 'EC' && key.jwk.y !== y) return undefined; // x belongs to two points
  if (recent === undefined) remember(key);
  return key;
}

function remember(key: PublicKey): void {
  if (young.size >= CACHED_KEYS) {
    old = young;
    young = new Map();
  }
  young.set(key.jwk.x, key);
}

const EXPLANATIONS: Readonly<Record<KeyProblem, { message: string; hint: string }>> = {
  malformed: {
    message: 'The JWK is malformed.',
    hint: 'Expected an object with kty, crv and x (and y for P-256), each coordinate base64url of exactly 32 bytes without padding, and the point on its curve.',
  },
  unsupported: {
    message: 'The JWK is of a kind that Taper does not accept.',
    hint: 'Use OKP/Ed25519 (alg Ed25519) or EC/P-256 (alg ES256); leave out use, key_ops and alg, or set them to "sig", ["verify"] and that algorithm.',
  },
  private: {
    message: 'The JWK carries private or secret members.',
    hint: 'Give the public half only. If the private half was sent or stored by mistake, replace the key.',
  },
  weak: {
    message: 'The Ed25519 key is of small order or not canonically encoded.',
    hint: 'No key generator makes such a key: refuse it and find out who sent it.',
  },
};
