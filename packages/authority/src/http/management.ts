import type { Metrics } from './metrics.ts';
import { jsonResponse, problemResponse, serverProblem } from './problem.ts';

export interface ManagementOptions {
  readonly metrics: Metrics;
  /** What does not work, by name; empty when the node is ready. Never rejects, and ends in bounded time. */
  readonly problems: () => Promise<readonly string[]>;
  /** Entries that wait for the log. */
  readonly pendingEntries: () => Promise<number>;
}

/**
 * Serves `GET /health` (the process runs), `GET /ready` (it can do its work: 200 or 503 with what is missing) and `GET /metrics`. For a
 * listener of its own, which only the operator reaches.
 */
export function createManagementHandler(
  options: ManagementOptions,
): (request: Request) => Promise<Response> {
  const { metrics, problems, pendingEntries } = options;
  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return problemResponse(serverProblem('method_not_allowed'), { Allow: 'GET' });
    switch (new URL(request.url).pathname) {
      case '/health':
        return jsonResponse(200, { status: 'running' });
      case '/ready': {
        const found = await problems();
        const ready = found.length === 0;
        return jsonResponse(ready ? 200 : 503, {
          status: ready ? 'ready' : 'not_ready',
          problems: [...found],
        });
      }
      case '/metrics': {
        const found = await problems();
        metrics.state(found.length === 0, await pendingEntries().catch(() => -1));
        return new Response(await metrics.text(), {
          headers: { 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' },
        });
      }
      default:
        return problemResponse(serverProblem('not_found'));
    }
  };
}
