import { platform } from '#crypto';
import type { SignatureCheck } from '../jws.ts';
import { driveAsync, driveSync } from '../signature-driver.ts';
import type { AnchorEntry, UnsafeAnchors } from './document.ts';

/** A document whose signatures have been verified, and that follows from a key or a document that was trusted. Only this module makes one. */
export interface VerifiedAnchors extends UnsafeAnchors {
  /** That it was verified: what nobody else can put on an object is found out with {@link isVerifiedAnchors}. */
  readonly verified: true;
}

/**
 * Why a document is not believed: the closed list.
 *
 * - `signature_missing`, `signature_invalid`: not all of its own current keys have signed it, or a signature is wrong.
 * - `pin_mismatch`: the key that was trusted is none of its current ones.
 * - `issuer_mismatch`: it is of another issuer.
 * - `unauthorized`: no current root key of the document before has signed it.
 * - `rolled_back`: it is older than the one that is pinned. `gap`: one in between is missing.
 * - `forked`: another document has the same number.
 * - `history_changed`: a key of the document before is missing, or counts for longer, or otherwise, or came back.
 * - `future`: it was issued more than a minute from now. `expired`: there must be a newer one, which is being kept back.
 */
export type AnchorsProblem =
  | 'signature_missing'
  | 'signature_invalid'
  | 'pin_mismatch'
  | 'issuer_mismatch'
  | 'unauthorized'
  | 'rolled_back'
  | 'gap'
  | 'forked'
  | 'history_changed'
  | 'future'
  | 'expired';

export type AnchorsVerdict =
  | { readonly ok: true; readonly anchors: VerifiedAnchors }
  | { readonly ok: false; readonly problem: AnchorsProblem; readonly sequence: number };

/** Seconds that the issuer's clock may be ahead. */
const SKEW = 60;

/** What begins every text that a root key signs for a document; no other text that Taper signs begins so. */
const DOMAIN = 'taper-anchors-v1:';

const UTF8 = new TextEncoder();
const verified = new WeakSet<object>();

/** The bytes that are signed (spec/anchors.md section 3). */
export function anchorsSigningInput(canonical: string): Uint8Array {
  return UTF8.encode(DOMAIN + canonical);
}

/** Whether this module made the value. */
export function isVerifiedAnchors(value: unknown): value is VerifiedAnchors {
  return typeof value === 'object' && value !== null && verified.has(value);
}

/**
 * Verifies a document that somebody vouches for: by the thumbprint of one of its current root keys, brought on a way that is trusted;
 * or, without `pin`, by having put it where configuration is read from. It must be signed by all of its current keys.
 */
export function pinAnchors(document: UnsafeAnchors, pin?: string): AnchorsVerdict {
  return driveSync(pinning(document, pin));
}

/** As {@link pinAnchors}, on every platform. */
export function pinAnchorsAsync(document: UnsafeAnchors, pin?: string): Promise<AnchorsVerdict> {
  return driveAsync(pinning(document, pin));
}

/**
 * Goes from a pinned document to the newest of those that were fetched. Each step is the next number, and is signed by a key that
 * was current before and by every key that is current after; nothing that was said of a key is taken back.
 *
 * @param fetched in order, from the pinned number or earlier up to the newest.
 * @param now seconds since the epoch.
 * @returns the newest, also when that is the pinned one.
 */
export function advanceAnchors(
  pinned: VerifiedAnchors,
  fetched: readonly UnsafeAnchors[],
  now: number,
): AnchorsVerdict {
  return driveSync(advancing(pinned, fetched, now));
}

/** As {@link advanceAnchors}, on every platform. */
export function advanceAnchorsAsync(
  pinned: VerifiedAnchors,
  fetched: readonly UnsafeAnchors[],
  now: number,
): Promise<AnchorsVerdict> {
  return driveAsync(advancing(pinned, fetched, now));
}

type Steps<Result> = Generator<SignatureCheck, Result, boolean>;

function* pinning(document: UnsafeAnchors, pin: string | undefined): Steps<AnchorsVerdict> {
  const { sequence } = document;
  if (pin !== undefined && !currentKeys(document).some(({ thumbprint }) => thumbprint === pin))
    return { ok: false, problem: 'pin_mismatch', sequence };
  const problem = yield* signatureProblem(document);
  return problem === undefined ? believe(document) : { ok: false, problem, sequence };
}

