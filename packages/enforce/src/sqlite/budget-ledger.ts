import { TaperError } from '@taper/core';
import { type AmountUnits, formatAmount, parseAmount } from '../budget/amount.ts';
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
import type {
  BudgetLedger,
  BudgetReservation,
  ReserveVerdict,
  SettleVerdict,
} from '../port/budget-ledger.ts';
import { type Clock, systemClock } from '../port/clock.ts';
import type { SqliteDatabase } from './database.ts';

/** Expired reservations, and accounts, that each call takes away beyond those it can add: so few that no call has to wait for it. */
const SWEEP = 32;

/** Those taken away when the ledger is opened: what was in flight when its processes died. */
const SWEEP_AT_OPEN = 1_000;

/** `taken` is what is settled and what is held. Amounts are texts: SQLite's integers have 64 bits and its reals lose digits. */
const TABLES = `
  CREATE TABLE budget_account (
    account TEXT PRIMARY KEY,
    spending_limit TEXT NOT NULL,
    taken TEXT NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX budget_account_expiry ON budget_account (expires_at);
  CREATE TABLE budget_reservation (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    settled INTEGER NOT NULL CHECK (settled IN (0, 1))
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX budget_reservation_expiry ON budget_reservation (expires_at);
  CREATE TABLE budget_charge (
    reservation TEXT NOT NULL REFERENCES budget_reservation (id),
    account TEXT NOT NULL,
    amount TEXT NOT NULL,
    PRIMARY KEY (reservation, account)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX budget_charge_account ON budget_charge (account);
  CREATE TABLE budget_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    accounts INTEGER NOT NULL CHECK (accounts >= 0),
    reservations INTEGER NOT NULL CHECK (reservations >= 0),
    forgotten_to INTEGER NOT NULL
  ) STRICT;
  INSERT INTO budget_state (one, accounts, reservations, forgotten_to) VALUES (1, 0, 0, -1);
`;

export interface SqliteBudgetLedgerOptions {
  /** Most accounts, and most reservations, that it holds. Default 250,000. */
  readonly capacity?: number;
  /** Tells at opening which reservations have expired. Default: {@link systemClock}. */
  readonly clock?: Clock;
}

/**
 * A {@link BudgetLedger} in a SQLite file, shared by all processes that open it. Whatever it answers is on the disk before.
 * When it is opened, reservations that processes left behind and that have expired are given back.
 *
 * @throws {TaperError} `option_invalid` for a capacity that is no whole number from 1 on; `store_unusable` when the file holds
 * another version of its tables.
 */
