import { approve, type JsonObject, type VerifiedChain } from '@taper/core';
import type { ApprovalSource, PendingAction, PolicyEngine } from '@taper/enforce';
import { createTaperFetch, deniedProblem, type TaperFetch } from '@taper/http';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AUDIENCE, agent, createChain, createParty, headerFor, now } from './agents.ts';
import { type RecordedServer, startShop } from './server.ts';
import { createShop, refund, type Shop, type ShopOptions } from './shop.ts';
import { exchange } from './socket.ts';

const approver = createParty();

/** One action at a time, and what was signed for it comes with the request. */
function createSource(): ApprovalSource & { pending: PendingAction | undefined } {
  return {
    pending: undefined,
    approvers: (group) =>
      group === 'finance' ? [{ name: 'ada@example.com', key: approver.publicKey }] : undefined,
    open(asked) {
      this.pending ??= asked;
      return this.pending;
    },
    find() {
      return this.pending;
    },
    close() {
      this.pending = undefined;
    },
  };
}

const policy: PolicyEngine = {
  decide: () => ({
    verdict: 'approval_required',
    approvals: [{ group: 'finance', count: 1 }],
    policy: { id: 'refunds', version: '1' },
    reasons: [],
  }),
};

describe('a call that has to be approved', () => {
  let chain: VerifiedChain;
  let source: ReturnType<typeof createSource>;
  let shop: Shop;
  let server: RecordedServer;
  let client: TaperFetch;
  const args = { id: 'p-1', amount: '25.00' };

  beforeAll(async () => {
    chain = await createChain();
  });
  afterEach(() => server.close());

  async function start(guard: ShopOptions['guard'] = {}): Promise<void> {
    source = createSource();
    shop = createShop({ guard, point: { approvals: source, policy } });
    server = await startShop(shop);
    const { origin } = server;
    client = createTaperFetch({ origin, audience: AUDIENCE, chain, signer: agent.signer });
  }

  test('is answered with 202 and where to approve, and runs once it is approved', async () => {
    await start({ approvalUrl: ({ action }) => `https://desk.example/approvals/${action.nonce}` });
    const waiting = await client.call(refund, args);
    const { action } = source.pending as PendingAction;
    const url = `https://desk.example/approvals/${action.nonce}`;
    expect(waiting.status).toBe(202);
    expect(waiting.headers.get('location')).toBe(url);
    expect(Number(waiting.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(waiting.headers.get('cache-control')).toBe('no-store');
    expect(await deniedProblem(waiting)).toMatchObject({
      code: 'approval_required',
      status: 202,
      approval: {
        url,
        nonce: action.nonce,
        missing: [{ group: 'finance', count: 1 }],
        expires_at: action.expiresAt,
      },
    });
    expect(shop.executions).toEqual([]);
    const signed = { action, group: 'finance', signer: approver.signer, now: now(), id: 'one' };
    const approvals = [await approve(signed)];
    expect((await client.call(refund, { ...args, id: 'p-2' }, { approvals })).status).not.toBe(200);
    expect((await client.call(refund, args, { approvals })).status).toBe(200);
    expect(shop.executions).toMatchObject([{ args }]);
    expect((await client.call(refund, args, { approvals })).status).not.toBe(200);
    expect(shop.executions).toHaveLength(1);
  });

  test('sent again by somebody who overheard it, asks nobody: neither the one that asked nor the one that ran', async () => {
    await start();
    const asked = await client.headersFor('refund', args);
    const ran = await client.headersFor('refund', args);
    const send = async (headers: object): Promise<string> => {
      const response = await fetch(`${server.origin}/payments/p-1/refund`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify({ amount: args.amount }),
      });
      return (await deniedProblem(response))?.code ?? String(response.status);
    };
    expect(await send(asked)).toBe('approval_required');
    const { action } = source.pending as PendingAction;
    const signed = { action, group: 'finance', signer: approver.signer, now: now(), id: 'one' };
    source.pending = {
      ...(source.pending as PendingAction),
      approvals: [await approve(signed)],
    };
    expect(await send(ran)).toBe('200');
    expect(await send(ran)).toBe('proof_replayed');
    expect(await send(asked)).toBe('proof_replayed');
    expect(source.pending).toBeUndefined();
    expect(await send(await client.headersFor('refund', args))).toBe('approval_required');
    expect(shop.executions).toHaveLength(1);
  });

  test('says nothing about a place where there is none', async () => {
    await start();
    const waiting = await client.call(refund, args);
    expect([waiting.status, waiting.headers.get('location')]).toEqual([202, null]);
    expect((await deniedProblem(waiting))?.approval).not.toHaveProperty('url');
  });

  test('is approved where the owner says, whatever the request says about hosts and callbacks', async () => {
    await start({ approvalUrl: () => 'https://desk.example/approvals' });
    const note: JsonObject = {
      callback: 'https://evil.example',
      approval_url: 'https://evil.example',
    };
    const presented = await headerFor(chain, 'refund', { ...args, note });
    const response = await exchange(server.port, {
      method: 'POST',
      target: '/payments/p-1/refund',
      headers: [
        'Content-Type: application/json',
        `Taper-Presentation: ${presented}`,
        'X-Forwarded-Host: evil.example',
        'Forwarded: host=evil.example',
        'Origin: https://evil.example',
        'Referer: https://evil.example',
        'X-Callback-URL: https://evil.example',
      ],
      body: JSON.stringify({ amount: '25.00', note }),
    });
    expect([response.status, response.headers['location']]).toEqual([
      202,
      'https://desk.example/approvals',
    ]);
    expect(response.text).not.toContain('evil.example');
  });

  test.each(['/approvals', 'javascript:alert(1)', ''])(
    'is refused when the owner names no place that could be one: %j',
    async (place) => {
      await start({ approvalUrl: () => place });
      const response = await client.call(refund, args);
      expect((await deniedProblem(response))?.code).toBe('internal_error');
      expect(shop.reports).toHaveLength(1);
      expect(shop.executions).toEqual([]);
    },
  );
});
