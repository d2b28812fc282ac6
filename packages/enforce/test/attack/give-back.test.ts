import { approve, type Presentation } from '@taper/core';
import { expect, test } from 'vitest';
import { createAuditRecorder } from '../../src/audit/recorder.ts';
import {
  type BudgetLedger,
  createMemoryApprovalSource,
  createMemoryAuditSink,
  createMemoryBudgetLedger,
  createMemoryReplayStore,
  type EnforcementPointOptions,
  type ReplayStore,
  type UsedKey,
} from '../../src/index.ts';
import {
  ada,
  chainOf,
  codeOf,
  NOW,
  newSigner,
  nextId,
  PAYMENT,
  pay,
  pointWith,
  present,
} from '../judge/scene.ts';

// What a refused call gives back is its own and nothing else, and what nobody knows to be its own is not given back.

const PORT_TIMEOUT = 40;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A store that notes what it is asked to forget, and takes its time where it is told to. */
function watched(late: { accept?: number | undefined; forget?: number | undefined } = {}) {
  const store = createMemoryReplayStore();
  const forgotten: string[] = [];
  const replay: ReplayStore = {
    async accept(keys, now) {
      if (late.accept !== undefined) await pause(late.accept);
      return store.accept(keys, now);
    },
    async forget(keys: readonly UsedKey[]) {
      forgotten.push(...keys.map(({ key }) => key));
      if (late.forget !== undefined) await pause(late.forget);
      return store.forget(keys);
    },
  };
  return { replay, forgotten, late };
}

/** An audit log that is there, or not. */
function switchable() {
  const sink = createMemoryAuditSink();
  const state = { up: true };
  const audit = createAuditRecorder({
    signer: newSigner(),
    timeout: PORT_TIMEOUT / 2,
    sink: {
      tip: sink.tip,
      append(lines) {
        if (!state.up) throw new Error('the disk is full');
        return sink.append(lines);
      },
    },
  });
  return { audit, state };
}

function ask(point: ReturnType<typeof pointWith>, presentation: Presentation): Promise<string> {
  return point.authorize(presentation, 'pay', PAYMENT).then(codeOf);
}

test('E02 a proof that the store took too late stays used: it may have been somebody else who used it', async () => {
  const { replay, forgotten, late } = watched({ accept: 2 * PORT_TIMEOUT });
  const point = pointWith({ replay, portTimeout: PORT_TIMEOUT });
  const presentation = await present(await chainOf());
  expect(await ask(point, presentation)).toBe('replay_store_unavailable');
  await pause(3 * PORT_TIMEOUT);
  late.accept = undefined;
  expect(await ask(point, presentation)).toBe('proof_replayed');
  expect(forgotten).toEqual([]);
});

test('E02 E16 a call that is refused as a replay does not give back what the first one used', async () => {
  const { replay, forgotten } = watched();
  const point = pointWith({ replay });
  const presentation = await present(await chainOf());
  const codes = await Promise.all([1, 2, 3, 4].map(() => ask(point, presentation)));
  expect(codes.filter((code) => code === 'permit')).toHaveLength(1);
  expect(forgotten).toEqual([]);
  expect(await ask(point, presentation)).toBe('proof_replayed');
});

test('E02 a proof that is given back late is good for one call all the same', async () => {
  const { replay, late } = watched({ forget: 2 * PORT_TIMEOUT });
  const { audit, state } = switchable();
  const point = pointWith({ replay, audit, portTimeout: PORT_TIMEOUT });
  const presentation = await present(await chainOf());
  state.up = false;
  expect(await ask(point, presentation)).toBe('audit_unavailable');
  state.up = true;
  const codes: string[] = [];
  for (let turn = 0; turn < 8; turn += 1) {
    codes.push(await ask(point, presentation));
    await pause(PORT_TIMEOUT / 2);
  }
  late.forget = undefined;
  expect(codes.filter((code) => code === 'permit')).toHaveLength(1);
});

test('P02 an approved action whose event cannot be written is given back once, and runs once', async () => {
  const { replay } = watched();
  const { audit, state } = switchable();
  const approvals = createMemoryApprovalSource({
    groups: { finance: [{ name: 'ada', key: ada.publicKey }] },
  });
  const options: Partial<EnforcementPointOptions> = { replay, audit, approvals };
  const point = pointWith({ ...options, portTimeout: PORT_TIMEOUT });
  const chain = await chainOf({ leaf: { approvals: { pay: { finance: 1 } } } });
  const asked = await pay(point, chain);
  if (asked.verdict !== 'approval_required') throw new Error(codeOf(asked));
  const { action } = asked.pending;
  const approval = await approve({ action, group: 'finance', signer: ada, now: NOW, id: nextId() });
  await approvals.submit(approval, NOW);
  state.up = false;
  expect(codeOf(await pay(point, chain))).toBe('audit_unavailable');
  state.up = true;
  const codes = await Promise.all([1, 2, 3].map(() => pay(point, chain).then(codeOf)));
  expect(codes.sort()).toEqual(['approval_replayed', 'approval_replayed', 'permit']);
});

test('I09 I10 a call that is refused releases its own reservation, and no settled one', async () => {
  const ledger = createMemoryBudgetLedger();
  const released: string[] = [];
  const settled: string[] = [];
  const noting: BudgetLedger = {
    reserve: ledger.reserve,
    settle(id, now) {
      settled.push(id);
      return ledger.settle(id, now);
    },
    release(id) {
      released.push(id);
      return ledger.release(id);
    },
  };
  const { audit, state } = switchable();
  const point = pointWith({ ledger: noting, audit, portTimeout: PORT_TIMEOUT });
  const chain = await chainOf({ root: { budget: { calls: '2' } } });
  expect(codeOf(await pay(point, chain))).toBe('permit');
  state.up = false;
  expect(codeOf(await pay(point, chain))).toBe('audit_unavailable');
  state.up = true;
  expect(codeOf(await pay(point, chain))).toBe('permit');
  expect(codeOf(await pay(point, chain))).toBe('budget_exceeded');
  expect(released).toHaveLength(1);
  expect(settled.filter((id) => released.includes(id))).toEqual([]);
});

test('I09 I10 a reservation that the ledger made too late is released, and cannot be spent', async () => {
  const ledger = createMemoryBudgetLedger();
  let late = true;
  const slow: BudgetLedger = {
    ...ledger,
    async reserve(reservation, now) {
      const verdict = await ledger.reserve(reservation, now);
      if (late) await pause(2 * PORT_TIMEOUT);
      return verdict;
    },
  };
  const point = pointWith({ ledger: slow, portTimeout: PORT_TIMEOUT });
  const chain = await chainOf({ root: { budget: { calls: '1' } } });
  expect(codeOf(await pay(point, chain))).toBe('budget_ledger_unavailable');
  late = false;
  expect(codeOf(await pay(point, chain))).toBe('permit');
  expect(codeOf(await pay(point, chain))).toBe('budget_exceeded');
});