function* advancing(
  pinned: VerifiedAnchors,
  fetched: readonly UnsafeAnchors[],
  now: number,
): Steps<AnchorsVerdict> {
  if (!isVerifiedAnchors(pinned)) throw new TypeError('The pinned document was not verified.');
  let newest = pinned;
  const last = fetched.at(-1);
  if (last === undefined || last.sequence < pinned.sequence)
    return { ok: false, problem: 'rolled_back', sequence: last?.sequence ?? 0 };
  for (const document of fetched) {
    const { sequence } = document;
    if (sequence < newest.sequence) continue;
    const problem = yield* stepProblem(newest, document);
    if (problem !== undefined) return { ok: false, problem, sequence };
    if (sequence > newest.sequence) {
      const verdict = believe(document);
      if (!verdict.ok) return verdict;
      newest = verdict.anchors;
    }
  }
  const { sequence } = newest;
  if (newest.issuedAt > now + SKEW) return { ok: false, problem: 'future', sequence };
  if (now >= newest.expiresAt) return { ok: false, problem: 'expired', sequence };
  return { ok: true, anchors: newest };
}

function* stepProblem(
  before: UnsafeAnchors,
  after: UnsafeAnchors,
): Steps<AnchorsProblem | undefined> {
  if (after.issuer !== before.issuer) return 'issuer_mismatch';
  if (after.sequence === before.sequence)
    return after.canonical === before.canonical ? undefined : 'forked';
  if (after.sequence !== before.sequence + 1) return 'gap';
  const signed = new Set(after.signatures.map(({ key }) => key));
  const authorizing = currentKeys(before).find(({ thumbprint }) => signed.has(thumbprint));
  if (authorizing === undefined) return 'unauthorized';
  const problem = yield* signatureProblem(after, before);
  if (problem !== undefined) return problem;
  return keepsHistory(before, after) ? undefined : 'history_changed';
}

/**
 * All current keys have signed, and every signature of a key that is known, from this document or the one before, verifies.
 * Signatures of others say nothing.
 */
function* signatureProblem(
  document: UnsafeAnchors,
  before?: UnsafeAnchors,
): Steps<AnchorsProblem | undefined> {
  const known = new Map(
    [...(before?.anchors ?? []), ...document.anchors].map(({ key }) => [key.thumbprint, key]),
  );
  const input = anchorsSigningInput(document.canonical);
  const signed = new Set<string>();
  for (const { key: thumbprint, signature } of document.signatures) {
    const key = known.get(thumbprint);
    if (key === undefined) continue;
    const bytes = platform.decodeBase64url(signature);
    if (bytes === undefined || !(yield { key, input, signature: bytes }))
      return 'signature_invalid';
    signed.add(thumbprint);
  }
  const complete = currentKeys(document).every(({ thumbprint }) => signed.has(thumbprint));
  return complete ? undefined : 'signature_missing';
}

/** Nothing that was said of a key is forgotten, widened, or taken back. */
function keepsHistory(before: UnsafeAnchors, after: UnsafeAnchors): boolean {
  const entries = new Map(after.anchors.map((entry) => [entry.key.thumbprint, entry]));
  return (
    after.issuedAt >= before.issuedAt &&
    before.anchors.every((old) => {
      const entry = entries.get(old.key.thumbprint);
      return entry !== undefined && goesOn(old, entry);
    })
  );
}

const ORDER = { next: 0, current: 1, retired: 2 } as const;

function goesOn(old: AnchorEntry, entry: AnchorEntry): boolean {
  const end = entry.notAfter ?? Number.POSITIVE_INFINITY;
  return (
    ORDER[entry.state] >= ORDER[old.state] &&
    entry.notBefore === old.notBefore &&
    end <= (old.notAfter ?? Number.POSITIVE_INFINITY) &&
    entry.hybrid?.alg === old.hybrid?.alg &&
    entry.hybrid?.key === old.hybrid?.key
  );
}

function currentKeys({ anchors }: UnsafeAnchors): AnchorEntry['key'][] {
  return anchors.filter(({ state }) => state === 'current').map(({ key }) => key);
}

function believe(document: UnsafeAnchors): AnchorsVerdict {
  const anchors: VerifiedAnchors = Object.freeze({ ...document, verified: true });
  verified.add(anchors);
  return { ok: true, anchors };
}
