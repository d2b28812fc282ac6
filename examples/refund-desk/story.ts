import type { ToolMap } from '@taper/core';
import { attack } from './attacks.ts';
import { createOrchestrator, euro, exactly, oneOf, REASONS } from './orchestrator.ts';
import { createOrders, type Order, openOrders, type Refund } from './orders.ts';
import { countExecutions, isAsExpected, type Recorded } from './record.ts';
import { type Stage, type StageOptions, setStage } from './stage.ts';
import type { Page } from './terminal.ts';

/** What happened, for machines. */
export interface Summary {
  /** Whether everything ended as it had to. */
  readonly ok: boolean;
  readonly server: string;
  readonly attempts: readonly Recorded[];
  /** How often each tool ran, by the server's own count. */
  readonly executions: { readonly [tool: string]: number };
  /** How many tools ran during attempts that were refused. */
  readonly executions_when_refused: number;
  /** What the database says afterwards. */
  readonly refunds: readonly Refund[];
  readonly receipts: readonly string[];
}

const ADA = 'C-1001';

export async function tellStory(options: StageOptions): Promise<Summary> {
  const { page, database } = options;
  introduce(page);
  createOrders(database);
  const orchestrator = createOrchestrator();
  const stage = await setStage(options, orchestrator);
  const { record, query, refunder, server } = stage;
  presentCast(stage);

  page.heading('2. The orchestrator is given authority for its shift');
  const shift = await orchestrator.takeShift(server);
  page.paragraph(
    "The shop's issuer signs a root token: list the customers; read the orders of any customer; " +
      'refund any order, up to 200.00 euro. For ten minutes, at this server only, to be handed on ' +
      'at most twice. And a second one for the next shift, which ends later.',
  );

  page.heading('3. The query agent may read the orders of one customer, for two minutes');
  const lookUp: ToolMap = { customer_orders: { customer: exactly(ADA) } };
  const reading = { lifetime: 120, maxDepth: 2 };
  const queryChain = await orchestrator.handOn(shift.now, query.key, lookUp, reading);
  await stage.give(query, queryChain);
  page.paragraph(
    'The orchestrator derives this token itself, offline: nobody is asked. The agent checks the ' +
      'chain that it is given, and sets to work.',
  );
  page.line();
  const { data } = await record.try({
    tried: "read Ada's orders",
    by: 'query agent',
    expected: 'permitted',
    run: () => query.worker.ask('call', { tool: 'customer_orders', args: { customer: ADA } }),
  });
  const due = showOrders(page, data);

  page.heading('4. A refund is due, so another agent may make exactly that one');
  const payBack: ToolMap = {
    refund_order: {
      order: exactly(due.order),
      amount: euro(due.paid, due.paid),
      reason: oneOf(REASONS),
    },
  };
  const paying = { lifetime: 60 };
  const refundChain = await orchestrator.handOn(shift.now, refunder.key, payBack, paying);
  await stage.give(refunder, refundChain);
  page.paragraph(
    `The refund agent gets a token for order ${due.order} and ${due.paid} euro, neither more nor ` +
      'less, for one minute. It cannot read anything, and it cannot hand its token on.',
  );
  page.line();
  const refund = { order: due.order, amount: due.paid, reason: REASONS[0] as string };
  await record.try({
    tried: `refund ${due.paid} euro for order ${due.order}`,
    by: 'refund agent',
    expected: 'permitted',
    run: () => refunder.worker.ask('call', { tool: 'refund_order', args: refund }),
  });
  page.line();
  page.paragraph("The server's receipt for this call shows who gave whom what:");
  page.line();
  const permitted = await stage.showReceipt('permitted-refund');

  const briefly = { lifetime: 2 };
  const shortChain = await orchestrator.handOn(shift.now, query.key, lookUp, briefly);
  const booty = { queryChain, shortChain, refundChain, nextRoot: shift.next, refund };
  const { receipt } = await attack(stage, booty);

  const paidOnce = (refunds: readonly Refund[]): boolean =>
    refunds.length === 1 && refunds[0]?.order === due.order && refunds[0].amount === due.paid;
  return conclude(stage, database, [permitted, receipt], paidOnce);
}

