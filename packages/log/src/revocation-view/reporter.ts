import type { FollowerProblem } from './problem.ts';

/** Milliseconds in which a problem of one kind is told once. */
const INTERVAL = 60_000;

/** Tells an operator what is wrong, without flooding anybody. Never throws. */
export function createReporter(
  log: string,
  report: (problem: FollowerProblem) => void = warn,
): (problem: Omit<FollowerProblem, 'log'>) => void {
  const told = new Map<string, number>();
  return (problem) => {
    const before = told.get(problem.code);
    const now = performance.now();
    if (before !== undefined && now - before < INTERVAL) return;
    told.set(problem.code, now);
    try {
      report({ ...problem, log });
    } catch {
      // Whoever is told must not throw; the view goes on.
    }
  };
}

function warn({ code, log, index, cause }: FollowerProblem): void {
  const place = index === undefined ? '' : `, entry ${index}`;
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  process.emitWarning(`The revocation log ${log}${place}: ${code}${why}`, {
    code: 'TAPER_REVOCATION_LOG',
  });
}
