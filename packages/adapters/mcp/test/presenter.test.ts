import { type JsonObject, type Presentation, RefusedError } from '@taper/core';
import { createEnforcementPoint } from '@taper/enforce';
import { createPresenter, deniedCall, PRESENTATION_KEY, type Presenter } from '@taper/mcp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agent, anchors, createChain, now, thief } from './agents.ts';
import { AUDIENCE } from './desk.ts';
import { type Link, openHttp } from './links.ts';

const REFUND = { order: 'A-1', amount: '25.00' };

let link: Link;
beforeAll(async () => {
  link = await openHttp('2026-07-28');
});
afterAll(() => link.close());

const newPresenter = async (): Promise<Presenter> =>
  createPresenter({ chain: await createChain(), signer: agent.signer, audience: AUDIENCE });

test('an agent calls a tool again and again, with a proof of its own each time', async () => {
  const presenter = await newPresenter();
  for (let round = 0; round < 3; round += 1) {
    const result = await presenter.callTool(link.client, { name: 'refund', arguments: REFUND });
    expect(deniedCall(result)).toBeUndefined();
  }
  expect(link.executions()).toHaveLength(3);
});

test('keeps the metadata of the caller', async () => {
  const presenter = await newPresenter();
  const result = await presenter.callTool(link.client, {
    name: 'refund',
    arguments: REFUND,
    _meta: { 'org.example/trace': 'x', [PRESENTATION_KEY]: 'of somebody else' },
  });
  expect(deniedCall(result)).toBeUndefined();
});

test('gives the metadata for a call that the agent makes itself', async () => {
  const presenter = await newPresenter();
  const result = await link.client.callTool({
    name: 'refund',
    arguments: REFUND,
    _meta: await presenter.metaFor('refund', REFUND),
  });
  expect(deniedCall(result)).toBeUndefined();
});

test('sends the arguments that it signed, whatever happens to them meanwhile', async () => {
  const presenter = await newPresenter();
  const args: { [name: string]: string } = { ...REFUND };
  const call = presenter.callTool(link.client, { name: 'refund', arguments: args });
  args['amount'] = '999.00';
  expect(deniedCall(await call)).toBeUndefined();
  expect(link.executions().at(-1)?.args).toEqual(REFUND);
});

test.each<[string, string, JsonObject]>([
  ['argument_refused', 'refund', { ...REFUND, amount: '26.00' }],
  ['argument_unexpected', 'refund', { ...REFUND, note: 'x' }],
  ['argument_missing', 'refund', { order: 'A-1' }],
  ['tool_not_granted', 'delete', {}],
])('does not even send a call that its chain does not allow: %s', async (code, name, args) => {
  const before = link.executions().length;
  const refused = (await newPresenter()).callTool(link.client, { name, arguments: args });
  await expect(refused).rejects.toThrow(RefusedError);
  await expect(refused).rejects.toMatchObject({ denial: { code } });
  expect(link.executions()).toHaveLength(before);
});

test('refuses to sign for a chain that is bound to another key', async () => {
  const chain = await createChain();
  const presenter = createPresenter({ chain, signer: thief.signer, audience: AUDIENCE });
  await expect(presenter.metaFor('refund', REFUND)).rejects.toMatchObject({
    denial: { code: 'signature_invalid' },
  });
});

test('takes time, randomness and nonce from whom it is told to', async () => {
  const time = now();
  const nonces = ['n-1', 'n-2'];
  const presenter = createPresenter({
    chain: await createChain(),
    signer: agent.signer,
    audience: AUDIENCE,
    clock: { now: () => time - 5 },
    random: (length) => new Uint8Array(length).fill(7),
    nonce: async () => nonces.shift() as string,
  });
  const meta = await presenter.metaFor('refund', REFUND);
  const { aat_pop } = meta[PRESENTATION_KEY] as Presentation;
  const payload = aat_pop.split('.')[1] as string;
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  expect(claims).toMatchObject({ iat: time - 5, nonce: 'n-1', aat_aud: AUDIENCE, hta: REFUND });
  expect(claims.jti).toMatch(/-7707-8707-070707070707$/);

  const point = createEnforcementPoint({
    audience: AUDIENCE,
    anchors,
    acceptsNonce: (nonce) => nonce === 'n-1',
  });
  expect((await point.authorize(meta[PRESENTATION_KEY], 'refund', REFUND)).verdict).toBe('permit');
  const late = await presenter.metaFor('refund', REFUND);
  expect(await point.authorize(late[PRESENTATION_KEY], 'refund', REFUND)).toMatchObject({
    denial: { code: 'proof_nonce_invalid' },
  });
});

test.each([undefined, null, 'text', [], {}, { code: 5 }])(
  'finds no refusal in metadata that holds %j',
  (value) => {
    expect(deniedCall({ _meta: { 'dev.taper/denial': value } })).toBeUndefined();
    expect(deniedCall({ _meta: value })).toBeUndefined();
  },
);
