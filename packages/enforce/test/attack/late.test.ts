import { approve, type CaveatsInit } from '@taper/core';
import { expect, test } from 'vitest';
import {
  createAuditRecorder,
  createMemoryApprovalSource,
  createMemoryAuditSink,
  createMemoryBudgetLedger,
  createSessionTable,
  type EnforcementPointOptions,
  initiateSession,
} from '../../src/index.ts';
import {
  AUDIENCE,
  ada,
  agent,
  chainOf,
  codeOf,
  NOW,
  newSigner,
  nextId,
  PAYMENT,
  pay,
  pointWith,
} from '../judge/scene.ts';

// A call takes its time; what ran out meanwhile is refused, with no grace, and the log says that nothing ran.

const NEEDS_ADA: CaveatsInit = { approvals: { pay: { finance: 1 } } };

/** A clock, and an audit log whose first event after `slow` takes until then. */
function slowly(): {
  readonly clock: { now(): number };
  set(time: number): void;
  slow(time: number): void;
  readonly options: Pick<EnforcementPointOptions, 'audit' | 'clock'>;
  readonly decisions: () => readonly string[];
} {
  let time = NOW;
  let after: number | undefined;
  const sink = createMemoryAuditSink();
  const audit = createAuditRecorder({
    emitter: 'point',
    signer: newSigner(),
    sink: {
      tip: sink.tip,
      append(lines) {
        time = after ?? time;
        after = undefined;
        return sink.append(lines);
      },
    },
  });
  const clock = { now: () => time };
  return {
    clock,
    set: (to) => {
      time = to;
    },
    slow: (to) => {
      after = to;
    },
    options: { audit, clock },
    decisions: () => sink.lines('point').map(({ line }) => JSON.parse(line).decision),
  };
}

test('an approval that runs out while the call is judged does not count any more', async () => {
  for (const [end, code] of [
    [NOW + 5, 'approval_expired'],
    [NOW + 6, 'permit'],
  ] as const) {
    const scene = slowly();
    const source = createMemoryApprovalSource({
      groups: { finance: [{ name: 'ada', key: ada.publicKey }] },
    });
    const ledger = createMemoryBudgetLedger();
    const point = pointWith({ ...scene.options, approvals: source, ledger });
    const chain = await chainOf({ leaf: { ...NEEDS_ADA, budget: { calls: '1' } } });
    const asked = await pay(point, chain);
    if (asked.verdict !== 'approval_required') throw new Error(codeOf(asked));
    const approval = await approve({
      action: asked.pending.action,
      group: 'finance',
      signer: ada,
      now: NOW,
      id: nextId(),
      expiresAt: end,
    });
    expect(await source.submit(approval, NOW)).toMatchObject({ approver: 'ada' });
    scene.slow(NOW + 5);
    expect(codeOf(await pay(point, chain))).toBe(code);
    expect(scene.decisions()).toEqual(
      code === 'permit'
        ? ['approval_required', 'permit']
        : ['approval_required', 'permit', 'not_executed'],
    );
  }
});

test('an action that can no longer be run when its approval is found does not run', async () => {
  const scene = slowly();
  const source = createMemoryApprovalSource({
    groups: { finance: [{ name: 'ada', key: ada.publicKey }] },
  });
  const point = pointWith({ ...scene.options, approvals: source, approvalLifetime: 20 });
  const chain = await chainOf({ leaf: NEEDS_ADA });
  const asked = await pay(point, chain);
  if (asked.verdict !== 'approval_required') throw new Error(codeOf(asked));
  const { action } = asked.pending;
  await source.submit(
    await approve({ action, group: 'finance', signer: ada, now: NOW, id: nextId() }),
    NOW,
  );
  scene.slow(NOW + 20);
  expect(codeOf(await pay(point, chain))).toBe('approval_expired');
});

test('a token that expires while the source of approvals is told is refused', async () => {
  const scene = slowly();
  const store = createMemoryApprovalSource({
    groups: { finance: [{ name: 'ada', key: ada.publicKey }] },
  });
  const source = {
    ...store,
    async close(subject: string) {
      await store.close(subject);
      scene.set(NOW + 60);
    },
  };
  const point = pointWith({ ...scene.options, approvals: source });
  const chain = await chainOf({ leaf: NEEDS_ADA }, 60);
  const asked = await pay(point, chain);
  if (asked.verdict !== 'approval_required') throw new Error(codeOf(asked));
  const { action } = asked.pending;
  await store.submit(
    await approve({ action, group: 'finance', signer: ada, now: NOW, id: nextId() }),
    NOW,
  );
  expect(codeOf(await pay(point, chain))).toBe('token_expired');
  expect(scene.decisions()).toEqual(['approval_required', 'permit', 'not_executed']);
});

test('a session that ends while the call is judged permits nothing any more', async () => {
  for (const [lifetime, code] of [
    [20, 'session_expired'],
    [21, 'permit'],
  ] as const) {
    const scene = slowly();
    const responder = newSigner();
    const sessions = createSessionTable({
      signer: responder,
      audience: AUDIENCE,
      tools: ['pay'],
      lifetime,
    });
    const point = pointWith({ ...scene.options, sessions });
    const { hello, complete } = initiateSession({
      chains: [await chainOf()],
      signers: [agent],
      audience: AUDIENCE,
      responderKey: responder.publicKey,
    });
    const { finish, session } = await complete(await point.sessions?.hello(hello), NOW);
    await point.sessions?.finish(finish);
    const text = JSON.stringify(PAYMENT);
    scene.slow(NOW + 20);
    expect(codeOf(await point.authorize(session.request('pay', text), 'pay', text))).toBe(code);
  }
});
