import type { VerifiedChain } from '@taper/core';
import { createSessionTable, type RevocationView } from '@taper/enforce';
import {
  createTaperFetch,
  deniedProblem,
  STAPLE_HEADER,
  type TaperFetchOptions,
} from '@taper/http';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AUDIENCE, agent, createChain, createParty, headerFor, now } from './agents.ts';
import { type RecordedServer, startShop } from './server.ts';
import { createShop, type Shop, type ShopOptions, show } from './shop.ts';
import { exchange } from './socket.ts';

const STAPLE = 'AAEC_-a-good-staple';

/** A view that believes one staple. */
const offline: RevocationView = {
  check: ({ evidence }) =>
    evidence === STAPLE ? { verdict: 'good', asOf: now() } : { verdict: 'unproved' },
};

let chain: VerifiedChain;
let shop: Shop;
const servers: RecordedServer[] = [];

beforeAll(async () => {
  chain = await createChain();
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(options: ShopOptions['point'] = {}): Promise<RecordedServer> {
  shop = createShop({ point: { revocation: offline, ...options } });
  const server = await startShop(shop);
  servers.push(server);
  return server;
}

function look(origin: string, options: Partial<TaperFetchOptions> = {}): Promise<Response> {
  const client = createTaperFetch({
    origin,
    audience: AUDIENCE,
    chain,
    signer: agent.signer,
    ...options,
  });
  return client.call(show, { id: 'p-1' });
}

describe('a staple', () => {
  test('travels in its header with every call, and the call runs', async () => {
    const server = await start();
    let asked = 0;
    const staple = async () => {
      asked += 1;
      return STAPLE;
    };
    expect((await look(server.origin, { staple })).status).toBe(200);
    expect(asked).toBe(1);
    expect(server.requests[0]?.headers['taper-revocation-staple']).toBe(STAPLE);
  });

  test('travels with the chain that is stored, and with both steps of a handshake', async () => {
    const responder = createParty();
    const sessions = createSessionTable({
      signer: responder.signer,
      audience: AUDIENCE,
      tools: ['show_payment'],
    });
    const server = await start({ sessions });
    const staple = () => STAPLE;
    expect((await look(server.origin, { staple, maxHeader: 10 })).status).toBe(200);
    const session = { responderKey: responder.publicKey };
    expect((await look(server.origin, { staple, session })).status).toBe(200);
    expect(server.requests.map(({ line }) => line.replace(/.*\//, ''))).toEqual([
      'chains',
      'p-1',
      'hello',
      'finish',
      'p-1',
    ]);
    for (const { headers } of server.requests)
      expect(headers['taper-revocation-staple']).toBe(STAPLE);
  });

  test('goes with headers that are made for another client', async () => {
    const options = { origin: 'https://desk.example', audience: AUDIENCE, chain };
    const client = createTaperFetch({ ...options, signer: agent.signer, staple: () => STAPLE });
    expect(await client.headersFor('show_payment', { id: 'p-1' })).toMatchObject({
      [STAPLE_HEADER]: STAPLE,
    });
  });

  test.each([
    ['absent', undefined],
    ['of no use', 'AAAA'],
    ['empty', ''],
  ])('M04 that is %s has the call refused, with its own code', async (_, text) => {
    const { origin } = await start();
    const response = await look(origin, { staple: () => text });
    expect(response.status).toBe(401);
    expect(await deniedProblem(response)).toMatchObject({ code: 'revocation_staple_invalid' });
    expect(shop.executions).toEqual([]);
  });

  test.each([
    ['two times', `${STAPLE_HEADER}: ${STAPLE}`],
    ['in two cases', `${STAPLE_HEADER.toLowerCase()}: AAAA`],
  ])('is not taken %s, since nobody knows which one counts', async (_, second) => {
    const { port } = await start();
    const presentation = await headerFor(chain, 'show_payment', { id: 'p-1' });
    const headers = [`Taper-Presentation: ${presentation}`, `${STAPLE_HEADER}: ${STAPLE}`];
    const request = { method: 'GET', target: '/payments/p-1' };
    const refused = await exchange(port, { ...request, headers: [...headers, second] });
    expect(refused.status).toBe(400);
    expect((await exchange(port, { ...request, headers })).status).toBe(200);
  });
});
