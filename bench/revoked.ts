import { inOwnProcess } from './child.ts';
import type { Target } from './figure.ts';
import type { Effort } from './measure.ts';
import type { CheckFigure, CheckTask } from './revoked-check.ts';
import type { Mix } from './revoked-scene.ts';
import type { StapleFigure, StapleTask } from './revoked-staple.ts';

export interface RevokedEffort {
  readonly mixes: readonly Mix[];
  /** Members of the revoked set. */
  readonly revoked: number;
  /** Of each of which a staple is made. */
  readonly chains: number;
  readonly effort: Effort;
}

export interface RevokedFigures {
  readonly checks: readonly CheckFigure[];
  readonly staples: readonly StapleFigure[];
}

/** Asking a view, and making and checking staples, with so many revoked; each in a process of its own. */
export async function measureRevoked({
  mixes,
  revoked,
  chains,
  effort,
}: RevokedEffort): Promise<RevokedFigures & { readonly targets: readonly Target[] }> {
  const checks: CheckFigure[] = [];
  const staples: StapleFigure[] = [];
  for (const mix of mixes) {
    const check: CheckTask = { mix, revoked, effort };
    checks.push((await inOwnProcess('revoked-check.ts', check)) as CheckFigure);
    const staple: StapleTask = { mix, revoked, chains, effort };
    staples.push((await inOwnProcess('revoked-staple.ts', staple)) as StapleFigure);
  }
  const worst = (values: readonly number[]): number => Math.max(...values);
  return {
    checks,
    staples,
    targets: [
      {
        name: 'revocation check, 8 hops',
        limit: 1,
        value: worst(checks.map(({ microseconds }) => microseconds.steady)),
        unit: 'µs',
      },
      {
        name: 'memory of a view',
        limit: 64,
        value: worst(checks.map(({ megabytes }) => megabytes.view)),
        unit: 'MB',
      },
      {
        name: 'staple, 3 hops, largest',
        limit: 4096,
        value: worst(staples.map(({ bytes }) => bytes.most)),
        unit: 'bytes',
      },
      {
        name: 'staple check, to a bare signature check',
        limit: 5,
        value: worst(staples.map((figure) => figure.ratio)),
        unit: 'x',
      },
    ],
  };
}
