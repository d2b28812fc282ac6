import { constraint as c, type VerifiedChain } from '@taper/core';
import type { ForcedCall } from './hijacked.ts';
import { euro, REASONS, tokensOf } from './orchestrator.ts';
import type { Stage } from './stage.ts';

/** A token that is good at both servers. */
export interface OtherTask {
  readonly chain: VerifiedChain;
  readonly read: ForcedCall;
  readonly refund: ForcedCall;
}

/** Gives the refund agent one more task, for which it may look something up, too. */
export async function giveOtherTask(
  { orchestrator, orders, payments, refunder }: Stage,
  shift: VerifiedChain,
  customer: string,
): Promise<OtherTask> {
  const args = { order: '5002', amount: '34.50', reason: REASONS[0] };
  const chain = await orchestrator.handOn(shift, refunder.key, {
    tools: {
      customer_orders: { customer: c.exact(customer) },
      refund_order: {
        order: c.exact(args.order),
        amount: euro(args.amount, args.amount),
        reason: c.exact(args.reason),
      },
    },
    audience: [orders.url, payments.url],
    lifetime: 300,
  });
  const tokens = tokensOf(chain);
  return {
    chain,
    read: { tool: 'customer_orders', args: { customer }, chain: tokens, server: orders.url },
    refund: { tool: 'refund_order', args, chain: tokens, server: payments.url },
  };
}

/** The orchestrator takes that task's token back. @returns milliseconds until both servers knew. */
export async function revoke(
  { orchestrator, orders, payments, revocations }: Stage,
  { chain }: OtherTask,
): Promise<number> {
  const began = performance.now();
  const { worker: _, ...address } = revocations;
  await Promise.all([
    orchestrator.revoke(chain, address),
    orders.worker.ask('untilRevoked'),
    payments.worker.ask('untilRevoked'),
  ]);
  return performance.now() - began;
}

/** Who was taken its authority tries to use it; who was not goes on. */
export async function tryRevoked(
  { record, refunder, query }: Stage,
  task: OtherTask,
): Promise<void> {
  const { read, refund } = task;
  const { tool, args } = read;
  const [tried, by, expected] = ["read Ada's orders", 'refund agent', 'revoked'];
  const { amount, order } = refund.args;
  await record.try({ tried, by, expected, run: () => refunder.worker.ask('forceCall', read) });
  await record.try({
    tried: `refund ${amount} euro for order ${order}`,
    by,
    expected,
    run: () => refunder.worker.ask('forceCall', refund),
  });
  await record.try({
    tried: "the query agent reads Ada's orders",
    by: 'query agent',
    expected: 'permitted',
    run: () => query.worker.ask('call', { tool, args }),
  });
}
