import { approve } from '@taper/core';
import { expect, test } from 'vitest';
import { createMemoryApprovalSource } from '../../src/index.ts';
import {
  ada,
  agent,
  chainOf,
  codeOf,
  NOW,
  nextId,
  pay,
  pointWith,
  present,
} from '../judge/scene.ts';

test('P03 one human has no second key in another group, with which to ask for what the first one approves', () => {
  const groups = (name: string) => ({
    finance: [{ name: 'Ada', key: ada.publicKey }],
    operations: [{ name, key: agent.publicKey }],
  });
  for (const name of ['Ada', ' ada ', 'ＡＤＡ'])
    expect(() => createMemoryApprovalSource({ groups: groups(name) }), name).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  expect(() => createMemoryApprovalSource({ groups: groups('Grace') })).not.toThrow();
});

test('P03 with one key in two groups a human still approves nothing that was asked for with that key', async () => {
  const approvals = createMemoryApprovalSource({
    groups: {
      finance: [{ name: 'Ada', key: agent.publicKey }],
      operations: [{ name: 'Ada', key: agent.publicKey }],
    },
  });
  const point = pointWith({ approvals });
  const chain = await chainOf({ leaf: { approvals: { pay: { finance: 1 } } } });
  const asked = await pay(point, chain);
  if (asked.verdict !== 'approval_required') throw new Error(codeOf(asked));
  const { action } = asked.pending;
  const own = await approve({ action, group: 'finance', signer: agent, now: NOW, id: nextId() });
  expect(await approvals.submit(own, NOW)).toMatchObject({ code: 'approval_by_requester' });
  expect(codeOf(await pay(point, chain, { taper_approvals: [own] }))).toBe('approval_by_requester');
});

test('R09 an action that nobody could read is not held for approval, and the call is refused', async () => {
  const source = createMemoryApprovalSource({
    groups: { finance: [{ name: 'Ada', key: ada.publicKey }] },
  });
  const chain = await chainOf({ root: { approvals: { read: { finance: 1 } } } });
  const point = pointWith({ approvals: source });
  const ask = async (length: number) => {
    const args = { text: 'x'.repeat(length) };
    return codeOf(
      await point.authorize(await present(chain, { tool: 'read', args }), 'read', args),
    );
  };
  expect(await ask(262_144)).toBe('approval_source_unavailable');
  expect(await source.pending(NOW)).toHaveLength(0);
  expect(await ask(200_000)).toBe('approval_required');
});
