import type { TrustAnchor } from '../chain.ts';
import type { EvidenceAnchor } from '../evidence/trust.ts';
import { type LogTrust, requireLogTrust } from '../log-proof/trust.ts';
import type { AnchorEntry } from './document.ts';
import type { VerifiedAnchors } from './verify.ts';

/**
 * The anchors that count at a time: announced and current ones, and retired ones until their tokens have ended. A verifier that lives
 * on is made anew when {@link anchorsChangeAt} has come.
 *
 * @param now seconds since the epoch; `ever` for those that counted at any time, to look at the past.
 */
export function trustAnchorsAt(
  { issuer, anchors }: VerifiedAnchors,
  now: number | 'ever',
): readonly TrustAnchor[] {
  return anchors
    .filter((entry) => entry.notBefore < endOf(entry))
    .filter((entry) => now === 'ever' || (entry.notBefore <= now && now < endOf(entry)))
    .map(({ key, hybrid }) => ({ issuer, key, ...(hybrid === undefined ? {} : { hybrid }) }));
}

/** When {@link trustAnchorsAt} next gives something else, seconds since the epoch; `undefined` when it never will. */
export function anchorsChangeAt({ anchors }: VerifiedAnchors, now: number): number | undefined {
  const times = anchors.flatMap((entry) => [entry.notBefore, endOf(entry)]);
  const next = Math.min(...times.filter((time) => time > now));
  return Number.isFinite(next) ? next : undefined;
}

/** Every root key that there ever was, with its time: what events of the past are judged by. */
export function evidenceAnchorsOf({ issuer, anchors }: VerifiedAnchors): readonly EvidenceAnchor[] {
  return anchors
    .filter((entry) => endOf(entry) > entry.notBefore)
    .map((entry) => ({
      issuer,
      key: entry.key,
      ...(entry.hybrid === undefined ? {} : { hybrid: entry.hybrid }),
      notBefore: entry.notBefore,
      // Evidence counts the last second in.
      notAfter: entry.notAfter === undefined ? Number.MAX_SAFE_INTEGER : entry.notAfter - 1,
    }));
}

/** Whose word is taken for the authority's log. */
export function logTrustOf({ log, witnesses, quorum }: VerifiedAnchors): LogTrust {
  return requireLogTrust({ origin: log.origin, keys: [log.key], witnesses, quorum });
}

function endOf({ notAfter }: AnchorEntry): number {
  return notAfter ?? Number.POSITIVE_INFINITY;
}
