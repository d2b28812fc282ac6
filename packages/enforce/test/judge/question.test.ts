import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { approve, joinPresentations, type VerifiedChain } from '@taper/core';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type ApprovalStore,
  createMemoryApprovalSource,
  createMemoryReplayStore,
  type PolicyEngine,
  type ReplayStore,
} from '../../src/index.ts';
import { createSqliteReplayStore, openSqliteDatabase } from '../../src/sqlite/index.ts';
import { open, sessionPoint, TEXT } from '../session/parties.ts';
import { ada, chainOf, codeOf, NOW, nextId, PAYMENT, pay, pointWith, present } from './scene.ts';

// Whoever overhears a call can send it again. That runs nothing, and puts nothing before people either (docs/decisions/0022).

const groups = { finance: [{ name: 'Ada', key: ada.publicKey }] };
const financed = { root: { approvals: { pay: { finance: 1 } } } };

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

function sqliteReplay(): ReplayStore {
  const folder = mkdtempSync(join(tmpdir(), 'taper-question-'));
  const database = openSqliteDatabase(join(folder, 'replay.db'));
  ends.push(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });
  return createSqliteReplayStore(database);
}

async function scene(replay: ReplayStore = createMemoryReplayStore(), policy?: PolicyEngine) {
  const source = createMemoryApprovalSource({ groups });
  const chain = await chainOf(policy === undefined ? financed : {});
  const options = { approvals: source, replay, ...(policy === undefined ? {} : { policy }) };
  const points = [pointWith(options), pointWith(options)];
  let turn = 0;
  return {
    source,
    chain,
    point: points[0] as (typeof points)[0],
    /** Sends a presentation, each time to the other of two processes; what became of it. */
    send: async (presentation: object): Promise<string> => {
      turn += 1;
      const point = points[turn % 2] as (typeof points)[0];
      return codeOf(await point.authorize(presentation, 'pay', PAYMENT));
    },
  };
}

/** The questions that wait, by their nonces. */
const waiting = async (source: ApprovalStore): Promise<readonly string[]> =>
  (await source.pending(NOW)).map(({ action }) => action.nonce);

/** Ada approves whatever waits. */
async function approveAll(source: ApprovalStore): Promise<void> {
  for (const { action } of await source.pending(NOW)) {
    const approval = await approve({
      action,
      group: 'finance',
      signer: ada,
      now: NOW,
      id: nextId(),
    });
    expect(await source.submit(approval, NOW)).not.toHaveProperty('code');
  }
}

describe.each<[string, () => ReplayStore]>([
  ['in memory', createMemoryReplayStore],
  ['in SQLite', sqliteReplay],
])('with proofs remembered %s', (_where, newReplay) => {
  test('a call that was approved and has run asks nobody again when it is sent again', async () => {
    const { source, chain, send } = await scene(newReplay());
    expect(await send(await present(chain))).toBe('approval_required');
    await approveAll(source);
    const overheard = await present(chain);
    expect(await send(overheard)).toBe('permit');
    for (let each = 0; each < 4; each += 1) expect(await send(overheard)).toBe('proof_replayed');
    expect(await waiting(source)).toEqual([]);
    expect(await send(await present(chain))).toBe('approval_required');
    expect(await send(overheard)).toBe('proof_replayed');
    expect(await waiting(source)).toHaveLength(1);
  });

  test('a proof that asked, first or while the question was open, opens no other when that one has run', async () => {
    const { source, chain, send } = await scene(newReplay());
    const asked = [await present(chain), await present(chain), await present(chain)];
    for (const each of asked) expect(await send(each)).toBe('approval_required');
    await approveAll(source);
    expect(await send(await present(chain))).toBe('permit');
    for (const each of asked) expect(await send(each)).toBe('proof_replayed');
    expect(await waiting(source)).toEqual([]);
  });

  test('a proof that asked may come back: the same question while it is open, and one run when it is approved', async () => {
    const { source, chain, send } = await scene(newReplay());
    const proof = await present(chain);
    expect(await send(proof)).toBe('approval_required');
    const opened = await waiting(source);
    for (let each = 0; each < 4; each += 1) expect(await send(proof)).toBe('approval_required');
    expect(await waiting(source)).toEqual(opened);
    await approveAll(source);
    const codes = await Promise.all([send(proof), send(proof), send(proof)]);
    expect(codes.filter((code) => code === 'permit')).toHaveLength(1);
    expect(await send(proof)).toBe('proof_replayed');
    expect(await waiting(source)).toEqual([]);
  });

  test('of two chains together, one proof that has asked is enough to open nothing', async () => {
    const { source, chain, send } = await scene(newReplay());
    const other: VerifiedChain = await chainOf();
    const [first, second] = [await present(chain), await present(other)];
    expect(await send(joinPresentations([first, second]))).toBe('approval_required');
    await approveAll(source);
    const both = [await present(chain), await present(other)];
    expect(await send(joinPresentations(both))).toBe('permit');
    for (const pair of [
      [first, second],
      [first, await present(other)],
      [await present(chain), second],
    ])
      expect(await send(joinPresentations(pair))).toBe('proof_replayed');
    expect(await waiting(source)).toEqual([]);
    const fresh = [await present(chain), await present(other)];
    expect(await send(joinPresentations(fresh))).toBe('approval_required');
  });
});

