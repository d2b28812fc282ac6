import type { JsonValue } from '../json.ts';
import { listsOnly } from './enumerated.ts';
import { oncePerConstraint } from './once.ts';
import type { Constraint, ConstraintType } from './type.ts';

/** Most digits in front of the point, and most behind it. */
export const MAX_INTEGER_DIGITS = 30;
export const MAX_SCALE = 18;

/** Sign, digits, point, digits: whatever is longer is refused before it is looked at. */
const MAX_LENGTH = 1 + MAX_INTEGER_DIGITS + 1 + MAX_SCALE;

interface DecimalConstraint {
  readonly min: string;
  readonly max: string;
  readonly scale: number;
}

/**
 * `decimal`: a decimal number written as a string, from `min` to `max` (both included), with at most `scale` digits
 * behind the point. Compared exactly; a JSON number is refused. Rules and reasons: `docs/constraints/decimal.md`.
 */
export const decimal: ConstraintType = {
  name: 'decimal',
  members: ['min', 'max', 'scale'],
  validate({ min, max, scale }) {
    if (typeof scale !== 'number' || !Number.isInteger(scale) || scale < 0 || scale > MAX_SCALE) {
      return `\`scale\` must be an integer from 0 to ${MAX_SCALE}`;
    }
    const [least, greatest] = [parseDecimal(min, scale), parseDecimal(max, scale)];
    if (least === undefined) return '`min` must be a decimal string within `scale`';
    if (greatest === undefined) return '`max` must be a decimal string within `scale`';
    return least <= greatest ? undefined : '`min` is greater than `max`';
  },
  check,
  subsumes(parent, child) {
    if (child.constraint_type !== 'decimal')
      return listsOnly(child, (value) => check(parent, value));
    const [outer, inner] = [boundsOf(parent), boundsOf(child)];
    return (
      inner.scale <= outer.scale && inner.least >= outer.least && inner.greatest <= outer.greatest
    );
  },
  meet(left, right) {
    const [ours, theirs] = [boundsOf(left), boundsOf(right)];
    const scale = Math.min(ours.scale, theirs.scale);
    const unit = 10n ** BigInt(MAX_SCALE - scale);
    // Bounds with more digits than both allow are moved inwards, to the next amount that both accept.
    const least = multipleFrom(ours.least > theirs.least ? ours.least : theirs.least, unit);
    const most = -multipleFrom(
      -(ours.greatest < theirs.greatest ? ours.greatest : theirs.greatest),
      unit,
    );
    return least > most
      ? undefined
      : { constraint_type: 'decimal', min: writeDecimal(least), max: writeDecimal(most), scale };
  },
};

/** The least multiple of `unit` that is not below `amount`. */
function multipleFrom(amount: bigint, unit: bigint): bigint {
  const rest = amount % unit;
  return rest === 0n ? amount : amount - rest + (amount > 0n ? unit : 0n);
}

/** The canonical text of an amount in units of 10^-{@link MAX_SCALE}. */
function writeDecimal(amount: bigint): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(MAX_SCALE + 1, '0');
  const fraction = digits.slice(-MAX_SCALE).replace(/0+$/, '');
  const whole = digits.slice(0, -MAX_SCALE);
  return `${amount < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

function check(constraint: Constraint, value: JsonValue): boolean {
  const { scale, least, greatest } = boundsOf(constraint);
  const amount = parseDecimal(value, scale);
  return amount !== undefined && amount >= least && amount <= greatest;
}

interface Bounds {
  readonly scale: number;
  readonly least: bigint;
  readonly greatest: bigint;
}

const boundsOf: (constraint: Constraint) => Bounds = oncePerConstraint((constraint) => {
  const { min, max, scale } = constraint as unknown as DecimalConstraint;
  const [least, greatest] = [parseDecimal(min, scale), parseDecimal(max, scale)];
  if (least === undefined || greatest === undefined) {
    throw new Error('a decimal reached evaluation without validation');
  }
  return { scale, least, greatest };
});

/** The value in units of 10^-{@link MAX_SCALE}; undefined when the text is not canonical or has too many digits. */
export function parseDecimal(value: JsonValue | undefined, scale: number): bigint | undefined {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return undefined;
  const match = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?$/.exec(value);
  if (match === null) return undefined;
  const [, sign, integer = '', fraction = ''] = match;
  if (integer.length > MAX_INTEGER_DIGITS || fraction.length > scale) return undefined;
  const magnitude = BigInt(integer + fraction.padEnd(MAX_SCALE, '0'));
  if (sign === '') return magnitude;
  return magnitude === 0n ? undefined : -magnitude;
}
