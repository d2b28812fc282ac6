import { constraint as c, type VerifiedChain } from '@taper/core';
import { attackAsQueryAgent, attackAsRefundAgent, attackAsThief, changeTool } from './attacks.ts';
import type { SignedCall } from './calls.ts';
import { conclude, type Summary } from './conclude.ts';
import { createOrchestrator, NEIGHBOUR } from './orchestrator.ts';
import { createOrders, type Order } from './orders.ts';
import { refundAtOnce, refundWithApproval } from './refunds.ts';
import { giveOtherTask, revoke, tryRevoked } from './revocation.ts';
import { type Stage, type StageOptions, setStage } from './stage.ts';
import type { Page } from './terminal.ts';

const ADA = 'C-1001';

export async function tellStory(options: StageOptions & { database: string }): Promise<Summary> {
  const { page, database } = options;
  introduce(page);
  createOrders(database);
  const orchestrator = createOrchestrator();
  const stage = await setStage(options, orchestrator, database);
  const { orders, payments, query, revocations } = stage;
  presentCast(stage);

  page.heading('2. The orchestrator gets authority for its shift');
  const shift = await orchestrator.takeShift([orders.url, payments.url], revocations);
  page.paragraph(
    "The shop's issuer signs it a token: read orders; refund up to 200.00 euro at a time; for ten " +
      'minutes, at these two servers, for this shop, to be handed on at most twice. All that comes of ' +
      'it can be taken back.',
  );

  page.heading('3. The query agent may read the orders of one customer');
  const reading = {
    tools: { customer_orders: { customer: c.exact(ADA) } },
    audience: orders.url,
    // Held to the tool as it is now: its name, description and input schema.
    caveats: await orchestrator.lookAt(shift.now, orders.url, 'customer_orders'),
  };
  const queryChain = await orchestrator.handOn(shift.now, query.key, {
    ...reading,
    lifetime: 120,
    maxDepth: 2,
  });
  await stage.give(query, orders, queryChain);
  page.paragraph(
    'For two minutes, and only while the tool stays what it is now. The orchestrator makes that ' +
      'token itself, offline.',
  );
  page.line();
  const call = { tool: 'customer_orders', args: { customer: ADA } };
  const { data } = await stage.record.try({
    tried: "read Ada's orders",
    by: 'query agent',
    expected: 'permitted',
    run: () => query.worker.ask('call', call),
  });
  const [kettle, mixer] = showOrders(page, data);

  const first = await refundAtOnce(stage, shift.now, kettle);
  const second = await refundWithApproval(stage, shift.now, mixer);

  const shortChain = await orchestrator.handOn(shift.now, query.key, { ...reading, lifetime: 2 });
  const signed = await query.worker.ask<SignedCall>('lastSigned');
  const booty = {
    queryChain,
    shortChain,
    smallChain: first.chain,
    largeChain: second.chain,
    small: first.refund,
    large: second.refund,
    nextRoot: shift.next,
    neighbourChain: await orchestrator.hireOut(
      stage.refunder.key,
      NEIGHBOUR,
      payments.url,
      revocations,
    ),
  };
  page.heading('6. The query agent does what the return slip says');
  page.paragraph(
    'It still has its key and its token; and where its toolkit refuses, it writes tokens and proofs ' +
      'by hand. On the right stands the code of each refusal (docs/denials.md).',
  );
  page.line();
  await attackAsQueryAgent(stage, booty);
  page.heading('7. The refund agent is hijacked, too');
  await attackAsRefundAgent(stage, booty);
  page.heading('8. A thief has copied tokens and signed calls from the wire');
  await attackAsThief(stage, booty, signed);
  const delay = await takeBack(stage, shift.now);
  page.heading('10. An update has put an instruction for models into a tool');
  await changeTool(stage);
  return conclude(stage, [first.refund, second.refund], delay);
}

/** @returns milliseconds until both servers knew. */
async function takeBack(stage: Stage, shift: VerifiedChain): Promise<number> {
  const { page } = stage;
  const task = await giveOtherTask(stage, shift, ADA);
  const delay = await revoke(stage, task);
  page.heading('9. The refund agent is found out');
  page.paragraph(
    'It still holds a token for both servers. The orchestrator has signed that, and takes it back with ' +
      'its own key. The revocation log pushes this to the servers: ' +
      `${Math.ceil(delay)} ms later both refuse the token. Others stay good:`,
  );
  await tryRevoked(stage, task);
  return delay;
}

function introduce(page: Page): void {
  page.heading('Taper: the refund desk');
  page.paragraph(
    'AI agents of a shop pay money back to customers. Every agent has its own key, and a token that ' +
      'says what it may do. Tokens are handed on, and can only get narrower on the way. Servers check ' +
      'the whole chain of tokens themselves, and write down what they decide. Then two agents are ' +
      'talked into stealing.',
  );
  page.line();
  page.paragraph(
    'No language model takes part: what follows holds whatever an agent decides. The rest is real: ' +
      'processes, MCP, HTTP, SQLite, Cedar policies, Ed25519 signatures.',
  );
}

function presentCast(stage: Stage): void {
  const { page, revocations, orders, payments, query, refunder, approver, thief } = stage;
  page.heading('1. Who takes part');
  const cast: readonly (readonly [string, number, string])[] = [
    ['revocation log', revocations.worker.pid, `${revocations.url} (what is taken back)`],
    ['MCP server', orders.worker.pid, `${orders.url} (orders)`],
    ['payment API', payments.worker.pid, `${payments.url} (pays)`],
    ['orchestrator', process.pid, 'hands on authority, calls no tool itself'],
    ['query agent', query.worker.pid, 'made its own key; only its public half left'],
    ['refund agent', refunder.worker.pid, 'likewise'],
    ['Nora', approver.worker.pid, 'a person of finance, with her own key'],
    ['thief', thief.pid, 'was given nothing, but listens'],
  ];
  for (const [name, pid, what] of cast)
    page.line(`  ${name.padEnd(14)}  process ${String(pid).padEnd(7)}  ${what}`);
}

/** Shows what the query agent found; the two orders for which a refund is due. */
function showOrders(page: Page, data: unknown): readonly [Order, Order] {
  const { orders = [] } = (data ?? {}) as { orders?: readonly Order[] };
  page.line();
  for (const { order, item, paid, status } of orders)
    page.line(`    order ${order}  ${item.padEnd(18)} ${paid.padStart(8)} euro  ${status}`);
  const [first, second] = orders.filter(({ status }) => status === 'returned');
  if (first === undefined || second === undefined)
    throw new Error('The query agent found no two returned orders.');
  page.line();
  page.paragraph(`On the return slip of order ${first.order} somebody has written:`, '  ');
  page.paragraph(`"${first.note}"`, '    ');
  return [first, second];
}
