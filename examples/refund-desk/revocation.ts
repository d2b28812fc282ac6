import { constraint as c, type VerifiedChain } from '@taper/core';
import type { ForcedCall } from './hijacked.ts';
import { euro, REASONS, SHOP, tokensOf } from './orchestrator.ts';
import type { Stage } from './stage.ts';

/** A token that is good at both servers. */
export interface OtherTask {
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
  const chain = tokensOf(
    await orchestrator.handOn(shift, refunder.key, {
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
    }),
  );
  return {
    read: { tool: 'customer_orders', args: { customer }, chain, server: orders.url },
    refund: { tool: 'refund_order', args, chain, server: payments.url },
  };
}

/** The operator revokes the refund agent's key. @returns milliseconds until both servers refuse it. */
export async function compromise({ operator, orders, payments }: Stage): Promise<number> {
  const began = performance.now();
  await Promise.all([
    operator.compromised('refund-agent', SHOP),
    orders.worker.ask('untilRevoked'),
    payments.worker.ask('untilRevoked'),
  ]);
  return performance.now() - began;
}

/** Who was taken its authority tries to use it, and to get some anew; who was not goes on. */
export async function tryRevoked(
  { record, refunder, query }: Stage,
  task: OtherTask,
): Promise<void> {
  const { read, refund } = task;
  const { tool, args } = read;
  const by = 'refund agent';
  const { amount, order } = refund.args;
  await record.try({
    tried: "read Ada's orders",
    by,
    expected: 'revoked',
    run: () => refunder.worker.ask('forceCall', read),
  });
  await record.try({
    tried: `refund ${amount} euro for order ${order}`,
    by,
    expected: 'revoked',
    run: () => refunder.worker.ask('forceCall', refund),
  });
  await record.try({
    tried: 'ask the authority for tools',
    by,
    expected: 'key_not_current',
    run: () => refunder.worker.ask('askFor', { refund_order: {} }),
  });
  await record.try({
    tried: "the query agent reads Ada's orders",
    by: 'query agent',
    expected: 'permitted',
    run: () => query.worker.ask('call', { tool, args }),
  });
}
