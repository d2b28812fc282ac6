import { type Denial, denial } from '@taper/core';
import type {
  RevocationQuery,
  RevocationVerdict,
  RevocationView,
} from '../port/revocation-view.ts';
import { ask, membersOf, type Patience } from './ask.ts';
import type { Subject } from './subject.ts';

/** Seconds by which the clock of a revocation log may run ahead of ours. */
const MAX_LOG_SKEW = 60;

export interface RevocationSettings {
  readonly view: RevocationView | undefined;
  /** Seconds; what the resource owner asks of every chain, also of those that ask nothing. */
  readonly maxStaleness: number;
  readonly patience: Patience;
}

/** Why a call is refused, and which of several chains is at fault. */
interface Finding {
  readonly denial: Denial;
  readonly joined?: number;
}

/** What a view is asked about the chains of a call, with the evidence that came along. */
export function queryOf(
  { revocation }: Subject,
  { evidence }: { readonly evidence?: string | undefined },
): RevocationQuery {
  return evidence === undefined ? revocation : Object.freeze({ ...revocation, evidence });
}

/** Refuses what has been revoked, and whatever cannot be known well enough not to have been; at once where the view answers at once. */
export function checkRevocation(
  subject: Subject,
  query: RevocationQuery,
  now: number,
  settings: RevocationSettings,
): Finding | undefined | Promise<Finding | undefined> {
  const { view, maxStaleness, patience } = settings;
  if (view === undefined) {
    if (subject.caveats.revocation === undefined) return undefined;
    return { denial: denial('revocation_unavailable', {}, { reason: 'not_configured' }) };
  }
  const answer = ask(() => view.check(query, now), readVerdict, patience);
  return answer instanceof Promise
    ? answer.then((verdict) => weigh(verdict, subject, now, maxStaleness))
    : weigh(answer, subject, now, maxStaleness);
}

function weigh(
  verdict: RevocationVerdict | undefined,
  subject: Subject,
  now: number,
  maxStaleness: number,
): Finding | undefined {
  if (verdict === undefined) return { denial: denial('revocation_unavailable') };
  const query = subject.revocation;
  switch (verdict.verdict) {
    case 'unknown_log':
      return { denial: denial('revocation_log_unknown') };
    case 'behind':
      return { denial: denial('revocation_stale', {}, { reason: 'behind' }) };
    case 'unproved':
      return { denial: denial('revocation_staple_invalid') };
    case 'revoked': {
      const { what, index } = verdict;
      if (what === 'tenant') return { denial: denial('revoked', {}, { reason: what }) };
      if (index >= (what === 'token' ? query.tokens : query.keys).length)
        return { denial: denial('revoked', {}, { reason: what }) };
      const { joined, hop } =
        what === 'token' ? subject.placeOfToken(index) : subject.placeOfKey(index);
      return { denial: denial('revoked', { hop }, { reason: what }), joined };
    }
    case 'rotated': {
      if (verdict.index >= query.acting.length) return { denial: denial('key_rotated') };
      const { joined, hop } = subject.placeOfActing(verdict.index);
      return { denial: denial('key_rotated', { hop }), joined };
    }
    case 'good': {
      const asked = subject.caveats.revocation?.maxStaleness ?? maxStaleness;
      const allowed = Math.min(maxStaleness, asked);
      if (verdict.asOf > now + MAX_LOG_SKEW) return { denial: denial('revocation_unavailable') };
      return now - verdict.asOf > allowed ? { denial: denial('revocation_stale') } : undefined;
    }
  }
}

/** Why a key that no chain has been shown for may not act: it was revoked or replaced, or nobody knows well enough that it was not. */
export async function refusalOfKey(
  key: string,
  now: number,
  { view, maxStaleness, patience }: RevocationSettings & { readonly view: RevocationView },
): Promise<Denial | undefined> {
  const query: RevocationQuery = Object.freeze({
    tokens: [],
    keys: [key],
    acting: [{ key, at: undefined }],
    chains: [{ tokens: [], keys: [key] }],
    tenant: undefined,
    oldestIssuedAt: now,
    logs: [],
    epochs: new Map(),
    evidence: undefined,
  });
  const verdict = await ask(() => view.check(query, now), readVerdict, patience);
  if (verdict?.verdict === 'revoked') return denial('revoked', {}, { reason: verdict.what });
  if (verdict?.verdict === 'rotated') return denial('key_rotated');
  if (verdict?.verdict !== 'good' || !(verdict.asOf <= now + MAX_LOG_SKEW))
    return denial('revocation_unavailable');
  return now - verdict.asOf <= maxStaleness ? undefined : denial('revocation_stale');
}

function readVerdict(value: unknown): RevocationVerdict | undefined {
  const { verdict, asOf, what, index } = membersOf(value);
  switch (verdict) {
    case 'unknown_log':
    case 'behind':
    case 'unproved':
      return { verdict };
    case 'good':
      return Number.isFinite(asOf) ? { verdict, asOf: asOf as number } : undefined;
    case 'revoked': {
      const isIndex = Number.isSafeInteger(index) && (index as number) >= 0;
      const isKind = what === 'token' || what === 'key' || what === 'tenant';
      return isIndex && isKind ? { verdict, what, index: index as number } : undefined;
    }
    case 'rotated':
      return Number.isSafeInteger(index) && (index as number) >= 0
        ? { verdict, index: index as number }
        : undefined;
    default:
      return undefined;
  }
}
