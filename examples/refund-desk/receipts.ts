import { createReceipt, renderReceiptHtml } from '@taper/core';
import { type EnforcementDecision, type EnforcementPoint, systemClock } from '@taper/enforce';

/** Names for keys, by thumbprint. */
export type Names = readonly (readonly [string, string])[];

/** An enforcement point that remembers its latest decision. */
export interface WatchedPoint {
  readonly point: EnforcementPoint;
  /** The receipt of that decision as a page, drawn from the verdict itself. */
  receipt(names: Names): string;
}

export function watched(point: EnforcementPoint): WatchedPoint {
  let latest: EnforcementDecision | undefined;
  return {
    point: {
      ...point,
      async authorize(...call) {
        latest = await point.authorize(...call);
        return latest;
      },
    },
    receipt(names) {
      const verdict = latest?.verdict === 'permit' ? latest.permits[0] : latest;
      if (verdict === undefined || verdict.verdict === 'approval_required')
        throw new Error('There is no verdict to draw.');
      const options = { names: new Map(names), now: systemClock.now() };
      return renderReceiptHtml(createReceipt(verdict, options));
    },
  };
}
