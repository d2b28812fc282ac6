import { hash } from 'node:crypto';
import type { JsonObject } from '@taper/core';
import { canonicalText } from './canonical-text.ts';
import type { TestKey } from './keys.ts';

/** Text or bytes go in as they are; an object as its canonical JSON. */
export type Part = JsonObject | string | Uint8Array;

export interface Forgery {
  readonly header: Part;
  readonly payload: Part;
  /** A key, the bytes of a signature, or what makes them from the signing input. */
  readonly signature: TestKey | Uint8Array | ((input: Uint8Array) => Uint8Array);
}

/** Signs anything whatever: attackers write their own code, so this checks nothing. Compact serialization. */
export function forge({ header, payload, signature }: Forgery): string {
  return forgeSegments(segment(header), segment(payload), signature);
}

/** As {@link forge}, over segments that are taken as they are, base64url or not. */
export function forgeSegments(
  headerSegment: string,
  payloadSegment: string,
  signature: Forgery['signature'],
): string {
  const input = `${headerSegment}.${payloadSegment}`;
  return `${input}.${segment(signatureOver(input, signature))}`;
}

function signatureOver(input: string, signature: Forgery['signature']): Uint8Array {
  if (signature instanceof Uint8Array) return signature;
  const bytes = Buffer.from(input, 'utf8');
  return typeof signature === 'function' ? signature(bytes) : signature.sign(bytes);
}

/** One base64url segment. */
export function segment(part: Part): string {
  if (part instanceof Uint8Array) return Buffer.from(part).toString('base64url');
  return Buffer.from(typeof part === 'string' ? part : canonicalText(part)).toString('base64url');
}

/** The header that a token of this key has. */
export function tokenHeader(key: TestKey): JsonObject {
  return { alg: key.alg, typ: 'aat+jwt' };
}

/** The header that a token with caveats has (spec/profile.md section 2). */
export function markedHeader(key: TestKey): JsonObject {
  return { alg: key.alg, crit: ['taper'], taper: 1, typ: 'aat+jwt' };
}

/** The header that fits a token's claims: that of a token with caveats where they have some. */
export function headerFor(payload: JsonObject, key: TestKey): JsonObject {
  return Object.hasOwn(payload, 'taper') ? markedHeader(key) : tokenHeader(key);
}

/** The header that a proof of this key has. */
export function proofHeader(key: TestKey): JsonObject {
  return { alg: key.alg, typ: 'aat-pop+jwt' };
}

/** What stands before the signature. */
export function signingInput(compact: string): string {
  return compact.slice(0, compact.lastIndexOf('.'));
}

/** base64url SHA-256 of the signing input: what `par_hash` and `aat_hash` must be. */
export function tokenHash(compact: string): string {
  return hash('sha256', signingInput(compact), 'base64url');
}

/** The three parts of a compact serialization, decoded without any check. */
export function takeApart(compact: string): {
  readonly header: string;
  readonly payload: string;
  readonly signature: Uint8Array;
} {
  const [header = '', payload = '', signature = ''] = compact.split('.');
  return {
    header: Buffer.from(header, 'base64url').toString(),
    payload: Buffer.from(payload, 'base64url').toString(),
    signature: Buffer.from(signature, 'base64url'),
  };
}
