import { TaperError } from '@taper/core';
import type { BudgetReservation } from '../port/budget-ledger.ts';
import { type AmountUnits, parseAmount } from './amount.ts';

/** Accounts, and reservations, that a ledger holds unless told otherwise. */
export const DEFAULT_BUDGET_CAPACITY = 250_000;

const MAX_CHARGES = 256;
const MAX_OWNER_LENGTH = 256;

/** base64url of 32 bytes. */
const ACCOUNT = /^[A-Za-z0-9_-]{43}$/;
const ID = /^(?:[A-Za-z0-9_-]{43}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/i;

/** A charge whose amounts have been read. */
export interface Charge {
  readonly account: string;
  readonly limit: AmountUnits;
  readonly amount: AmountUnits;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * Reads the charges of a reservation, and refuses one that no ledger can keep rightly: a wrong form, one account twice, or
 * something that has expired already.
 * @throws {TaperError} `option_invalid`.
 */
export function readCharges(reservation: BudgetReservation, now: number): readonly Charge[] {
  checkNow(now);
  const { id, owner, charges, expiresAt } = reservation;
  if (typeof id !== 'string' || !ID.test(id))
    throw invalid('`id` must be 43 base64url characters or a UUID.');
  if (typeof owner !== 'string' || owner === '' || owner.length > MAX_OWNER_LENGTH)
    throw invalid(`\`owner\` must have 1 to ${MAX_OWNER_LENGTH} characters.`);
  checkExpiry(expiresAt, now);
  if (!Array.isArray(charges) || charges.length < 1 || charges.length > MAX_CHARGES)
    throw invalid(`A reservation has from 1 to ${MAX_CHARGES} charges.`);
  const read = charges.map((each) => {
    if (typeof each.account !== 'string' || !ACCOUNT.test(each.account))
      throw invalid('An account must be 43 base64url characters.');
    checkExpiry(each.expiresAt, now);
    const [limit, amount] = [parseAmount(each.limit), parseAmount(each.amount)];
    if (limit === undefined || amount === undefined)
      throw invalid('`limit` and `amount` must be decimal strings such as `12.50`, not negative.');
    return { account: each.account, limit, amount, expiresAt: each.expiresAt };
  });
  if (new Set(read.map(({ account }) => account)).size < read.length)
    throw invalid('An account is charged twice.');
  return read;
}

/** @throws {TaperError} `option_invalid` when it is not whole seconds. */
export function checkNow(now: number): void {
  if (!Number.isSafeInteger(now)) throw invalid('`now` must be whole seconds since the epoch.');
}

/** @throws {TaperError} `option_invalid` for a capacity that is no whole number from 1 on. */
export function checkBudgetCapacity(capacity: number): void {
  if (!Number.isSafeInteger(capacity) || capacity < 1)
    throw invalid('`capacity` must be a whole number, 1 or more.');
}

export function idTaken(): TaperError {
  return invalid('There is a reservation with this `id` already.');
}

export function limitDiffers(): TaperError {
  return invalid('An account has another limit than it was opened with.');
}

/** An account so old that it may have been spent and forgotten cannot be told from one that was never used. */
export function perhapsForgotten(): TaperError {
  return new TaperError(
    'store_unavailable',
    'A new account expires no later than one that has been forgotten, so it may have been spent before.',
    {
      hint: 'The clock of this process is more than a minute behind that of another one that shares the ledger, or has stepped back: synchronize the clocks.',
    },
  );
}

function checkExpiry(expiresAt: number, now: number): void {
  if (!Number.isSafeInteger(expiresAt) || expiresAt < now)
    throw invalid('`expiresAt` must be whole seconds, and not in the past.');
}

function invalid(message: string): TaperError {
  return new TaperError('option_invalid', message);
}
