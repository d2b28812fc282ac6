import { approve, parseApprovalRequest } from '@taper/core';
import { systemClock } from '@taper/enforce';
import { createTaperFetch, decodePresentation, PRESENTATION_HEADER } from '@taper/http';
import { createAgent } from './agent.ts';
import type { Presentation } from './attacker.ts';
import { type Outcome, orRefused, readResponse, type SignedCall } from './calls.ts';
import { newId } from './orchestrator.ts';
import { type RefundArguments, refundRoute } from './payment-routes.ts';
import { answerQuestions } from './processes.ts';

// The agent that pays: it calls an HTTP API.

const { signer, tasked, answers } = createAgent();
/** Approvals that it has copied from where they lay. */
let copied: readonly string[] = [];

const clientFor = (audience: string) => {
  const { server, chain } = tasked();
  return createTaperFetch({ origin: server, audience, chain, signer });
};

const refund = (args: RefundArguments, approvals: readonly string[] = []): Promise<Outcome> =>
  orRefused(() => {
    const client = clientFor(tasked().server);
    return readResponse(client.call(refundRoute, args, { approvals }));
  });

answerQuestions({
  ...answers,

  /** Asks the payment API for a refund, with a fresh proof. */
  refund: (args: RefundArguments) => refund(args),

  /** Keeps a copy of the approvals that have come in. Whoever knows the address can read them; they are no secret. */
  async copyApprovals(url: string): Promise<void> {
    copied = (await look(url)).approvals;
  },

  /** Brings the copies along. */
  refundWithCopies: (args: RefundArguments) => refund(args, copied),

  /** Approves what it asked for itself. */
  async approveOwn(url: string): Promise<Outcome> {
    const { action } = await look(url);
    const now = systemClock.now();
    const body = await approve({ action, group: 'finance', signer, now, id: newId() });
    const headers = { 'Content-Type': 'application/jose' };
    return readResponse(fetch(url, { method: 'POST', headers, body }));
  },

  /** Signs a refund for a server that somebody recommended. */
  async signFor({ args, server }: { args: RefundArguments; server: string }): Promise<SignedCall> {
    const { tool } = refundRoute;
    const headers = await clientFor(server).headersFor(tool, { ...args });
    const presentation = decodePresentation(
      headers[PRESENTATION_HEADER],
    ) as unknown as Presentation;
    return { tool, args: { ...args }, presentation };
  },
});

async function look(url: string) {
  const request = parseApprovalRequest(await (await fetch(url)).text());
  if (request === undefined) throw new Error('Nothing waits for approval there.');
  return request;
}
