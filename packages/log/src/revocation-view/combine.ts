import { TaperError } from '@taper/core';
import type { LogView, View, ViewQuery, ViewVerdict } from './view.ts';

/**
 * One view of several logs. Whatever one of them has revoked is revoked. A chain that names logs is as fresh as the oldest view of
 * those; one that names none, as the oldest of all.
 *
 * @throws {TaperError} `option_invalid` for no view, or two of one log.
 */
export function combineRevocationViews(views: readonly LogView[]): View {
  const byLog = new Map(views.map((view) => [view.log, view]));
  if (byLog.size === 0 || byLog.size < views.length)
    throw new TaperError('option_invalid', 'Views are combined of one log or more, each once.');
  const all = [...byLog.values()];
  const own = new Map(all.map(({ log }) => [log, Object.freeze([log])]));

  function check(query: ViewQuery, now: number): ViewVerdict {
    const isNamed = query.logs.length > 0;
    let worst: ViewVerdict = { verdict: 'good', asOf: Infinity };
    for (const view of all) {
      // Each is asked for its own log; what the others say of the rest is found by asking them.
      const logs = query.logs.includes(view.log) ? (own.get(view.log) as readonly string[]) : [];
      const verdict = view.check(isNamed ? { ...query, logs } : query, now);
      if (verdict.verdict === 'revoked' || verdict.verdict === 'rotated') return verdict;
      if (isNamed && logs.length === 0) continue;
      worst = worse(worst, verdict);
    }
    return query.logs.every((log) => byLog.has(log)) ? worst : { verdict: 'unknown_log' };
  }

  return Object.freeze<View>({
    check,
    onRevoked(listener) {
      const ends = all.map((view) => view.onRevoked?.(listener));
      return () => {
        for (const end of ends) end?.();
      };
    },
  });
}

function worse(one: ViewVerdict, other: ViewVerdict): ViewVerdict {
  if (one.verdict !== 'good') return one;
  if (other.verdict !== 'good') return other;
  return other.asOf < one.asOf ? other : one;
}
