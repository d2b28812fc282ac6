import { body, path, route } from '@taper/http';
import { ARGS, TOOL } from './scene.ts';

/** The typical call as a route. */
export const refund = route({
  method: 'POST',
  path: '/orders/:order_id/refunds',
  tool: TOOL,
  args: {
    order_id: path(),
    amount: body({ as: 'number' }),
    currency: body({ as: 'string' }),
  },
});

/** The request for the typical call, without its presentation. */
export const TARGET: string = `/orders/${ARGS['order_id']}/refunds`;
export const BODY: string = JSON.stringify({ amount: ARGS['amount'], currency: ARGS['currency'] });

/** What the server process sends when it is ready: where each server listens. */
export interface Ready {
  readonly ports: {
    readonly [framework: string]: { readonly unguarded: number; readonly guarded: number };
  };
}

/** What the client process is asked to do. Every kind is answered once. */
export type Task =
  /** Make so many presentations, in place of those that were left. Answered with 0. */
  | { readonly kind: 'prepare'; readonly count: number }
  /** Send at this rate, whatever becomes of the answers. Answered with {@link Latencies}. */
  | {
      readonly kind: 'steady';
      readonly port: number;
      readonly rate: number;
      readonly count: number;
    }
  /** Send so many as fast as answers come in, over several connections. Answered with requests per second. */
  | { readonly kind: 'saturate'; readonly port: number; readonly count: number };

/** Milliseconds from the moment at which a request was due to the end of its answer. */
export interface Latencies {
  readonly p50: number;
  readonly p99: number;
}
