import { auditRevocations, createMemoryRevocationStateStore, createRevokedSet } from '@taper/log';
import { createRandom, type Random, type TestKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  ALICE,
  ANCHOR,
  ANCHORS,
  AUTHORITY,
  ask,
  BOB,
  CAROL,
  chainNumber,
  type Desk,
  keyOf,
  NOW,
  ORIGIN,
  openDesk,
} from './desk.ts';

/** What was acknowledged, by its index. */
type Acknowledged = Map<number, string>;

async function act(desk: Desk, random: Random, said: Acknowledged): Promise<void> {
  const chain = chainNumber(random.between(0, 5), random.between(1, 3));
  const by = random.pick<TestKey>([ALICE, BOB, CAROL, ANCHOR, AUTHORITY]);
  const take = async (compact: string): Promise<void> => {
    const answer = await desk.authority.request(compact);
    if (answer.ok) said.set(answer.index, answer.entry);
  };
  switch (random.between(0, 7)) {
    case 0:
      desk.clock.advance(random.between(0, 19) - 4);
      return;
    case 1:
      await desk.authority.publishEpoch();
      return;
    case 2:
      await desk.reopen();
      return;
    case 3:
      await desk.authority.close();
      await desk.reopen();
      return;
    case 4:
      await take(
        await ask(by, [], {
          target: {
            kind: 'tenant',
            tenant: `t${random.between(0, 2)}`,
            issued_before: NOW - random.between(0, 8),
          },
        }),
      );
      return;
    case 5:
      // Rarely: a key takes all that is below it with it.
      if (!random.chance(0.3)) return;
      await take(
        await ask(by, by === AUTHORITY || by === ANCHOR ? [] : chain, {
          target: keyOf(by === AUTHORITY ? CAROL : by),
        }),
      );
      return;
    default:
      await Promise.all([
        take(await ask(by, chain)),
        take(await ask(ALICE, chain)),
        desk.authority.publishEpoch(),
      ]);
  }
}

describe('whatever happens to a revocation log', () => {
  test.each(Array.from({ length: 12 }, (_, run) => run))(
    'it audits, forgets nothing that it acknowledged, and says the same after a restart (run %i)',
    async (run) => {
      const desk = await openDesk({ state: createMemoryRevocationStateStore(), quota: 16 });
      const random = createRandom(`revocation history ${run}`);
      const said: Acknowledged = new Map();
      for (let step = 0; step < 40; step++) await act(desk, random, said);
      await desk.authority.publishEpoch();
      const texts = await desk.entries();
      expect(said.size).toBeGreaterThan(1);
      for (const [index, entry] of said) expect(texts[index]).toBe(entry);
      expect(new Set(texts).size).toBe(texts.length);

      const trust = { log: ORIGIN, authority: [AUTHORITY.publicKey], anchors: ANCHORS };
      const report = await auditRevocations(desk.log.reader, trust);
      expect(report).toMatchObject({ ok: true, uncovered: 0 });

      const { state } = desk.authority;
      const root = state.set.root();
      const rebuilt = createRevokedSet();
      for (const entry of state.set.entries()) rebuilt.add(entry);
      expect(rebuilt.root()).toEqual(root);
      await desk.reopen({ state: createMemoryRevocationStateStore() });
      const again = desk.authority.state;
      expect(again.set.root()).toEqual(root);
      expect([...again.accounts.all].sort()).toEqual([...state.accounts.all].sort());
      expect(desk.failures).toEqual([]);
    },
  );
});
