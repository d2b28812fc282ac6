import {
  accountPerhapsForgotten,
  type BudgetLedger,
  type BudgetReservation,
  checkBudgetCapacity,
  checkBudgetTime,
  DEFAULT_BUDGET_CAPACITY,
  limitDiffers,
  type ReserveVerdict,
  readCharges,
  reservationTaken,
} from '@taper/enforce';
import type { PostgresDatabase } from '../database.ts';
import { type Row, statement } from '../statement.ts';

const RESERVE = statement(`
  SELECT verdict, refused FROM budget_reserve($1, $2, $3, $4::text[], $5::numeric[], $6::numeric[], $7::bigint[], $8, $9)`);
const SETTLE = statement('SELECT budget_settle($1, $2) AS verdict');
const RELEASE = statement('SELECT budget_release($1)');

/**
 * A {@link BudgetLedger} in PostgreSQL, shared by all that use the database. One round trip each; what is settled is on the disk before
 * the call is answered. A reservation is not, and need not be: when the server crashes before it is settled it is gone, and its call does
 * not run. `capacity` may be passed by as much as is reserved at the same moment.
 *
 * @throws {TaperError} `option_invalid` for a capacity (of accounts, and of reservations) that is no whole number from 1 on.
 */
export function createPostgresBudgetLedger(
  database: PostgresDatabase,
  options: { readonly capacity?: number } = {},
): BudgetLedger {
  const { capacity = DEFAULT_BUDGET_CAPACITY } = options;
  checkBudgetCapacity(capacity);
  return Object.freeze<BudgetLedger>({
    async reserve(reservation, now) {
      readCharges(reservation, now);
      const values = [...columnsOf(reservation), now, capacity];
      const [row = {}] = await database.query(RESERVE, values);
      return verdictIn(row);
    },
    async settle(id, now) {
      checkBudgetTime(now);
      const [row] = await database.query(SETTLE, [id, now]);
      return row?.['verdict'] === 'settled' ? 'settled' : 'lost';
    },
    async release(id) {
      await database.query(RELEASE, [id]);
    },
  });
}

function columnsOf({ id, owner, expiresAt, charges }: BudgetReservation) {
  return [
    id,
    owner,
    expiresAt,
    charges.map(({ account }) => account),
    charges.map(({ limit }) => limit),
    charges.map(({ amount }) => amount),
    charges.map((charge) => charge.expiresAt),
  ];
}

function verdictIn({ verdict, refused }: Row): ReserveVerdict {
  switch (verdict) {
    case 'reserved':
    case 'full':
      return { verdict };
    case 'exceeded':
      return { verdict, account: String(refused) };
    case 'taken':
      throw reservationTaken();
    case 'limit':
      throw limitDiffers();
    default:
      throw accountPerhapsForgotten();
  }
}
