import { createECDH, createPrivateKey, hash, type KeyObject, sign as signBytes } from 'node:crypto';
import {
  type Algorithm,
  importPublicKey,
  type JsonObject,
  type PublicKey,
  type Signer,
} from '@taper/core';

/** A key pair that anybody can make again from its name. For tests and vectors only. */
export interface TestKey {
  readonly name: string;
  readonly alg: Algorithm;
  readonly publicKey: PublicKey;
  /** The JWK with `d`, for whoever must read one from a file. */
  readonly privateJwk: JsonObject;
  readonly signer: Signer;
  /** Signs any bytes, with no check of what they are. 64 bytes; low S for ES256. */
  sign(input: Uint8Array): Uint8Array;
}

/** PKCS #8 for an Ed25519 seed (RFC 8410 section 7). */
const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The key whose private half is SHA-256 of `taper test key`, the algorithm and the name. */
export function testKey(name: string, alg: Algorithm = 'Ed25519'): TestKey {
  const seed = hash('sha256', `taper test key ${alg} ${name}`, 'buffer');
  const privateKey = alg === 'Ed25519' ? ed25519Key(seed) : p256Key(seed);
  const { x, y, d } = privateKey.export({ format: 'jwk' });
  const jwk =
    alg === 'Ed25519' ? { kty: 'OKP', crv: 'Ed25519', x } : { kty: 'EC', crv: 'P-256', x, y };
  const publicKey = importPublicKey(jwk);
  const sign = (input: Uint8Array): Uint8Array => signRaw(alg, privateKey, input);
  return Object.freeze({
    name,
    alg,
    publicKey,
    privateJwk: Object.freeze({ ...jwk, d }) as JsonObject,
    signer: Object.freeze({ publicKey, sign }),
    sign,
  });
}

function ed25519Key(seed: Buffer): KeyObject {
  const key = Buffer.concat([ED25519_PKCS8, seed]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

function p256Key(seed: Buffer): KeyObject {
  const scalar = (BigInt(`0x${seed.toString('hex')}`) % (P256_ORDER - 1n)) + 1n;
  const d = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex');
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(d);
  const point = curve.getPublicKey();
  const [x, y] = [point.subarray(1, 33), point.subarray(33)];
  const text = (bytes: Buffer): string => bytes.toString('base64url');
  return createPrivateKey({
    key: { kty: 'EC', crv: 'P-256', x: text(x), y: text(y), d: text(d) },
    format: 'jwk',
  });
}

function signRaw(alg: Algorithm, key: KeyObject, input: Uint8Array): Uint8Array {
  if (alg === 'Ed25519') return signBytes(null, input, key);
  const signature = signBytes('sha256', input, { key, dsaEncoding: 'ieee-p1363' });
  const s = BigInt(`0x${signature.subarray(32).toString('hex')}`);
  return s > P256_ORDER / 2n ? otherS(signature) : signature;
}

/** The other signature that verifies wherever this ES256 signature does: (r, n − s). */
export function otherS(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`);
  const flipped = (P256_ORDER - s).toString(16).padStart(64, '0');
  return Buffer.concat([signature.subarray(0, 32), Buffer.from(flipped, 'hex')]);
}

const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The other form of an Ed25519 signature that a careless verifier accepts: (R, S + L). */
export function plusOrder(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`);
  const bytes = Buffer.from((s + ED25519_ORDER).toString(16).padStart(64, '0'), 'hex').reverse();
  return Buffer.concat([signature.subarray(0, 32), bytes]);
}