test('a call that ran before policy asked for approvals asks nobody when it is sent again', async () => {
  let isAsked = false;
  const policy: PolicyEngine = {
    decide: () => ({
      verdict: isAsked ? 'approval_required' : 'permit',
      approvals: isAsked ? [{ group: 'finance', count: 1 }] : [],
      policy: { id: 'p', version: '1' },
      reasons: [],
    }),
  };
  const { source, chain, send } = await scene(createMemoryReplayStore(), policy);
  const overheard = await present(chain);
  expect(await send(overheard)).toBe('permit');
  isAsked = true;
  expect(await send(overheard)).toBe('proof_replayed');
  expect(await waiting(source)).toEqual([]);
  expect(await send(await present(chain))).toBe('approval_required');
});

test('a request in a session that has asked opens no other question, and may run its own once', async () => {
  const source = createMemoryApprovalSource({ groups });
  const point = sessionPoint({ approvals: source });
  const session = await open(point, { chains: [await chainOf(financed)] });
  const send = async (request: object): Promise<string> =>
    codeOf(await point.authorize(request, 'pay', TEXT));
  const [first, second] = [session.request('pay', TEXT), session.request('pay', TEXT)];
  expect(await send(first)).toBe('approval_required');
  expect(await send(second)).toBe('approval_required');
  expect(await send(first)).toBe('approval_required');
  expect(await waiting(source)).toHaveLength(1);
  await approveAll(source);
  expect(await send(second)).toBe('permit');
  expect(await send(second)).toBe('session_sequence_replayed');
  expect(await send(first)).toBe('session_sequence_replayed');
  expect(await waiting(source)).toEqual([]);
  expect(await send(session.request('pay', TEXT))).toBe('approval_required');
});

describe('where a store fails, nobody is asked', () => {
  const failing: [string, string, ReplayStore['accept']][] = [
    ['is full', 'replay_store_full', () => 'full'],
    ['answers what it should not', 'replay_store_unavailable', () => 'fine' as never],
    ['fails', 'replay_store_unavailable', () => Promise.reject(new Error('disk'))],
  ];

  test.each(failing)('where the store of proofs %s', async (_what, code, accept) => {
    const { source, chain, send } = await scene({ ...createMemoryReplayStore(), accept });
    expect(await send(await present(chain))).toBe(code);
    expect(await waiting(source)).toEqual([]);
  });

  test.each(failing)(
    'where it %s when the question is to be remembered',
    async (_w, code, fail) => {
      const store = createMemoryReplayStore();
      let calls = 0;
      const accept: ReplayStore['accept'] = (keys, now) => {
        calls += 1;
        return calls === 2 ? fail(keys, now) : store.accept(keys, now);
      };
      const { source, chain, send } = await scene({ ...store, accept });
      const proof = await present(chain);
      expect(await send(proof)).toBe(code);
      expect(await waiting(source)).toEqual([]);
      expect(await send(proof)).toBe('approval_required');
    },
  );

  test('and what was taken for a question that could not be opened is given back', async () => {
    const source = createMemoryApprovalSource({ groups });
    let isFull = true;
    const approvals: ApprovalStore = {
      ...source,
      open: (pending, now) => {
        if (isFull) throw new Error('full');
        return source.open(pending, now);
      },
    };
    const point = pointWith({ approvals });
    const chain = await chainOf(financed);
    const proof = await present(chain);
    expect(codeOf(await point.authorize(proof, 'pay', PAYMENT))).toBe(
      'approval_source_unavailable',
    );
    isFull = false;
    expect(codeOf(await point.authorize(proof, 'pay', PAYMENT))).toBe('approval_required');
  });

  test('a proof that could not be given back stays used; a fresh one gets the same question', async () => {
    const store = createMemoryReplayStore();
    const forget = (): never => {
      throw new Error('disk');
    };
    const { source, chain, send, point } = await scene({ ...store, forget });
    const proof = await present(chain);
    expect(await send(proof)).toBe('approval_required');
    expect(await send(proof)).toBe('proof_replayed');
    expect(codeOf(await pay(point, chain))).toBe('approval_required');
    expect(await waiting(source)).toHaveLength(1);
    await approveAll(source);
    expect(codeOf(await pay(point, chain))).toBe('permit');
  });
});