export function createSqliteBudgetLedger(
  database: SqliteDatabase,
  options: SqliteBudgetLedgerOptions = {},
): BudgetLedger {
  const { capacity = DEFAULT_BUDGET_CAPACITY, clock = systemClock } = options;
  checkBudgetCapacity(capacity);
  database.define('budget', 1, TABLES);
  const sql = (text: string) => database.prepare(text);
  const findAccount = sql(
    'SELECT spending_limit, taken, expires_at FROM budget_account WHERE account = ?',
  );
  const openAccount = sql('INSERT INTO budget_account VALUES (?, ?, ?, ?)');
  const changeAccount = sql(
    'UPDATE budget_account SET taken = ?, expires_at = ? WHERE account = ?',
  );
  const removeAccount = sql('DELETE FROM budget_account WHERE account = ?');
  const expiredAccounts = sql(
    'SELECT account, expires_at FROM budget_account WHERE expires_at < ? ORDER BY expires_at LIMIT ?',
  );
  const findReservation = sql('SELECT expires_at, settled FROM budget_reservation WHERE id = ?');
  const addReservation = sql('INSERT INTO budget_reservation VALUES (?, ?, ?, 0)');
  const markSettled = sql('UPDATE budget_reservation SET settled = 1 WHERE id = ?');
  const removeReservation = sql('DELETE FROM budget_reservation WHERE id = ?');
  const expiredReservations = sql(
    'SELECT id FROM budget_reservation WHERE expires_at < ? ORDER BY expires_at LIMIT ?',
  );
  const expiredHolders = sql(
    'SELECT id FROM budget_charge JOIN budget_reservation ON id = reservation WHERE account = ? AND expires_at < ?',
  );
  const addCharge = sql('INSERT INTO budget_charge VALUES (?, ?, ?)');
  const chargesOf = sql('SELECT account, amount FROM budget_charge WHERE reservation = ?');
  const removeCharges = sql('DELETE FROM budget_charge WHERE reservation = ?');
  const readState = sql('SELECT accounts, reservations, forgotten_to FROM budget_state');
  const addToState = sql(
    'UPDATE budget_state SET accounts = accounts + ?, reservations = reservations + ?, forgotten_to = max(forgotten_to, ?)',
  );

  function accountNamed(account: string) {
    const row = findAccount.get(account);
    if (row === undefined) return undefined;
    const [limit, taken] = [stored(row['spending_limit']), stored(row['taken'])];
    return { limit, taken, expiresAt: Number(row['expires_at']) };
  }

  /** An amount that has been written here; anything else would have to be guessed at. */
  function stored(text: unknown): AmountUnits {
    const units = parseAmount(text);
    if (units !== undefined) return units;
    throw new TaperError(
      'store_unusable',
      `The store ${database.path} holds an amount that is none.`,
      {
        hint: 'Something else has written to it. Follow "Restoring" in docs/stores.md.',
      },
    );
  }

  /** Gives back what is held and not settled, and forgets the reservation. */
  function drop(id: string): void {
    for (const { account, amount } of chargesOf.all(id)) {
      const known = accountNamed(String(account));
      if (known === undefined) continue;
      const rest = formatAmount(known.taken - stored(amount));
      changeAccount.run(rest, known.expiresAt, String(account));
    }
    removeCharges.run(id);
    if (removeReservation.run(id).changes === 1) addToState.run(0, -1, -1);
  }

  function sweep(now: number, most: number): void {
    for (const { id } of expiredReservations.all(now, most)) drop(String(id));
    for (const { account, expires_at } of expiredAccounts.all(now, most)) {
      removeAccount.run(String(account));
      addToState.run(-1, 0, Number(expires_at));
    }
  }

  function bears({ account, limit, amount, expiresAt }: Charge, now: number): boolean {
    const known = accountNamed(account);
    if (known === undefined) {
      if (expiresAt <= Number(readState.get()?.['forgotten_to'])) throw perhapsForgotten();
      return amount <= limit;
    }
    if (known.limit !== limit) throw limitDiffers();
    if (known.taken + amount <= limit) return true;
    const holders = expiredHolders.all(account, now);
    for (const { id } of holders) drop(String(id));
    const taken = holders.length === 0 ? known.taken : (accountNamed(account)?.taken ?? 0n);
    return taken + amount <= limit;
  }

  function reserve(
    { id, owner, expiresAt }: BudgetReservation,
    charges: readonly Charge[],
    now: number,
  ): ReserveVerdict {
    if (findReservation.get(id) !== undefined) throw idTaken();
    sweep(now, SWEEP + charges.length);
    for (const charge of charges) {
      if (!bears(charge, now)) return { verdict: 'exceeded', account: charge.account };
    }
    const opening = charges.filter(({ account }) => findAccount.get(account) === undefined);
    const { accounts, reservations } = readState.get() ?? {};
    if (Number(accounts) + opening.length > capacity || Number(reservations) >= capacity)
      return { verdict: 'full' };
    addReservation.run(id, owner, expiresAt);
    addToState.run(opening.length, 1, -1);
    for (const charge of charges) take(id, charge);
    return { verdict: 'reserved' };
  }

  function take(id: string, { account, limit, amount, expiresAt }: Charge): void {
    addCharge.run(id, account, formatAmount(amount));
    const known = accountNamed(account);
    if (known === undefined) {
      openAccount.run(account, formatAmount(limit), formatAmount(amount), expiresAt);
      return;
    }
    const taken = formatAmount(known.taken + amount);
    changeAccount.run(taken, Math.max(known.expiresAt, expiresAt), account);
  }

  function settle(id: string, now: number): SettleVerdict {
    const reservation = findReservation.get(id);
    if (reservation === undefined) return 'lost';
    if (reservation['settled'] === 1) return 'settled';
    if (Number(reservation['expires_at']) < now) {
      drop(id);
      return 'lost';
    }
    removeCharges.run(id);
    markSettled.run(id);
    return 'settled';
  }

  // Best effort: every reservation sweeps, too.
  database
    .write(() => {
      const now = clock.now();
      checkNow(now);
      sweep(now, SWEEP_AT_OPEN);
    })
    .catch(() => undefined);

  return {
    async reserve(reservation, now) {
      const charges = readCharges(reservation, now);
      return database.write(() => reserve(reservation, charges, now));
    },
    async settle(id, now) {
      checkNow(now);
      return database.write(() => settle(id, now));
    },
    async release(id) {
      await database.write(() => {
        if (findReservation.get(id)?.['settled'] === 0) drop(id);
      });
    },
  };
}
