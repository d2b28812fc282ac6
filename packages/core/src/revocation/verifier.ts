import { platform } from '#crypto';
import type { TrustAnchor } from '../chain.ts';
import { TaperError } from '../error.ts';
import type { SignatureCheck } from '../jws.ts';
import { isPublicKey, type PublicKey } from '../key.ts';
import type { Limits } from '../limits.ts';
import { requireKnownOptions } from '../option-names.ts';
import { driveAsync, driveSync } from '../signature-driver.ts';
import { prepareVerifier } from '../verifier-options.ts';
import {
  entryVerification,
  type UnverifiedRevocationEntry,
  type VerifiedRevocationEntry,
} from './entry.ts';
import {
  type RevocationPolicy,
  type RevocationRequestProblem,
  type RevocationRequestVerdict,
  requestVerification,
  type VerifiedRevocationRequest,
} from './request.ts';
import { isSameTarget } from './target.ts';

export interface RevocationVerifierOptions {
  /** Origin of the log, compared as an exact string. */
  readonly log: string;
  /** Keys of the authority: 1 to 16. None of them may be an anchor's. */
  readonly authority: readonly PublicKey[];
  /** Root issuers whose chains prove a right to revoke: 1 to 100. */
  readonly anchors: readonly TrustAnchor[];
  /** As of a verifier of chains. */
  readonly limits?: Partial<Limits>;
  readonly cacheCharacters?: number;
}

export type RevocationAuditVerdict =
  | {
      readonly ok: true;
      readonly entry: VerifiedRevocationEntry;
      readonly request: VerifiedRevocationRequest;
    }
  | {
      readonly ok: false;
      readonly problem:
        | 'entry_log_mismatch'
        | 'entry_signature_invalid'
        | 'entry_request_refused'
        | 'entry_request_mismatch';
      /** Of `entry_request_refused`. */
      readonly refusal?: RevocationRequestProblem;
    };

/** Judges requests and entries of one log by one set of keys. */
export interface RevocationVerifier {
  /** Whether a request proves its right, at `now` in seconds since the epoch (spec/revocation.md section 4). */
  verifyRequest(compact: string, now: number): RevocationRequestVerdict;
  /** Everything about one entry: the authority's signature, its request as of the entry's time, and that the two agree. */
  auditEntry(entry: UnverifiedRevocationEntry): RevocationAuditVerdict;
}

/** As {@link RevocationVerifier}, where signatures are checked asynchronously (browsers). */
export interface AsyncRevocationVerifier {
  verifyRequest(compact: string, now: number): Promise<RevocationRequestVerdict>;
  auditEntry(entry: UnverifiedRevocationEntry): Promise<RevocationAuditVerdict>;
}

/**
 * Makes a verifier of requests and entries with the platform's synchronous signatures.
 * @throws {TaperError} `option_invalid`; `crypto_asynchronous` in a browser.
 */
export function createRevocationVerifier(options: RevocationVerifierOptions): RevocationVerifier {
  const policy = preparePolicy(options);
  if (platform.verify === undefined)
    throw new TaperError('crypto_asynchronous', 'This platform checks signatures asynchronously.', {
      hint: 'Use createAsyncRevocationVerifier.',
    });
  return Object.freeze({
    verifyRequest: (compact: string, now: number) =>
      driveSync(requestVerification(compact, now, policy)),
    auditEntry: (entry: UnverifiedRevocationEntry) => driveSync(auditOf(entry, policy)),
  });
}

/** As {@link createRevocationVerifier}; works everywhere. @throws {TaperError} `option_invalid`. */
export function createAsyncRevocationVerifier(
  options: RevocationVerifierOptions,
): AsyncRevocationVerifier {
  const policy = preparePolicy(options);
  return Object.freeze({
    verifyRequest: (compact: string, now: number) =>
      driveAsync(requestVerification(compact, now, policy)),
    auditEntry: (entry: UnverifiedRevocationEntry) => driveAsync(auditOf(entry, policy)),
  });
}

function* auditOf(
  unverified: UnverifiedRevocationEntry,
  policy: RevocationPolicy,
): Generator<SignatureCheck, RevocationAuditVerdict, boolean> {
  const signed = yield* entryVerification(unverified, policy);
  if (!signed.ok) return signed;
  const { entry } = signed;
  const asked = yield* requestVerification(entry.request, entry.time, policy);
  if (!asked.ok) return { ok: false, problem: 'entry_request_refused', refusal: asked.problem };
  const { request } = asked;
  const agree =
    isSameTarget(entry.target, request.target) &&
    entry.reason === request.reason &&
    entry.by.key === request.requester &&
    entry.by.role === request.role &&
    entry.expiresAt === request.expiresAt;
  return agree ? { ok: true, entry, request } : { ok: false, problem: 'entry_request_mismatch' };
}

const OPTIONS: readonly (keyof RevocationVerifierOptions)[] = [
  'log',
  'authority',
  'anchors',
  'limits',
  'cacheCharacters',
];

function preparePolicy(options: RevocationVerifierOptions): RevocationPolicy {
  requireKnownOptions(options, OPTIONS);
  const { log, authority, anchors, limits, cacheCharacters } = options;
  if (typeof log !== 'string' || log === '' || log.length > 256)
    throw new TaperError('option_invalid', '`log` must be the origin of a log.');
  if (!Array.isArray(authority) || authority.length === 0 || authority.length > 16)
    throw new TaperError('option_invalid', '`authority` must hold 1 to 16 keys.');
  if (!authority.every(isPublicKey))
    throw new TaperError(
      'option_invalid',
      'A key of the authority was not made by importPublicKey.',
    );
  const { policy, cache } = prepareVerifier({
    anchors,
    // Caveats are understood, so that a chain that has some is a chain; what they ask is for where it is used.
    profile: {},
    ...(limits === undefined ? {} : { limits }),
    ...(cacheCharacters === undefined ? {} : { cacheCharacters }),
  });
  const thumbprints = new Set(authority.map(({ thumbprint }) => thumbprint));
  if (policy.anchors.some(({ key }) => thumbprints.has(key.thumbprint)))
    throw new TaperError('option_invalid', 'A key of the authority is also an anchor.', {
      hint: 'Whoever issues roots and whoever revokes anything at all need keys of their own.',
    });
  return Object.freeze({ log, authority: Object.freeze([...authority]), chain: policy, cache });
}
