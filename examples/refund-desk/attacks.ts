import { setTimeout as sleep } from 'node:timers/promises';
import type { VerifiedChain } from '@taper/core';
import type { Arguments } from './attacker.ts';
import type { Call, SignedCall } from './calls.ts';
import { anything, REASONS, tokensOf } from './orchestrator.ts';
import type { Worker } from './processes.ts';
import type { Stage } from './stage.ts';

/** What there is to steal. */
export interface Booty {
  /** The chain of the query agent, and a second one of two seconds. */
  readonly queryChain: VerifiedChain;
  readonly shortChain: VerifiedChain;
  readonly refundChain: VerifiedChain;
  /** Another root of the orchestrator, which ends later. */
  readonly nextRoot: VerifiedChain;
  readonly refund: Arguments & { readonly order: string; readonly amount: string };
}

type Try = (tried: string, expected: string, question: string, detail: unknown) => Promise<void>;

const customerOrders = (customer: string): Call => ({
  tool: 'customer_orders',
  args: { customer },
});
const refundOrder = (args: Arguments): Call => ({ tool: 'refund_order', args });

/** Everything that is tried against the server, by those who have something and by those who have nothing. */
export async function attack(stage: Stage, booty: Booty): Promise<{ readonly receipt: string }> {
  const { page, query, refunder, thief } = stage;
  page.heading('5. The query agent does what the return slip says');
  page.paragraph(
    'From here on it works for whoever wrote that. It still has its key and its token; and where ' +
      'the toolkit refuses, it writes tokens and proofs by hand (attacker.ts).',
  );
  page.line();
  const receipt = await byQueryAgent(stage, booty, attempts(stage, 'query agent', query.worker));
  page.heading('6. The refund agent is hijacked, too');
  const signed = await refunder.worker.ask<SignedCall>('lastSigned');
  await byRefundAgent(booty, signed, attempts(stage, 'refund agent', refunder.worker));
  page.heading('7. A thief has copied chains and signed calls from the wire');
  await byThief(stage, booty, signed, attempts(stage, 'thief', thief));
  return { receipt };
}

function attempts({ record }: Stage, by: string, worker: Worker): Try {
  return async (tried, expected, question, detail) => {
    await record.try({ tried, by, expected, run: () => worker.ask(question, detail) });
  };
}

async function byQueryAgent(stage: Stage, booty: Booty, attempt: Try): Promise<string> {
  const { page, showReceipt } = stage;
  const other = customerOrders('C-1002');
  const own = customerOrders('C-1001');
  const tools = { customer_orders: { customer: anything } };
  const everyone: Call = { tool: 'list_customers', args: {} };
  const refund = refundOrder({ order: '5001', amount: '200.00', reason: REASONS[0] as string });
  await attempt('read the orders of another customer', 'argument_refused', 'call', other);
  await attempt('the same, signed by hand', 'argument_refused', 'forceCall', other);
  await attempt('list all customers', 'tool_not_granted', 'forceCall', everyone);
  await attempt('refund, with a tool it lacks', 'tool_not_granted', 'forceCall', refund);
  await attempt('hand on a token for all customers', 'constraint_widened', 'delegate', { tools });
  const wider = { ...other, tools };
  await attempt('write such a token, and use it', 'constraint_widened', 'forceWider', wider);
  page.line();
  page.paragraph('Where that last chain broke, as the server saw it:');
  page.line();
  const receipt = await showReceipt('widened-chain');
  page.line();

  const spliced = { ...own, chain: [...tokensOf(booty.nextRoot), booty.queryChain.leaf.compact] };
  const none = { ...own, alg: 'none' };
  const eddsa = { ...own, alg: 'EdDSA' };
  await attempt('put its token under a later root', 'parent_hash_mismatch', 'forceCall', spliced);
  await attempt('prove with "alg": "none"', 'algorithm_not_allowed', 'forceCall', none);
  await attempt('prove with "alg": "EdDSA"', 'algorithm_not_allowed', 'forceCall', eddsa);

  const { shortChain } = booty;
  const expired = { ...own, chain: tokensOf(shortChain) };
  await sleep(Math.max(0, shortChain.leaf.claims.exp * 1000 - Date.now()) + 100, undefined, {
    ref: false, // the wait alone must not keep the process from ending
  });
  await attempt('use a 2-second token after that', 'token_expired', 'forceCall', expired);
  return receipt;
}

async function byRefundAgent({ refund }: Booty, signed: SignedCall, attempt: Try): Promise<void> {
  const more = refundOrder({ ...refund, amount: '200.00' });
  const others = refundOrder({ ...refund, order: '5005' });
  await attempt('refund 200.00 euro instead', 'argument_refused', 'forceCall', more);
  await attempt('refund the order of somebody else', 'argument_refused', 'forceCall', others);
  await attempt('send its one call a second time', 'proof_replayed', 'resend', signed);
}

async function byThief(
  { server, thief, refunder }: Stage,
  { refund, refundChain }: Booty,
  signed: SignedCall,
  attempt: Try,
): Promise<void> {
  await thief.ask('steal', { server, chain: tokensOf(refundChain) });
  const call = refundOrder(refund);
  // Two calls that the agent did sign, and that never arrived where they were meant to.
  const sign = (to: string) => refunder.worker.ask<SignedCall>('signFor', { call, server: to });
  const caught = await sign(server);
  const altered = { ...caught, args: { ...refund, reason: REASONS[1] as string } };
  const misled = await sign('https://refund-desk.example.net/mcp');
  await attempt('call without any token', 'presentation_missing', 'bareCall', call);
  await attempt('use a stolen chain, own key', 'signature_invalid', 'forceCall', call);
  await attempt('send a copied call again', 'proof_replayed', 'resend', signed);
  await attempt('change a word of a caught call', 'proof_arguments_mismatch', 'resend', altered);
  await attempt('pass on a call to a fake shop', 'proof_audience_mismatch', 'resend', misled);
}