function introduce(page: Page): void {
  page.heading('Taper: the refund desk');
  page.paragraph(
    'A shop lets AI agents work on requests from its customers. Ada Marsh (C-1001) writes that she ' +
      'has sent something back and waits for her money. Agents will look into it; and one of them ' +
      'will be talked into stealing, by a sentence that somebody has hidden in the data.',
  );
  page.line();
  page.paragraph(
    'Every agent has its own key, and a token that says what it may do. Tokens are handed on, and ' +
      'can only get narrower on the way. The server checks the whole chain by itself, with one key ' +
      'that it trusts and no call to anybody.',
  );
  page.line();
  page.paragraph(
    'No language model takes part: what follows holds whatever an agent decides. The rest is real: ' +
      'processes of their own, MCP over HTTP, a SQLite file, Ed25519 signatures.',
  );
}

function presentCast({ page, serverWorker, server, query, refunder, thief }: Stage): void {
  page.heading('1. Who takes part');
  const cast: readonly (readonly [string, number, string])[] = [
    ['MCP server', serverWorker.pid, server],
    ['orchestrator', process.pid, 'hands on authority, calls no tool itself'],
    ['query agent', query.worker.pid, 'made its own key; only the public half left it'],
    ['refund agent', refunder.worker.pid, 'made its own key; only the public half left it'],
    ['thief', thief.pid, 'was given nothing, but listens'],
  ];
  for (const [name, pid, what] of cast)
    page.line(`  ${name.padEnd(12)}  process ${String(pid).padEnd(7)}  ${what}`);
}

/** Shows what the query agent found; the order for which a refund is due. */
function showOrders(page: Page, data: unknown): Order {
  const { orders = [] } = (data ?? {}) as { orders?: readonly Order[] };
  page.line();
  for (const { order, item, paid, status } of orders)
    page.line(`    order ${order}  ${item.padEnd(18)} ${paid.padStart(8)} euro  ${status}`);
  const due = orders.find(({ status }) => status === 'returned');
  if (due === undefined) throw new Error('The query agent found no returned order.');
  page.line();
  page.paragraph(`On the return slip of order ${due.order} somebody has written:`, '  ');
  page.paragraph(`"${due.note}"`, '    ');
  return due;
}

async function conclude(
  { page, record, server, serverWorker }: Stage,
  file: string,
  receipts: readonly string[],
  isPaidOnce: (refunds: readonly Refund[]) => boolean,
): Promise<Summary> {
  page.heading('8. What was tried, by whom, and what happened');
  page.table(
    ['Tried', 'By', 'Result'],
    [36, 12, 28],
    record.all.map(({ tried, by, code, refused_by }) => {
      const where = refused_by === 'toolkit' ? ' (toolkit)' : '';
      return [tried, by, code === 'permitted' ? page.good(code) : page.bad(code) + where];
    }),
  );
  const refused = record.all.filter(({ code }) => code !== 'permitted');
  const whenRefused = refused.reduce((sum, { tools_run }) => sum + tools_run, 0);
  const executions = await serverWorker.ask<{ [tool: string]: number }>('executions');
  const counts = Object.entries(executions).map(([tool, count]) => `${tool} ${count}×`);
  const orders = openOrders(file, { readOnly: true });
  const refunds = orders.refunds();
  orders.close();
  const lines = refunds.map(({ order, amount }) => `order ${order}, ${amount} euro`);
  page.line();
  page.paragraph(
    `Of ${refused.length} refused attempts ${whenRefused} reached a tool. By its own count the ` +
      `server ran ${await countExecutions(serverWorker)} tools in all: ${counts.join(', ')}.`,
  );
  page.paragraph(
    `Refunds in the database: ${refunds.length}${lines.length === 0 ? '' : ` (${lines.join('; ')})`}.`,
  );
  page.line();
  page.line('The two receipts, to open in a browser:');
  for (const receipt of receipts) page.line(`  ${receipt}`);
  return {
    ok: record.all.every(isAsExpected) && isPaidOnce(refunds),
    server,
    attempts: record.all,
    executions,
    executions_when_refused: whenRefused,
    refunds,
    receipts,
  };
}
