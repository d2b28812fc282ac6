import { consentToRotation, rotateKey } from '@taper/core';
import { createTaperFetch, deniedProblem, type TaperFetchOptions } from '@taper/http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AUDIENCE, agent, createChain, createParty, ISSUER, issuer, now } from './agents.ts';
import { type RecordedServer, startShop } from './server.ts';
import { createShop, refund, type Shop } from './shop.ts';

// An agent whose key was rotated goes on with the chain that is bound to its old one.

const REFUND = { id: 'p-1', amount: '25.00' };
const next = createParty();
const refused = (code: string): unknown =>
  expect.objectContaining({ code: 'refused', denial: expect.objectContaining({ code }) });

let shop: Shop;
let server: RecordedServer;

beforeEach(async () => {
  shop = createShop();
  server = await startShop(shop);
});
afterEach(() => server.close());

/** The statement that one key of the agent was replaced by another. */
async function statement(from = agent, to = next): Promise<string> {
  const common = {
    issuer: ISSUER,
    subject: 'spiffe://issuer.example/acme/agent/a',
    oldKey: from.publicKey,
    newKey: to.publicKey,
    now: now() - 5,
  };
  return rotateKey({
    ...common,
    signer: issuer.signer,
    consent: await consentToRotation({ ...common, signer: from.signer }),
    acceptance: await consentToRotation({ ...common, signer: to.signer }),
    overlap: 0,
    id: 'rotation-1',
  });
}

async function rotatedClient(options: Partial<TaperFetchOptions> = {}) {
  return createTaperFetch({
    origin: server.origin,
    audience: AUDIENCE,
    chain: await createChain(),
    signer: next.signer,
    rotation: [await statement()],
    ...options,
  });
}

describe('a chain that is bound to a key which was replaced', () => {
  test('is presented by the new key, with the statement', async () => {
    const client = await rotatedClient();
    expect((await client.call(refund, REFUND)).status).toBe(200);
    expect((await client.call(refund, REFUND)).status).toBe(200);
    expect(shop.executions).toHaveLength(2);
  });

  test('is presented over several rotations, oldest first', async () => {
    const third = createParty();
    const [first, second] = [await statement(), await statement(next, third)];
    const client = await rotatedClient({ signer: third.signer, rotation: [first, second] });
    expect((await client.call(refund, REFUND)).status).toBe(200);
    const wrong = await rotatedClient({ signer: third.signer, rotation: [second, first] });
    await expect(wrong.call(refund, REFUND)).rejects.toEqual(refused('rotation_invalid'));
    expect(shop.executions).toHaveLength(1);
  });

  test('is presented so beside another', async () => {
    const own = { chain: await createChain(), signer: agent.signer };
    const rotated = {
      chain: await createChain(),
      signer: next.signer,
      rotation: [await statement()],
    };
    const common = { origin: server.origin, audience: AUDIENCE };
    for (const [first, second] of [
      [own, rotated],
      [rotated, own],
    ] as const) {
      const client = createTaperFetch({ ...common, ...first, joined: [second] });
      expect((await client.call(refund, REFUND)).status).toBe(200);
    }
    expect(shop.executions).toHaveLength(2);
  });

  test('is not presented by the new key without the statement, with none, or with that of another', async () => {
    const origin = server.origin;
    const common = { origin, audience: AUDIENCE, chain: await createChain(), signer: next.signer };
    await expect(createTaperFetch(common).call(refund, REFUND)).rejects.toEqual(
      refused('signature_invalid'),
    );
    for (const rotation of [[], [await statement(createParty())]]) {
      const client = createTaperFetch({ ...common, rotation });
      await expect(client.call(refund, REFUND)).rejects.toEqual(refused('rotation_invalid'));
    }
    expect(server.requests).toEqual([]);
  });

  test('opens no session: every call is signed', async () => {
    const responderKey = createParty().publicKey;
    const client = await rotatedClient({ session: { responderKey } });
    expect((await client.call(refund, REFUND)).status).toBe(200);
    expect(server.requests.filter(({ line }) => line.includes('sessions'))).toEqual([]);
    expect(shop.executions).toHaveLength(1);
  });

  test('goes in the headers for a call that something else makes', async () => {
    const client = await rotatedClient();
    const response = await fetch(`${server.origin}/payments/p-1/refund`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(await client.headersFor('refund', REFUND)),
      },
      body: JSON.stringify({ amount: '25.00' }),
    });
    expect(await deniedProblem(response)).toBeUndefined();
    expect(shop.executions).toHaveLength(1);
  });
});
