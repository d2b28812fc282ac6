/** Most digits in front of the point, and most behind it: those of the `decimal` constraint. */
const MAX_INTEGER_DIGITS = 30;
const MAX_SCALE = 18;

/** Digits, point, digits: whatever is longer is refused before it is looked at. */
const MAX_LENGTH = MAX_INTEGER_DIGITS + 1 + MAX_SCALE;

/**
 * An amount in units of 10^-18. A bigint: a double loses the unit above 2^53 and cannot hold 0.1, and 64 bits would
 * wrap around from 9.3 on at this scale.
 */
export type AmountUnits = bigint;

/**
 * Reads an amount: a decimal string in the canonical form of the `decimal` constraint (`docs/constraints/decimal.md`) without a
 * sign. `undefined` for anything else, a number too: what a double has lost cannot be told.
 */
export function parseAmount(value: unknown): AmountUnits | undefined {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return undefined;
  const match = /^(0|[1-9][0-9]*)(?:\.([0-9]+))?$/.exec(value);
  if (match === null) return undefined;
  const [, integer = '', fraction = ''] = match;
  if (integer.length > MAX_INTEGER_DIGITS || fraction.length > MAX_SCALE) return undefined;
  return BigInt(integer + fraction.padEnd(MAX_SCALE, '0'));
}

/** Writes an amount in its shortest form: `12.5`, not `12.50`. `parseAmount` reads it back to the same units. */
export function formatAmount(units: AmountUnits): string {
  const digits = units.toString().padStart(MAX_SCALE + 1, '0');
  const integer = digits.slice(0, -MAX_SCALE);
  const fraction = digits.slice(-MAX_SCALE).replace(/0+$/, '');
  return fraction === '' ? integer : `${integer}.${fraction}`;
}

/** Whether it is an amount that {@link parseAmount} reads. */
export function isAmount(value: unknown): value is string {
  return parseAmount(value) !== undefined;
}

/** Whether an amount is nothing, however it is written: `0`, `0.00`. */
export function isZero(amount: string): boolean {
  return parseAmount(amount) === 0n;
}
