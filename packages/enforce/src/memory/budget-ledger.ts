import type { AmountUnits } from '../budget/amount.ts';
import {
  type Charge,
  checkBudgetCapacity,
  checkNow,
  DEFAULT_BUDGET_CAPACITY,
  idTaken,
  limitDiffers,
  perhapsForgotten,
  readCharges,
} from '../budget/reservation.ts';
import type { BudgetLedger, BudgetReservation, ReserveVerdict } from '../port/budget-ledger.ts';

/** Entries that each reservation looks at to find expired ones, for each entry that it may add. */
const SWEEP = 4;

interface Account {
  readonly limit: AmountUnits;
  /** What is settled and what is held. */
  taken: AmountUnits;
  expiresAt: number;
  /** What holds a part of it, so that what has expired is found before a charge is refused. */
  readonly held: Set<Held>;
}

interface Held {
  readonly id: string;
  readonly expiresAt: number;
  /** Emptied when it is settled. */
  charges: readonly { readonly account: Account; readonly amount: AmountUnits }[];
  settled: boolean;
}

/**
 * A {@link BudgetLedger} in the memory of one process, for one process. A restart forgets what was spent, so every budget
 * starts anew: for budgets that matter use a ledger that lasts.
 *
 * @throws {TaperError} `option_invalid` for a capacity (of accounts, and of reservations) that is no whole number from 1 on.
 */
export function createMemoryBudgetLedger(
  options: { readonly capacity?: number } = {},
): BudgetLedger {
  const capacity = options.capacity ?? DEFAULT_BUDGET_CAPACITY;
  checkBudgetCapacity(capacity);
  const accounts = new Map<string, Account>();
  const reservations = new Map<string, Held>();
  /** Whatever account expires no later may have been forgotten, whoever's clock made it so. */
  let forgottenTo = Number.NEGATIVE_INFINITY;

  const nextAccount = endlessly(accounts);
  const nextReservation = endlessly(reservations);

  /** Looks at a few entries, a few more at each call: nothing expired stays for ever, and no call pays for all. */
  function sweep(now: number, steps: number): void {
    for (let step = 0; step < steps; step += 1) {
      const [, reservation] = nextReservation() ?? [];
      if (reservation !== undefined && reservation.expiresAt < now) drop(reservation);
      const [name, account] = nextAccount() ?? [];
      if (name === undefined || account === undefined || account.expiresAt >= now) continue;
      accounts.delete(name);
      forgottenTo = Math.max(forgottenTo, account.expiresAt);
    }
  }

  /** Gives back what is held and not settled, and forgets the reservation. */
  function drop(reservation: Held): void {
    for (const { account, amount } of reservation.charges) {
      account.held.delete(reservation);
      account.taken -= amount;
    }
    reservation.charges = [];
    reservations.delete(reservation.id);
  }

  function bears({ account: name, limit, amount, expiresAt }: Charge, now: number): boolean {
    const account = accounts.get(name);
    if (account === undefined) {
      if (expiresAt <= forgottenTo) throw perhapsForgotten();
      return amount <= limit;
    }
    if (account.limit !== limit) throw limitDiffers();
    if (account.taken + amount <= limit) return true;
    for (const held of account.held) if (held.expiresAt < now) drop(held);
    return account.taken + amount <= limit;
  }

  function open({ account: name, limit, expiresAt }: Charge): Account {
    const known = accounts.get(name);
    if (known !== undefined) {
      known.expiresAt = Math.max(known.expiresAt, expiresAt);
      return known;
    }
    const opened: Account = { limit, taken: 0n, expiresAt, held: new Set() };
    accounts.set(name, opened);
    return opened;
  }

  return {
    reserve(reservation: BudgetReservation, now: number): ReserveVerdict {
      const charges = readCharges(reservation, now);
      const { id, expiresAt } = reservation;
      if (reservations.has(id)) throw idTaken();
      sweep(now, SWEEP * charges.length);
      for (const charge of charges) {
        if (!bears(charge, now)) return { verdict: 'exceeded', account: charge.account };
      }
      const opening = charges.filter(({ account }) => !accounts.has(account)).length;
      if (accounts.size + opening > capacity || reservations.size >= capacity)
        return { verdict: 'full' };
      const held: Held = { id, expiresAt, charges: [], settled: false };
      held.charges = charges.map((charge) => {
        const account = open(charge);
        account.taken += charge.amount;
        account.held.add(held);
        return { account, amount: charge.amount };
      });
      reservations.set(id, held);
      return { verdict: 'reserved' };
    },
    settle(id, now) {
      checkNow(now);
      const reservation = reservations.get(id);
      if (reservation === undefined) return 'lost';
      if (reservation.settled) return 'settled';
      if (reservation.expiresAt < now) {
        drop(reservation);
        return 'lost';
      }
      for (const { account } of reservation.charges) account.held.delete(reservation);
      reservation.charges = [];
      reservation.settled = true;
      return 'settled';
    },
    release(id) {
      const reservation = reservations.get(id);
      if (reservation !== undefined && !reservation.settled) drop(reservation);
    },
  };
}

/** The entries of a map, one at a call, from the beginning again after the last; `undefined` once at each end. */
function endlessly<Key, Value>(map: Map<Key, Value>): () => [Key, Value] | undefined {
  let entries = map.entries();
  return () => {
    const next = entries.next();
    if (next.done !== true) return next.value;
    entries = map.entries();
    return undefined;
  };
}
