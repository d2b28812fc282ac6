import { constraint as c, type VerifiedChain } from '@taper/core';
import type { ApprovalDetail } from './approver.ts';
import type { Outcome } from './calls.ts';
import { euro, REASONS } from './orchestrator.ts';
import type { Order } from './orders.ts';
import type { RefundArguments } from './payment-routes.ts';
import type { Stage } from './stage.ts';

/** A refund that was made, and the chain under which it was. */
export interface PaidRefund {
  readonly chain: VerifiedChain;
  readonly refund: RefundArguments;
}

export async function refundAtOnce(
  stage: Stage,
  shift: VerifiedChain,
  order: Order,
): Promise<PaidRefund> {
  const { page, payments } = stage;
  page.heading(`4. A refund of ${order.paid} goes through at once`);
  page.paragraph(
    'The refund agent gets a token for this order and this amount, which is worth one call and ' +
      `${order.paid} euro in all. With it, it asks the payment API.`,
  );
  const due = await grant(stage, shift, order);
  await ask(stage, due.refund, 'permitted');
  await stage.keepReceipt(payments, 'permitted-refund');
  return due;
}

export async function refundWithApproval(
  stage: Stage,
  shift: VerifiedChain,
  order: Order,
): Promise<PaidRefund> {
  const { page, payments, approver, refunder, names } = stage;
  page.heading(`5. A refund of ${order.paid} waits for a person`);
  page.paragraph('Another token, for the other order. This time the payment API does not pay yet:');
  const due = await grant(stage, shift, order);
  const { approvalUrl: url = '' } = await ask(stage, due.refund, 'approval_required');
  page.paragraph(
    'Above 100.00 euro the policy of the payment API wants a signature of finance. The answer was ' +
      'HTTP 202, and where to approve. Nora runs `taper approve --url …`, and sees:',
  );
  page.line();
  const detail: ApprovalDetail = { url, names: [...names] };
  const seen = await approver.worker.ask<string>('approve', detail);
  stage.keep('approval.txt', seen);
  page.block(abridged(seen).replaceAll(/^(?=.)/gm, '    '));
  page.line();
  await refunder.worker.ask('copyApprovals', url); // for later
  page.paragraph('She signs exactly that. The agent makes the call again, with a fresh proof:');
  await ask(stage, due.refund, 'permitted');
  await stage.keepReceipt(payments, 'approved-refund');
  return due;
}

/** Gives the refund agent what it needs to pay one order back: one call, and exactly that amount. */
async function grant(
  { orchestrator, payments, refunder, give }: Stage,
  shift: VerifiedChain,
  { order, paid }: Order,
): Promise<PaidRefund> {
  const chain = await orchestrator.handOn(shift, refunder.key, {
    tools: {
      refund_order: {
        order: c.exact(order),
        amount: euro(paid, paid),
        reason: c.oneOf(...REASONS),
      },
    },
    audience: payments.url,
    lifetime: 60,
    caveats: { budget: { calls: '1', EUR: paid } },
  });
  await give(refunder, payments, chain);
  return { chain, refund: { order, amount: paid, reason: REASONS[0] } };
}

function ask(
  { record, refunder }: Stage,
  refund: RefundArguments,
  expected: string,
): Promise<Outcome> {
  return record.try({
    tried: `refund ${refund.amount} euro for order ${refund.order}`,
    by: 'refund agent',
    expected,
    run: () => refunder.worker.ask('refund', refund),
  });
}

/** What is asked for, and that the chain under which it is asked for was checked. The rest is in the file. */
function abridged(seen: string): string {
  const lines = seen.split('\n');
  const action = lines.slice(0, lines.findIndex((line) => line.trim() === '}') + 1);
  const verdict = lines.findIndex((line) => line.startsWith('VERIFIED'));
  const checked = verdict === -1 ? [] : lines.slice(verdict, verdict + 2);
  return [...action, '[…] Under this authority:', ...checked, '[…] (all of it: approval.txt)'].join(
    '\n',
  );
}
