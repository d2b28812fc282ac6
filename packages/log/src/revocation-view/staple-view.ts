import {
  type LogTrust,
  requireKnownOptions,
  type StapleVerdict,
  TaperError,
  verifyStaple,
} from '@taper/core';
import { createRevokedTable, type Found } from './revoked-table.ts';
import type { LogView, ViewQuery, ViewVerdict } from './view.ts';

export interface StapleViewOptions {
  /** Which log staples are of, by whose keys its checkpoints count, and how many witnesses must have cosigned them. */
  readonly trust: LogTrust;
  /** A view of the same log that is followed, where there is a network at times. A staple never counts for more than what it knows. */
  readonly online?: LogView;
  /** Verified staples that are remembered, since the same one comes with many calls. Default 1,024. */
  readonly remembered?: number;
}

/** Most of what staples have shown to be revoked that is kept: whoever brings such a staple is refused anyway. */
const MAX_KEPT = 100_000;

/** What no staple can change. */
const DECIDED: ReadonlySet<ViewVerdict['verdict']> = new Set(['revoked', 'rotated', 'unknown_log']);

const OPTIONS: readonly (keyof StapleViewOptions)[] = ['trust', 'online', 'remembered'];

/** What was found out about one staple and the chains that came with it. */
interface Known {
  readonly chains: ViewQuery['chains'];
  readonly tenant: string | undefined;
  readonly oldestIssuedAt: number;
  readonly verdict: StapleVerdict;
}

/**
 * A view for an enforcement point without a network: it learns from the staple that comes with each call that nothing of its
 * chains was revoked as of an epoch (spec/revocation.md section 10). How old that may be is the enforcement point's to judge. Without a
 * staple that verifies for these very chains, the answer is `unproved`.
 *
 * What a staple has shown to be revoked stays so here, until the process ends, whatever older staple is brought along later.
 *
 * With `online`, what that view knows goes first: what it has seen revoked is, and where it is as fresh as the staple, or has found
 * the log to break its rules, the staple says nothing but that something is revoked.
 *
 * @throws {TaperError} `option_invalid`.
 */
export function createStapleView(options: StapleViewOptions): LogView {
  requireKnownOptions(options, OPTIONS);
  const { trust, online, remembered = 1_024 } = options;
  if (!Number.isSafeInteger(remembered) || remembered < 1)
    throw invalid('`remembered` must be a whole number, 1 or more.');
  if (online !== undefined && online.log !== trust.origin)
    throw invalid('`online` must follow the log that staples are of.');
  // Refuses a trust that is none now, and not with the first call.
  verifyStaple('', { chains: [], oldestIssuedAt: 0 }, trust);
  const log = trust.origin;
  const shown = createRevokedTable();
  const known = new Map<string, Known>();

  function verify(evidence: string, query: ViewQuery, now: number): StapleVerdict {
    const { chains, tenant, oldestIssuedAt } = query;
    const found = known.get(evidence);
    if (
      found?.chains === chains &&
      found.tenant === tenant &&
      found.oldestIssuedAt === oldestIssuedAt
    )
      return found.verdict;
    const verdict = verifyStaple(evidence, { chains, tenant, oldestIssuedAt }, trust, { now });
    if (verdict.ok) {
      known.delete(evidence);
      known.set(evidence, { chains, tenant, oldestIssuedAt, verdict });
      for (const oldest of known.keys()) {
        if (known.size <= remembered) break;
        known.delete(oldest);
      }
    }
    return verdict;
  }

  function keep({ tokens, keys, tenant, oldestIssuedAt }: ViewQuery, { what, index }: Found): void {
    if (shown.size >= MAX_KEPT) return;
    if (what === 'token')
      shown.add({ kind: 'token', token: tokens[index] as string, expiresAt: Infinity });
    else if (what === 'key') shown.add({ kind: 'key', key: keys[index] as string });
    else if (tenant !== undefined)
      shown.add({ kind: 'tenant', tenant, issuedBefore: oldestIssuedAt + 1 });
  }

  /** What the staple says; `undefined` where it says nothing. */
  function read(query: ViewQuery, now: number): ViewVerdict | undefined {
    const { evidence } = query;
    if (evidence === undefined || query.logs.some((each) => each !== log)) return undefined;
    const verdict = verify(evidence, query, now);
    if (!verdict.ok) return undefined;
    const { revoked, epoch, asOf } = verdict;
    if (revoked !== undefined) {
      const found: Found = { verdict: 'revoked', what: revoked.what, index: revoked.index };
      keep(query, found);
      return found;
    }
    return (query.epochs.get(log) ?? 0) <= epoch
      ? { verdict: 'good', asOf }
      : { verdict: 'behind' };
  }

  return Object.freeze<LogView>({
    log,
    check(query, now) {
      const found = shown.find(query);
      if (found !== undefined) return found;
      const seen = online?.check(query, now);
      if (seen !== undefined && DECIDED.has(seen.verdict)) return seen;
      if (query.logs.some((each) => each !== log)) return { verdict: 'unknown_log' };
      const stapled = read(query, now);
      if (stapled === undefined) return seen ?? { verdict: 'unproved' };
      // What a staple says is the log's word, and that has ended.
      if (stapled.verdict === 'good' && online?.status?.().faulty === true)
        return seen ?? { verdict: 'unproved' };
      if (stapled.verdict !== 'good')
        return stapled.verdict === 'revoked' ? stapled : (seen ?? stapled);
      return seen?.verdict === 'good' && seen.asOf >= stapled.asOf ? seen : stapled;
    },
    ...(online?.onRevoked === undefined ? {} : { onRevoked: online.onRevoked }),
  });
}

function invalid(message: string): TaperError {
  return new TaperError('option_invalid', message);
}
