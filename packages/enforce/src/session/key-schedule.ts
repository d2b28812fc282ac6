import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import { TaperError } from '@taper/core';
import { PROTOCOL } from './message.ts';

/** RFC 8410: the bytes in front of a raw X25519 private and public key. */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

/** One side's part of the key agreement, for one handshake. */
export interface Share {
  /** Raw public value, 32 bytes. */
  readonly publicValue: Uint8Array;
  readonly privateKey: KeyObject;
}

/** The keys of one session (spec/session.md section 4.3). They leave no key object, and are forgotten with the session. */
export interface SessionKeys {
  /** The responder confirms the handshake with it. */
  readonly responder: KeyObject;
  /** The initiator confirms the handshake with it. */
  readonly initiator: KeyObject;
  /** Authenticates requests, from the initiator to the responder. */
  readonly request: KeyObject;
}

/**
 * Fresh random bytes, in memory that nobody else writes to.
 * @throws {TaperError} `option_invalid` when the source gives anything but as many bytes.
 */
export function freshBytes(length: number, random?: (length: number) => Uint8Array): Uint8Array {
  const own = new Uint8Array(length);
  if (random === undefined) return crypto.getRandomValues(own);
  const given = random(length);
  if (!(given instanceof Uint8Array) || given.length !== length)
    throw new TaperError(
      'option_invalid',
      '`random` must return as many bytes as it is asked for.',
    );
  own.set(given);
  return own;
}

/** Makes a share from 32 fresh random bytes, which are overwritten. */
export function makeShare(seed: Uint8Array): Share {
  const encoded = Buffer.concat([PRIVATE_PREFIX, seed]);
  const privateKey = createPrivateKey({ key: encoded, format: 'der', type: 'pkcs8' });
  encoded.fill(0);
  seed.fill(0);
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { publicValue: Uint8Array.from(spki.subarray(PUBLIC_PREFIX.length)), privateKey };
}

/**
 * Agrees on keys; `undefined` where the other side's share is one with which the secret would be known to anybody
 * (RFC 7748 section 6.1).
 */
export function agree(
  own: Share,
  theirs: Uint8Array,
  welcomeHash: Uint8Array,
): SessionKeys | undefined {
  if (theirs.length !== 32) return undefined; // Node would read the first 32 of more
  let secret: Buffer;
  try {
    const publicKey = createPublicKey({
      key: Buffer.concat([PUBLIC_PREFIX, theirs]),
      format: 'der',
      type: 'spki',
    });
    secret = diffieHellman({ privateKey: own.privateKey, publicKey });
  } catch {
    return undefined; // OpenSSL refuses a secret of zeros, too
  }
  if (secret.length !== 32 || secret.every((byte) => byte === 0)) return undefined;
  const derive = (purpose: string): KeyObject => {
    const bytes = Buffer.from(
      hkdfSync('sha256', secret, welcomeHash, `${PROTOCOL} ${purpose}`, 32),
    );
    const key = createSecretKey(bytes);
    bytes.fill(0);
    return key;
  };
  const keys = Object.freeze({
    responder: derive('responder confirmation'),
    initiator: derive('initiator confirmation'),
    request: derive('request'),
  });
  secret.fill(0);
  return keys;
}

/** HMAC-SHA-256. */
export function authenticate(key: KeyObject, ...texts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac('sha256', key);
  for (const text of texts) mac.update(text);
  return mac.digest();
}

/** Compares in constant time; codes of different lengths are different. */
export function isSameCode(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
