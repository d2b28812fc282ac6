import { type Denial, denial } from '@taper/core';
import type { RevocationVerdict, RevocationView } from '../port/revocation-view.ts';
import { ask, hasVerdict } from './ask.ts';
import type { Subject } from './subject.ts';

/** Seconds by which the clock of a revocation log may run ahead of ours. */
const MAX_LOG_SKEW = 60;

export interface RevocationSettings {
  readonly view: RevocationView | undefined;
  /** Seconds; what the resource owner asks of every chain, also of those that ask nothing. */
  readonly maxStaleness: number;
  readonly portTimeout: number;
}

/** Refuses what has been revoked, and whatever cannot be known well enough not to have been. */
export async function checkRevocation(
  subject: Subject,
  now: number,
  { view, maxStaleness, portTimeout }: RevocationSettings,
): Promise<{ readonly denial: Denial; readonly joined?: number } | undefined> {
  const asked = subject.caveats.revocation;
  if (view === undefined) {
    if (asked === undefined) return undefined;
    return { denial: denial('revocation_unavailable', {}, { reason: 'not_configured' }) };
  }
  const query = subject.revocation;
  const verdict = await ask(() => view.check(query, now), isRevocationVerdict, portTimeout);
  if (verdict === undefined) return { denial: denial('revocation_unavailable') };
  switch (verdict.verdict) {
    case 'unknown_log':
      return { denial: denial('revocation_log_unknown') };
    case 'behind':
      return { denial: denial('revocation_stale', {}, { reason: 'behind' }) };
    case 'revoked': {
      const { what, index } = verdict;
      if (what === 'tenant') return { denial: denial('revoked', {}, { reason: what }) };
      if (index >= (what === 'token' ? query.tokens : query.keys).length)
        return { denial: denial('revoked', {}, { reason: what }) };
      const { joined, hop } =
        what === 'token' ? subject.placeOfToken(index) : subject.placeOfKey(index);
      return { denial: denial('revoked', { hop }, { reason: what }), joined };
    }
    case 'good': {
      const allowed = Math.min(maxStaleness, asked?.maxStaleness ?? maxStaleness);
      if (verdict.asOf > now + MAX_LOG_SKEW) return { denial: denial('revocation_unavailable') };
      return now - verdict.asOf > allowed ? { denial: denial('revocation_stale') } : undefined;
    }
  }
}

function isRevocationVerdict(value: unknown): value is RevocationVerdict {
  if (!hasVerdict(value, ['good', 'revoked', 'unknown_log', 'behind'])) return false;
  const { verdict, asOf, what, index } = value as Record<string, unknown>;
  if (verdict === 'good') return Number.isFinite(asOf);
  if (verdict === 'unknown_log' || verdict === 'behind') return true;
  return (
    (what === 'token' || what === 'key' || what === 'tenant') &&
    Number.isSafeInteger(index) &&
    (index as number) >= 0
  );
}
