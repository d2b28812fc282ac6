import {
  canonicalize,
  isPublicKey,
  type PublicKey,
  parseJson,
  platform,
  precheckSignature,
  TaperError,
} from '@taper/core';
import { type AuditHead, isEmitter } from './event.ts';

/**
 * What begins every text that an emitter signs. No other signed text in Taper can begin so: signing inputs of tokens, proofs
 * and approvals are base64url and one full stop.
 */
const DOMAIN = 'taper-audit-event-v1:';

/** The bytes that are signed for an event and its head (`spec/audit.md` section 4). */
export function headSigningInput(head: Omit<AuditHead, 'signature'>): Uint8Array {
  const { emitter, hash, sequence, time } = head;
  // Canonical: members in order, and what is not well-formed is no emitter.
  return Buffer.from(`${DOMAIN}${JSON.stringify({ emitter, hash, sequence, time })}`);
}

/** Whether the emitter's key signed the head. Synchronous; never throws. */
export function verifyHead(head: AuditHead, key: PublicKey): boolean {
  const signature = platform.decodeBase64url(head.signature);
  if (signature === undefined || precheckSignature(key.alg, signature) !== undefined) return false;
  return platform.verify?.(key, headSigningInput(head), signature) === true;
}

/** The head as text: canonical JSON, to be kept where whoever can change the log cannot. */
export function writeHead({ emitter, hash, sequence, signature, time }: AuditHead): string {
  return canonicalize({ emitter, hash, sequence, signature, time });
}

/** Reads a head; `undefined` for any text that is none. Its signature is not checked yet. */
export function readHead(text: string): AuditHead | undefined {
  const parsed = parseJson(text);
  if (!parsed.ok || parsed.numbers !== undefined) return undefined;
  return isHead(parsed.value) ? parsed.value : undefined;
}

/** Whether a value has the shape of a head, and no member besides. */
export function isHead(value: unknown): value is AuditHead {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 5) return false;
  const { emitter, hash, sequence, signature, time } = value as Record<string, unknown>;
  return (
    isEmitter(emitter) &&
    isHash(hash) &&
    isSequence(sequence) &&
    isSignature(signature) &&
    isTime(time)
  );
}

/** @throws {TaperError} `option_invalid` for what is no checked key: a look-alike would verify nothing, or anything. */
export function requireKey(key: unknown): asserts key is PublicKey {
  if (isPublicKey(key)) return;
  throw new TaperError('option_invalid', 'An audit log needs a key that has been checked.', {
    hint: 'Make it with importPublicKey.',
  });
}

/** 43 characters of base64url: a SHA-256. */
export function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{43}$/.test(value);
}

export function isSequence(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

/** 86 characters of base64url: 64 bytes. */
export function isSignature(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{86}$/.test(value);
}

export function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
