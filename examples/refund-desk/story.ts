import { constraint as c, type ToolMap, type VerifiedChain } from '@taper/core';
import { attackAsQueryAgent, attackAsRefundAgent, attackAsThief, changeTool } from './attacks.ts';
import type { SignedCall } from './calls.ts';
import { conclude, type Summary } from './conclude.ts';
import type { SignIn } from './login.ts';
import { orRefusedThere } from './membership.ts';
import { euro } from './orchestrator.ts';
import { createOrders, type Order } from './orders.ts';
import { refundAtOnce, refundWithApproval } from './refunds.ts';
import { compromise, giveOtherTask, tryRevoked } from './revocation.ts';
import { type Stage, type StageOptions, setStage } from './stage.ts';
import type { Page } from './terminal.ts';
import { trustOf } from './trust.ts';

const ADA = 'C-1001';
const ANY_REFUND: ToolMap[string] = {
  order: c.wildcard(),
  amount: euro('0.01', '200.00'),
  reason: c.wildcard(),
};

export async function tellStory(options: StageOptions & { database: string }): Promise<Summary> {
  const { page, database } = options;
  introduce(page);
  createOrders(database);
  const stage = await setStage(options, database);
  const { orchestrator, orders, query } = stage;
  presentCast(stage);
  const { shift, next, idToken } = await beginShift(stage);

  page.heading('3. The query agent may read the orders of one customer');
  const reading = {
    tools: { customer_orders: { customer: c.exact(ADA) } },
    audience: orders.url,
    // Held to the tool as it is now: its name, description and input schema.
    caveats: await orchestrator.lookAt(shift, orders.url, 'customer_orders'),
  };
  const queryChain = await orchestrator.handOn(shift, query.key, {
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

  const first = await refundAtOnce(stage, shift, kettle);
  const second = await refundWithApproval(stage, shift, mixer);

  const shortChain = await orchestrator.handOn(shift, query.key, { ...reading, lifetime: 2 });
  const signed = await query.worker.ask<SignedCall>('lastSigned');
  const booty = {
    queryChain,
    shortChain,
    smallChain: first.chain,
    largeChain: second.chain,
    small: first.refund,
    large: second.refund,
    nextRoot: next,
    neighbourChain: await hireOut(stage),
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
  await attackAsThief(stage, booty, signed, idToken);
  const delay = await findOut(stage, shift);
  page.heading('10. An update has put an instruction for models into a tool');
  await changeTool(stage);
  return conclude(stage, [first.refund, second.refund], delay);
}

interface Begun {
  /** The root of the shift, and one that ends later. */
  readonly shift: VerifiedChain;
  readonly next: VerifiedChain;
  readonly idToken: string;
}

/** The orchestrator gets its root token, on behalf of somebody who has signed in. */
async function beginShift(stage: Stage): Promise<Begun> {
  const { page, record, operator, login, orchestrator, orders, payments } = stage;
  const { url } = operator.address;
  await operator.grant({
    ORDERS: orders.url,
    PAYMENTS: payments.url,
    LOGIN: login.issuer,
    LOG: trustOf(operator.address).log.origin,
    TONIGHT: new Date(Date.now() + 12 * 3_600_000).toISOString().replace(/\.\d+/, ''),
  });
  const signIn = (user: string, scope: string): Promise<string> =>
    login.worker.ask('signIn', { user, scope, audience: url } satisfies SignIn);
  const idToken = await signIn('mira', 'orders refunds');
  page.heading('2. The orchestrator gets authority for its shift, on behalf of Mira');
  page.paragraph(
    'It has none of its own. Mira runs the refund desk; she has signed in, and her ID token says ' +
      '"orders refunds". At the authority the orchestrator exchanges it for a root token, which is at ' +
      'most what grants.yaml has for that: read orders; refund up to 200.00 euro at a time; at these two ' +
      'servers, for this shop, to be handed on at most twice. It asks for ten minutes.',
  );
  page.line();
  let shift: VerifiedChain | undefined;
  const exchange = async (): Promise<void> => {
    shift = await orchestrator.exchange(idToken, { lifetime: 600 });
  };
  const tried = "exchange Mira's ID token";
  const by = 'orchestrator';
  await record.try({ tried, by, expected: 'issued', run: () => orRefusedThere(exchange) });
  const trainee = await signIn('tom', 'orders');
  const refunds: ToolMap = { refund_order: ANY_REFUND };
  await record.try({
    tried: 'refunds for Tom, who has "orders" alone',
    by,
    expected: 'grant_none',
    run: () => orRefusedThere(() => orchestrator.exchange(trainee, { tools: refunds })),
  });
  if (shift === undefined) throw new Error('There is no authority for the shift.');
  const next = await orchestrator.exchange(idToken, { lifetime: 1200 });
  await stage.untilKnown(next); // servers take no root that is newer than what they know
  return { shift, next, idToken };
}

/** Another business at the same authority gives a task to the refund agent. */
async function hireOut(stage: Stage): Promise<VerifiedChain> {
  const { neighbour, refunder, payments } = stage;
  const tools = { refund_order: ANY_REFUND };
  const root = await neighbour.request({ tools, lifetime: 600 });
  await stage.untilKnown(root);
  return neighbour.handOn(root, refunder.key, { tools, audience: payments.url, lifetime: 600 });
}

/** @returns milliseconds until both servers refused what is compromised. */
async function findOut(stage: Stage, shift: VerifiedChain): Promise<number> {
  const { page } = stage;
  const task = await giveOtherTask(stage, shift, ADA);
  const delay = await compromise(stage);
  page.heading('9. The refund agent is found out');
  page.paragraph(
    'It still holds a token for both servers. Who runs the authority enters `taper agent compromise ' +
      'refund-agent`. That is an entry in the log, which is pushed to the servers: ' +
      `${Math.ceil(delay)} ms after the command was entered, both refuse all that rests on its key. ` +
      'Others stay good:',
  );
  page.line();
  await tryRevoked(stage, task);
  return delay;
}

function introduce(page: Page): void {
  page.heading('Taper: the refund desk');
  page.paragraph(
    'AI agents of a shop pay money back to customers. Every agent has its own key, and a token that ' +
      'says what it may do. The first token comes from an authority; agents hand on narrower ones ' +
      'without it. Servers check the whole chain of tokens themselves, and write down what they decide. ' +
      'Then two agents are talked into stealing.',
  );
  page.line();
  page.paragraph(
    'No language model takes part: what follows holds whatever an agent decides. The rest is real: ' +
      'processes, MCP, HTTP, OAuth, SQLite, Cedar policies, Ed25519 signatures.',
  );
}

function presentCast(stage: Stage): void {
  const { page, authority, operator, login, orders, payments, query, refunder, approver, thief } =
    stage;
  page.heading('1. Who takes part');
  const cast: readonly (readonly [string, number, string])[] = [
    ['authority', authority.pid, `${operator.address.url} (\`taper up\`)`],
    ['login', login.worker.pid, `${login.issuer} (the shop's own)`],
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
  page.paragraph(
    'The three agents have enrolled, each with a token that is good once. The orchestrator is now',
  );
  page.line(`  ${stage.orchestratorId}`);
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
