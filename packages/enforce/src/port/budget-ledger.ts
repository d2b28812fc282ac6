/** One meter of one token of the chain, and what a call takes from it. */
export interface BudgetCharge {
  /** Identifies token and meter: 43 base64url characters. */
  readonly account: string;
  /** The most that may ever be spent from the account: an exact decimal such as `100.00`. The same at every charge. */
  readonly limit: string;
  /** What this call takes: an exact decimal, not negative. */
  readonly amount: string;
  /** Last second, since the epoch, for which the account must be remembered: when its token has expired, nothing can be charged any more. */
  readonly expiresAt: number;
}

/** What one call takes from every account on its chain, all or nothing. */
export interface BudgetReservation {
  /** Unique: 43 base64url characters or a UUID. */
  readonly id: string;
  /** The process that made it: a reservation is that process's to settle or release. */
  readonly owner: string;
  /** From 1 to 256, at most one for each account. */
  readonly charges: readonly BudgetCharge[];
  /** Last second, since the epoch, at which it may still be settled; after it anybody may give it back. */
  readonly expiresAt: number;
}

/** `reserved`, or the account that cannot bear its charge; nothing is held then. `full`: no room to remember another account or reservation. */
export type ReserveVerdict =
  | { readonly verdict: 'reserved' }
  | { readonly verdict: 'exceeded'; readonly account: string }
  | { readonly verdict: 'full' };

/** `lost`: there is no such reservation any more (it expired and was given back), so the call must not run. */
export type SettleVerdict = 'settled' | 'lost';

/**
 * Keeps what has been spent from each account. A port: all enforcement points that share budgets share one ledger.
 *
 * A call reserves, and settles in the moment before it is let run; until then nothing has run, so a reservation that is left
 * behind by a crash is given back after its expiry, and nothing is lost or spent twice.
 *
 * - What is reserved and not yet expired, and what is settled, never passes an account's limit, also when calls race. An amount that
 *   reaches the limit exactly passes.
 * - `reserve` holds all charges or none. An `id` that is already there is refused by an exception.
 * - A settled amount stays spent. `settle` of one that expired, was released or never existed is `lost`; of one that is settled, `settled`,
 *   until it expires.
 * - `release` gives back a reservation that was not settled, and does nothing otherwise.
 * - An account is remembered until its `expiresAt` has passed. A new one that expires no later than one which has been forgotten may
 *   have been spent before: it is refused by an exception. So no clock, however wrong, has a budget spent twice.
 * - A reservation of another form, such as an amount that is no exact decimal, is refused by an exception.
 * - An account whose limit differs from the one it was opened with is refused by an exception.
 * - An exception, a late or an unknown answer refuses the call with `budget_ledger_unavailable`.
 */
export interface BudgetLedger {
  /** @param now seconds since the epoch, as this caller sees it. */
  reserve(reservation: BudgetReservation, now: number): ReserveVerdict | Promise<ReserveVerdict>;
  settle(id: string, now: number): SettleVerdict | Promise<SettleVerdict>;
  release(id: string): void | Promise<void>;
}
