import { platform } from '#crypto';
import { canonicalize } from '../jcs.ts';
import { parseJson } from '../json.ts';
import type { PublicKey } from '../key.ts';
import { precheckSignature } from '../signature.ts';
import { type AuditHead, isEmitter } from './event.ts';

/**
 * What begins every text that an emitter signs. No other signed text in Taper can begin so: signing inputs of tokens, proofs
 * and approvals are base64url and one full stop.
 */
const DOMAIN = 'taper-audit-event-v1:';

const UTF8 = new TextEncoder();

/** The bytes that are signed for an event and its head (`spec/audit.md` section 4). */
export function headSigningInput(head: Omit<AuditHead, 'signature'>): Uint8Array {
  const { emitter, hash, sequence, time } = head;
  // Canonical: members in order, and what is not well-formed is no emitter.
  return UTF8.encode(`${DOMAIN}${JSON.stringify({ emitter, hash, sequence, time })}`);
}

/** Whether the emitter's key signed the head. Never throws; false where the platform checks signatures asynchronously alone. */
export function verifyHead(head: AuditHead, key: PublicKey): boolean {
  const signature = signatureOf(head, key);
  return (
    signature !== undefined && platform.verify?.(key, headSigningInput(head), signature) === true
  );
}

/** As {@link verifyHead}, on every platform. */
export async function verifyHeadAsync(head: AuditHead, key: PublicKey): Promise<boolean> {
  const signature = signatureOf(head, key);
  if (signature === undefined) return false;
  return (await platform.verifyAsync(key, headSigningInput(head), signature)) === true;
}

function signatureOf(head: AuditHead, key: PublicKey): Uint8Array | undefined {
  const signature = platform.decodeBase64url(head.signature);
  if (signature === undefined || precheckSignature(key.alg, signature) !== undefined)
    return undefined;
  return signature;
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
