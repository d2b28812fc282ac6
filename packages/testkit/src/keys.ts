import { createECDH, createPrivateKey, hash, sign as signBytes } from 'node:crypto';
import {
  type Algorithm,
  importPublicKey,
  type JsonObject,
  type PublicKey,
  type Signer,
} from '@taper/core';
import { es256PrivateKey, lowS, signEs256 } from './es256.ts';

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

/** The key whose private half is SHA-256 of `taper test key`, the algorithm and the name. Signs the same every time. */
export function testKey(name: string, alg: Algorithm = 'Ed25519'): TestKey {
  const seed = hash('sha256', `taper test key ${alg} ${name}`, 'buffer');
  const { jwk, d, sign } = alg === 'Ed25519' ? ed25519Key(seed) : es256Key(seed);
  const publicKey = importPublicKey(jwk);
  return Object.freeze({
    name,
    alg,
    publicKey,
    privateJwk: Object.freeze({ ...jwk, d }),
    signer: Object.freeze({ publicKey, sign }),
    sign,
  });
}

interface KeyMaterial {
  readonly jwk: JsonObject;
  readonly d: string;
  readonly sign: (input: Uint8Array) => Uint8Array;
}

function ed25519Key(seed: Buffer): KeyMaterial {
  const der = Buffer.concat([ED25519_PKCS8, seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const { x = '', d = '' } = key.export({ format: 'jwk' });
  return {
    jwk: { kty: 'OKP', crv: 'Ed25519', x },
    d,
    sign: (input) => signBytes(null, input, key),
  };
}

function es256Key(seed: Buffer): KeyMaterial {
  const d = es256PrivateKey(seed);
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(d);
  const point = curve.getPublicKey();
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  return {
    jwk: {
      kty: 'EC',
      crv: 'P-256',
      x: text(point.subarray(1, 33)),
      y: text(point.subarray(33)),
    },
    d: text(d),
    sign: (input) => lowS(signEs256(d, input)),
  };
}

const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The other form of an Ed25519 signature that a careless verifier accepts: (R, S + L). */
export function plusOrder(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`);
  const bytes = Buffer.from((s + ED25519_ORDER).toString(16).padStart(64, '0'), 'hex').reverse();
  return Buffer.concat([signature.subarray(0, 32), bytes]);
}
