import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import type { BudgetCharge, BudgetLedger, BudgetReservation } from '../port/budget-ledger.ts';
import {
  type ContractTest,
  identifier,
  type OpenedPort,
  refuses,
  CONTRACT_TIME as T,
  tally,
  withPort,
} from './contract.ts';

export interface BudgetLedgerContract {
  readonly test: ContractTest;
  /** @param options.capacity accounts, and reservations, that the ledger must hold, and no more. */
  open(options: { readonly capacity?: number }): Promise<OpenedPort<BudgetLedger>>;
}

/** A second at which all accounts of a test have expired. */
const MUCH_LATER: number = T + 100_000;

function charge(account: string, amount: string, limit = '10', expiresAt = T + 900): BudgetCharge {
  return { account: identifier(account), limit, amount, expiresAt };
}

function reservation(
  name: string,
  charges: readonly BudgetCharge[],
  expiresAt: number = T + 10,
): BudgetReservation {
  return { id: identifier(`reservation ${name}`), owner: 'process 1', charges, expiresAt };
}

/** Tests that a driver of {@link BudgetLedger} keeps what the port promises. */
export function budgetLedgerContract({ test, open }: BudgetLedgerContract): void {
  const check = withPort(test, open);
  let serial = 0;

  async function reserve(
    ledger: BudgetLedger,
    charges: readonly BudgetCharge[],
    now: number = T,
  ): Promise<string> {
    serial += 1;
    return (await ledger.reserve(reservation(`${serial}`, charges, now + 10), now)).verdict;
  }

  async function spend(ledger: BudgetLedger, charges: readonly BudgetCharge[], now: number = T) {
    serial += 1;
    const made = reservation(`${serial}`, charges, now + 10);
    const { verdict } = await ledger.reserve(made, now);
    return verdict === 'reserved' ? await ledger.settle(made.id, now) : verdict;
  }

  check(
    'lets an amount pass that reaches the limit, and none that passes it',
    {},
    async (ledger) => {
      strictEqual(await spend(ledger, [charge('a', '9.99')]), 'settled');
      deepStrictEqual(await ledger.reserve(reservation('over', [charge('a', '0.02')]), T), {
        verdict: 'exceeded',
        account: identifier('a'),
      });
      strictEqual(await spend(ledger, [charge('a', '0.01')]), 'settled');
      strictEqual(await reserve(ledger, [charge('a', '0.000000000000000001')]), 'exceeded');
      strictEqual(await reserve(ledger, [charge('b', '10')]), 'reserved');
      strictEqual(await reserve(ledger, [charge('c', '10.000000000000000001')]), 'exceeded');
    },
  );

  check('counts what is reserved like what is settled', {}, async (ledger, peer) => {
    strictEqual(await reserve(ledger, [charge('a', '6')]), 'reserved');
    strictEqual(await reserve(peer, [charge('a', '5')]), 'exceeded');
    strictEqual(await reserve(peer, [charge('a', '4')]), 'reserved');
    strictEqual(await reserve(ledger, [charge('a', '1')]), 'exceeded');
  });

  check('never passes a limit when calls race', {}, async (ledger, peer) => {
    const calls = Array.from({ length: 60 }, (_, index) =>
      spend(index % 2 === 0 ? ledger : peer, [charge('a', '1', '7'), charge('b', '1', '40')]),
    );
    deepStrictEqual(tally(await Promise.all(calls)), { settled: 7, exceeded: 53 });
    strictEqual(await reserve(ledger, [charge('b', '34', '40')]), 'exceeded');
    strictEqual(await reserve(ledger, [charge('b', '33', '40')]), 'reserved');
  });

  check('lets siblings share what their parent holds', {}, async (ledger, peer) => {
    const first = [charge('parent', '6'), charge('first child', '6')];
    const second = [charge('parent', '6'), charge('second child', '6')];
    strictEqual(await spend(ledger, first), 'settled');
    strictEqual(await spend(peer, second), 'exceeded');
    strictEqual(await spend(peer, [charge('parent', '4'), charge('second child', '4')]), 'settled');
  });

  check('holds all charges of a reservation or none', {}, async (ledger) => {
    strictEqual(await spend(ledger, [charge('b', '10')]), 'settled');
    const attempt = reservation('attempt', [charge('a', '4'), charge('b', '1'), charge('c', '4')]);
    deepStrictEqual(await ledger.reserve(attempt, T), {
      verdict: 'exceeded',
      account: identifier('b'),
    });
    strictEqual(await ledger.settle(attempt.id, T), 'lost');
    strictEqual(await reserve(ledger, [charge('a', '10'), charge('c', '10')]), 'reserved');
  });

  check('bears 256 charges at once', {}, async (ledger) => {
    const charges = Array.from({ length: 256 }, (_, index) => charge(`account ${index}`, '10'));
    strictEqual(await spend(ledger, charges), 'settled');
    strictEqual(await reserve(ledger, [charge('account 255', '1')]), 'exceeded');
  });

  check('refuses an id that is there, held or settled', {}, async (ledger, peer) => {
    const made = reservation('one', [charge('a', '1')]);
    strictEqual((await ledger.reserve(made, T)).verdict, 'reserved');
    await refuses(() => peer.reserve(made, T));
    await refuses(() => ledger.reserve(reservation('one', [charge('b', '1')]), T));
    strictEqual(await ledger.settle(made.id, T), 'settled');
    await refuses(() => ledger.reserve(made, T));
    strictEqual(await reserve(ledger, [charge('a', '9')]), 'reserved');
  });

  check('keeps a settled amount spent', {}, async (ledger, peer) => {
    const made = reservation('one', [charge('a', '10')]);
    await ledger.reserve(made, T);
    strictEqual(await ledger.settle(made.id, T), 'settled');
    strictEqual(await peer.settle(made.id, T), 'settled');
    await peer.release(made.id);
    strictEqual(await ledger.settle(made.id, T + 10), 'settled');
    strictEqual(await reserve(peer, [charge('a', '1')], T + 500), 'exceeded');
    strictEqual(await reserve(ledger, [charge('a', '1')], T + 900), 'exceeded');
  });

  check('has lost what was released, has expired or never was', {}, async (ledger, peer) => {
    const [released, expired] = [
      reservation('released', [charge('a', '1')]),
      reservation('expired', [charge('a', '1')]),
    ];
    await ledger.reserve(released, T);
    await ledger.reserve(expired, T);
    await ledger.release(released.id);
    strictEqual(await ledger.settle(released.id, T), 'lost');
    strictEqual(await peer.settle(expired.id, T + 11), 'lost');
    strictEqual(await ledger.settle(expired.id, T), 'lost');
    strictEqual(await ledger.settle(identifier('never'), T), 'lost');
    strictEqual(await reserve(ledger, [charge('a', '10')]), 'reserved');
  });

  check('settles in the last second of a reservation', {}, async (ledger) => {
    const made = reservation('one', [charge('a', '10')]);
    await ledger.reserve(made, T);
    strictEqual(await ledger.settle(made.id, T + 10), 'settled');
  });

  check('gives back what is released, once', {}, async (ledger, peer) => {
    const made = reservation('one', [charge('a', '6'), charge('b', '6')]);
    await ledger.reserve(made, T);
    strictEqual(await peer.release(made.id), undefined);
    strictEqual(await ledger.release(made.id), undefined);
    strictEqual(await ledger.release(identifier('never')), undefined);
    strictEqual(await reserve(ledger, [charge('a', '10'), charge('b', '10')]), 'reserved');
    strictEqual(await reserve(ledger, [charge('a', '1')]), 'exceeded');
  });

  check('gives back what expired, to whoever needs it', {}, async (ledger, peer) => {
    for (let index = 0; index < 100; index += 1) {
      const left = reservation(`left ${index}`, [charge('a', '0.1'), charge(`${index}`, '10')]);
      strictEqual((await ledger.reserve(left, T)).verdict, 'reserved');
    }
    strictEqual(await reserve(peer, [charge('a', '0.1')], T + 10), 'exceeded');
    strictEqual(await reserve(peer, [charge('a', '10')], T + 11), 'reserved');
    strictEqual(await reserve(peer, [charge('99', '10')], T + 11), 'reserved');
    strictEqual(await reserve(peer, [charge('a', '0.1')], T + 11), 'exceeded');
  });

  check('spends nothing twice when a reservation is given back early', {}, async (ledger, peer) => {
    const slow = reservation('of a clock that is behind', [charge('a', '10')], T + 10);
    await ledger.reserve(slow, T);
    strictEqual(await spend(peer, [charge('a', '10')], T + 60), 'settled');
    strictEqual(await ledger.settle(slow.id, T + 1), 'lost');
    strictEqual(await reserve(ledger, [charge('a', '1')]), 'exceeded');
  });

  check('refuses another limit for an account, however written', {}, async (ledger) => {
    strictEqual(await spend(ledger, [charge('a', '1', '10')]), 'settled');
    for (const limit of ['10.01', '9.99', '100', '0'])
      await refuses(() => reserve(ledger, [charge('b', '1', '10'), charge('a', '1', limit)]));
    strictEqual(await spend(ledger, [charge('a', '1', '10.00')]), 'settled');
    strictEqual(await spend(ledger, [charge('b', '10')]), 'settled');
  });

  check('adds exactly: nothing drifts, wraps around or is rounded', {}, async (ledger) => {
    const most = `${'9'.repeat(30)}.${'9'.repeat(18)}`;
    const lists: [limit: string, amounts: string[], over: string][] = [
      ['0.3', ['0.1', '0.2'], '0.000000000000000001'],
      ['9007199254740993', ['9007199254740992', '1'], '1'],
      ['9223372036854775808', ['9223372036854775807', '1'], '9223372036854775807'],
      ['18446744073709551617', ['18446744073709551616', '1'], '1'],
      [most, ['0.000000000000000001', `${'9'.repeat(30)}.${'9'.repeat(17)}8`], most],
      ['1.0', ['0.50', '0.5'], '0.1'],
    ];
    for (const [limit, amounts, over] of lists) {
      for (const amount of amounts)
        strictEqual(await spend(ledger, [charge(limit, amount, limit)]), 'settled', limit);
      strictEqual(await spend(ledger, [charge(limit, over, limit)]), 'exceeded', limit);
    }
  });

  check('lets nothing pass a limit of zero, except nothing', {}, async (ledger) => {
    strictEqual(await spend(ledger, [charge('a', '0.01', '0')]), 'exceeded');
    strictEqual(await spend(ledger, [charge('a', '0', '0')]), 'settled');
    strictEqual(await spend(ledger, [charge('a', '0.01', '0')]), 'exceeded');
  });

  check('refuses amounts and limits that are no exact decimals', {}, async (ledger) => {
    const wrong: unknown[] = [
      ...['-1', '-0', '+1', '1e3', '0x10', ' 5', '5 ', '05', '.5', '5.', '1,0', '', 'NaN'],
      ...['Infinity', `1${'0'.repeat(30)}`, `0.${'0'.repeat(18)}1`, '٣', '1\n'],
      ...[1, Number.NaN, 5n, ['5'], { valueOf: () => 1 }, new String('5'), null, undefined],
    ];
    for (const value of wrong) {
      await refuses(() => reserve(ledger, [charge('a', value as string)]));
      await refuses(() => reserve(ledger, [{ ...charge('a', '1'), limit: value as string }]));
    }
    strictEqual(await reserve(ledger, [charge('a', '10')]), 'reserved');
  });

  check('refuses reservations of another form', {}, async (ledger) => {
    const good = reservation('good', [charge('a', '1')]);
    const many = Array.from({ length: 257 }, (_, index) => charge(`account ${index}`, '1'));
    const wrong: object[] = [
      { charges: [] },
      { charges: many },
      { charges: [charge('a', '1'), charge('a', '2')] },
      { charges: [{ ...charge('a', '1'), account: 'a' }] },
      { charges: [charge('a', '1', '10', T - 1)] },
      { charges: [charge('a', '1', '10', Number.NaN)] },
      { id: 'x' },
      { id: '' },
      { owner: '' },
      { expiresAt: T - 1 },
      { expiresAt: T + 0.5 },
      { expiresAt: Number.NaN },
    ];
    for (const change of wrong) await refuses(() => ledger.reserve({ ...good, ...change }, T));
    for (const now of [Number.NaN, T + 0.5, undefined]) {
      await refuses(() => ledger.reserve(good, now as number));
      await refuses(() => ledger.settle(good.id, now as number));
    }
    const uuid = { ...good, id: '018f4e1c-7b8a-7c3d-9e2f-0a1b2c3d4e5f' };
    strictEqual((await ledger.reserve(good, T)).verdict, 'reserved');
    strictEqual((await ledger.reserve(uuid, T)).verdict, 'reserved');
  });

  check('is full for further accounts, not for those it has', { capacity: 3 }, async (ledger) => {
    strictEqual(await spend(ledger, [charge('a', '1'), charge('b', '1')]), 'settled');
    strictEqual(await reserve(ledger, [charge('c', '1'), charge('d', '1')]), 'full');
    strictEqual(await spend(ledger, [charge('c', '1')]), 'settled');
    strictEqual(await reserve(ledger, [charge('d', '1')], T + 20), 'full');
    strictEqual(await spend(ledger, [charge('a', '9'), charge('b', '9')], T + 20), 'settled');
  });

  check('is full for further reservations', { capacity: 3 }, async (ledger) => {
    const first = reservation('first', [charge('a', '1')]);
    await ledger.reserve(first, T);
    strictEqual(await reserve(ledger, [charge('a', '1')]), 'reserved');
    strictEqual(await reserve(ledger, [charge('a', '1')]), 'reserved');
    strictEqual(await reserve(ledger, [charge('a', '1')]), 'full');
    await ledger.release(first.id);
    strictEqual(await reserve(ledger, [charge('a', '1')]), 'reserved');
  });

  check('has room again when accounts have expired', { capacity: 2 }, async (ledger) => {
    strictEqual(await spend(ledger, [charge('a', '1'), charge('b', '1')]), 'settled');
    const late = charge('c', '1', '10', MUCH_LATER + 900);
    strictEqual(await reserve(ledger, [late], T + 900), 'full');
    strictEqual(await spend(ledger, [late], MUCH_LATER), 'settled');
  });

  check('opens no account that may have been spent and forgotten', {}, async (ledger, peer) => {
    strictEqual(await spend(ledger, [charge('a', '10')]), 'settled');
    for (let index = 0; index < 4; index += 1) {
      const later = charge(`later ${index}`, '1', '10', MUCH_LATER + 900);
      strictEqual(await spend(ledger, [later], MUCH_LATER), 'settled');
    }
    await refuses(() => reserve(peer, [charge('a', '1')], T));
    await refuses(() => reserve(ledger, [charge('never used', '1')], T));
    strictEqual(await reserve(ledger, [charge('b', '1', '10', T + 901)], T), 'reserved');
  });

  check('remembers an account until its last second has passed', {}, async (ledger) => {
    strictEqual(await spend(ledger, [charge('a', '10')]), 'settled');
    for (let index = 0; index < 20; index += 1) {
      const other = charge(`other ${index}`, '1', '10', T + 9_000);
      strictEqual(await spend(ledger, [other], T + 900), 'settled');
    }
    strictEqual(await reserve(ledger, [charge('a', '1')], T + 900), 'exceeded');
  });
}
