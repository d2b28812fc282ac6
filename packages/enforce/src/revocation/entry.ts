import { TaperError } from '@taper/core';
import type { RevocationQuery, RevocationVerdict } from '../port/revocation-view.ts';

/** Something that holds no longer. What is revoked for good has no `expiresAt`. */
export type Revocation =
  /** base64url SHA-256 of a token's signing input: it, and all that was derived from it. */
  | { readonly token: string; readonly expiresAt?: number }
  /** RFC 7638 thumbprint of a holder's or an anchor's key: all chains that it is on. */
  | { readonly key: string; readonly expiresAt?: number }
  /** All chains of a tenant with a token older than this (seconds since the epoch). */
  | { readonly tenant: string; readonly issuedBefore: number };

/** Revocations that a view holds unless told otherwise: about 150 MB in memory. */
export const DEFAULT_REVOCATION_CAPACITY = 1_000_000;

/** base64url of 32 bytes. */
const HASH = /^[A-Za-z0-9_-]{43}$/;

/** A {@link Revocation} as it is kept. */
export interface RevocationEntry {
  readonly kind: 'token' | 'key' | 'tenant';
  readonly subject: string;
  /** Of a tenant: `issuedBefore`. Of the others: `expiresAt`, or infinity. */
  readonly time: number;
}

/** @throws {TaperError} `option_invalid` for what revokes nothing. */
export function readRevocation(revocation: Revocation): RevocationEntry {
  const given: Readonly<Record<string, unknown>> = { ...revocation };
  const kinds = (['token', 'key', 'tenant'] as const).filter((kind) => given[kind] !== undefined);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1)
    throw invalid('A revocation names one token, one key or one tenant.');
  const subject = given[kind];
  if (typeof subject !== 'string' || (kind === 'tenant' ? subject === '' : !HASH.test(subject)))
    throw invalid(`\`${kind}\` is not an identifier of one.`);
  const time = kind === 'tenant' ? given['issuedBefore'] : (given['expiresAt'] ?? Infinity);
  if (time !== Infinity && !Number.isSafeInteger(time))
    throw invalid('`issuedBefore` and `expiresAt` are whole seconds since the epoch.');
  return { kind, subject, time: time as number };
}

/** Revocations, ready to be looked up: about a microsecond for a chain, however many there are. */
export interface RevocationSet {
  readonly size: number;
  /** What is revoked twice holds as long, and reaches as far, as the stronger of the two. */
  add(entry: RevocationEntry): void;
  has(entry: RevocationEntry): boolean;
  remove(entry: Omit<RevocationEntry, 'time'>): void;
  entries(): Iterable<RevocationEntry>;
  /** The first entry of the query that is revoked: tokens, then keys, then the tenant. */
  find(query: RevocationQuery): Extract<RevocationVerdict, { verdict: 'revoked' }> | undefined;
}

export function createRevocationSet(): RevocationSet {
  const times = {
    token: new Map<string, number>(),
    key: new Map<string, number>(),
    tenant: new Map<string, number>(),
  };
  return {
    get size() {
      return times.token.size + times.key.size + times.tenant.size;
    },
    add({ kind, subject, time }) {
      times[kind].set(subject, Math.max(time, times[kind].get(subject) ?? time));
    },
    has: ({ kind, subject }) => times[kind].has(subject),
    remove: ({ kind, subject }) => void times[kind].delete(subject),
    *entries() {
      for (const kind of ['token', 'key', 'tenant'] as const)
        for (const [subject, time] of times[kind]) yield { kind, subject, time };
    },
    find({ tokens, keys, tenant, oldestIssuedAt }) {
      const token = firstIn(times.token, tokens);
      if (token !== -1) return { verdict: 'revoked', what: 'token', index: token };
      const key = firstIn(times.key, keys);
      if (key !== -1) return { verdict: 'revoked', what: 'key', index: key };
      const before = tenant === undefined ? undefined : times.tenant.get(tenant);
      // Whatever cannot be compared is not newer.
      if (before === undefined || oldestIssuedAt >= before) return undefined;
      return { verdict: 'revoked', what: 'tenant', index: 0 };
    },
  };
}

/** Index of the first identifier that is in a map, -1 for none. A loop, since every call comes here twice. */
function firstIn(times: ReadonlyMap<string, number>, identifiers: readonly string[]): number {
  if (times.size === 0) return -1;
  for (let index = 0; index < identifiers.length; index += 1)
    if (times.has(identifiers[index] as string)) return index;
  return -1;
}

/** Seconds for which a revocation is kept beyond its end, since clocks differ and step back. */
export const REVOCATION_RETENTION = 86_400;

/** Whether nobody can need it any more: what it revokes has expired long ago. */
export function isPast({ kind, time }: RevocationEntry, now: number): boolean {
  return kind !== 'tenant' && time + REVOCATION_RETENTION < now;
}

/** @throws {TaperError} `option_invalid`. */
export function checkRevocationOptions(capacity: number, logs: readonly string[]): void {
  if (!Number.isSafeInteger(capacity) || capacity < 1)
    throw invalid('`capacity` must be a whole number, 1 or more.');
  if (!Array.isArray(logs) || logs.some((log) => typeof log !== 'string' || log === ''))
    throw invalid('`logs` must be a list of origins.');
}

export function viewFull(): TaperError {
  return new TaperError('store_unavailable', 'There is no room for another revocation.', {
    hint: 'Nothing was revoked. Raise `capacity`, or revoke a key or a tenant in place of its tokens.',
  });
}

function invalid(message: string): TaperError {
  return new TaperError('option_invalid', message);
}
