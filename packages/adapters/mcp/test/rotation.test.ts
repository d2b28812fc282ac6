import { consentToRotation, RefusedError, rotateKey } from '@taper/core';
import { createPresenter, deniedCall } from '@taper/mcp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agent, createChain, createParty, ISSUER, issuer, newId, now } from './agents.ts';
import { AUDIENCE } from './desk.ts';
import { type Link, openHttp } from './links.ts';

// An agent whose key was rotated goes on with the chain that is bound to its old one.

const CALL = { name: 'refund', arguments: { order: 'A-1', amount: '25.00' } };
const next = createParty();

let link: Link;
beforeEach(async () => {
  link = await openHttp('2026-07-28');
});
afterEach(() => link.close());

/** The statement that one key was replaced by the agent's new one. */
async function statement(from = agent): Promise<string> {
  const common = {
    issuer: ISSUER,
    subject: 'spiffe://issuer.example/acme/agent/a',
    oldKey: from.publicKey,
    newKey: next.publicKey,
    now: now() - 5,
  };
  return rotateKey({
    ...common,
    signer: issuer.signer,
    consent: await consentToRotation({ ...common, signer: from.signer }),
    acceptance: await consentToRotation({ ...common, signer: next.signer }),
    overlap: 0,
    id: newId(),
  });
}

test('the new key presents, with the statement, a chain that is bound to the old one', async () => {
  const chain = await createChain();
  const holding = { chain, signer: next.signer, rotation: [await statement()] };
  const presenter = createPresenter({ ...holding, audience: AUDIENCE });
  expect(deniedCall(await presenter.callTool(link.client, CALL))).toBeUndefined();
  const own = { chain: await createChain(), signer: agent.signer };
  const beside = createPresenter({ ...own, joined: [holding], audience: AUDIENCE });
  expect(deniedCall(await beside.callTool(link.client, CALL))).toBeUndefined();
  expect(link.executions()).toHaveLength(2);
  expect((await presenter.listTools(link.client)).map(({ name }) => name)).toContain('refund');
});

test('it does not without the statement, or with that of another key', async () => {
  const common = { chain: await createChain(), signer: next.signer, audience: AUDIENCE };
  const codeOf = (presenter: ReturnType<typeof createPresenter>): Promise<unknown> =>
    presenter.callTool(link.client, CALL).then(
      () => 'called',
      (cause: unknown) => (cause instanceof RefusedError ? cause.denial.code : cause),
    );
  expect(await codeOf(createPresenter(common))).toBe('signature_invalid');
  const rotation = [await statement(createParty())];
  expect(await codeOf(createPresenter({ ...common, rotation }))).toBe('rotation_invalid');
  expect(link.executions()).toEqual([]);
});
