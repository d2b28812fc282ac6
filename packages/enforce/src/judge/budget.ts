import { type Denial, denial, type JsonObject, platform } from '@taper/core';
import { isAmount, isZero } from '../budget/amount.ts';
import type { BudgetCharge, BudgetLedger, ReserveVerdict } from '../port/budget-ledger.ts';
import { ask, membersOf, nothing, oneOf, type Patience } from './ask.ts';
import type { Subject } from './subject.ts';

/**
 * Measures what a call takes, in exact decimals: `'12.50'`, or `'0'` where it takes nothing.
 * Anything else, or an exception, refuses the call with `budget_amount_invalid`.
 */
export type Meter = (tool: string, args: JsonObject) => string;

export interface BudgetSettings {
  readonly ledger: BudgetLedger | undefined;
  readonly meters: ReadonlyMap<string, Meter>;
  /** Identifies this process among those that share the ledger. */
  readonly owner: string;
  /** An identifier that nobody has used. */
  readonly newId: () => string;
  readonly patience: Patience;
}

/** What has been reserved for one call: to be settled in the moment before it runs, or released. */
export interface Reservation {
  readonly id: string;
  /** What the call takes, by meter; for the audit event. */
  readonly amounts: ReadonlyMap<string, string>;
}

/** The time, in seconds, that a call has between its reservation and its settlement. */
function reservationLifetime({ milliseconds }: Patience): number {
  return Math.ceil((4 * milliseconds) / 1000) + 5;
}

const UTF8 = new TextEncoder();

/** Seconds for which an account is kept after its token has expired: by how much clocks may differ. */
const ACCOUNT_RETENTION = 120;

/** Reserves what the call takes from every token on its chains that limits it; `undefined` where none does. */
export async function reserveBudget(
  subject: Subject,
  tool: string,
  args: JsonObject,
  now: number,
  settings: BudgetSettings,
): Promise<Reservation | Denial | undefined> {
  const { budgets } = subject.caveats;
  if (budgets.length === 0) return undefined;
  const { ledger, owner, patience } = settings;
  if (ledger === undefined)
    return denial('budget_ledger_unavailable', {}, { reason: 'not_configured' });
  const amounts = new Map<string, string>();
  for (const meter of new Set(budgets.map((each) => each.meter))) {
    const measure = settings.meters.get(meter);
    if (measure === undefined) return denial('budget_meter_unknown', {}, { tool, reason: meter });
    const amount = amountOf(measure, tool, args);
    if (amount === undefined) return denial('budget_amount_invalid', {}, { tool, reason: meter });
    amounts.set(meter, amount);
  }
  const charges: BudgetCharge[] = [];
  for (const { token, meter, limit, expiresAt } of budgets) {
    const amount = amounts.get(meter) as string;
    if (isZero(amount)) continue;
    const account = accountOf(token, meter);
    charges.push({ account, limit, amount, expiresAt: expiresAt + ACCOUNT_RETENTION });
  }
  if (charges.length === 0) return undefined;
  const id = settings.newId();
  const expiresAt = now + reservationLifetime(patience);
  const verdict = await ask(
    () => ledger.reserve({ id, owner, charges, expiresAt }, now),
    readReserveVerdict,
    patience,
  );
  if (verdict?.verdict === 'reserved') return { id, amounts };
  if (verdict === undefined) {
    // It may have been reserved all the same.
    void ask(() => ledger.release(id), nothing, patience);
    return denial('budget_ledger_unavailable');
  }
  if (verdict.verdict === 'full') return denial('budget_ledger_full');
  const exhausted = budgets.find(({ token, meter }) => accountOf(token, meter) === verdict.account);
  return denial('budget_exceeded', {}, { tool, reason: exhausted?.meter ?? 'unknown' });
}

/** The reservation becomes spent; a denial when it cannot be known to be. */
export async function settleBudget(
  { id }: Reservation,
  now: number,
  { ledger, patience }: BudgetSettings,
): Promise<Denial | undefined> {
  const verdict = await ask(() => ledger?.settle(id, now), readSettleVerdict, patience);
  if (verdict === 'settled') return undefined;
  return denial(verdict === 'lost' ? 'budget_reservation_lost' : 'budget_ledger_unavailable');
}

/** Gives a reservation back at once; where that fails, its expiry does. */
export async function releaseBudget(
  { id }: Reservation,
  { ledger, patience }: BudgetSettings,
): Promise<void> {
  await ask(() => ledger?.release(id), nothing, patience);
}

function amountOf(measure: Meter, tool: string, args: JsonObject): string | undefined {
  try {
    const amount: unknown = measure(tool, args);
    if (isAmount(amount)) return amount;
    // A meter that is asynchronous after all: what it rejects with must not end the process.
    if (amount instanceof Promise) amount.catch(nothing);
    return undefined;
  } catch {
    return undefined;
  }
}

function accountOf(token: string, meter: string): string {
  return platform.sha256(UTF8.encode(`budget ${token} ${meter}`));
}

function readReserveVerdict(value: unknown): ReserveVerdict | undefined {
  const { verdict, account } = membersOf(value);
  if (verdict === 'reserved' || verdict === 'full') return { verdict };
  return verdict === 'exceeded' ? { verdict, account: String(account) } : undefined;
}

const readSettleVerdict = oneOf('settled', 'lost');
