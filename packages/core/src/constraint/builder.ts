import type { JsonObject, JsonValue } from '../json.ts';
import type { Reach } from './reach.ts';

/**
 * A constraint as it is written into a token, not judged yet: `issue` and `derive` refuse what is not well-formed.
 * These functions only save typing; a plain object does as well.
 */
export type UncheckedConstraint = JsonObject & { readonly constraint_type: string };

type Scalar = string | number | boolean | null;

/** The argument equals `value`. */
export function exact(value: Scalar): UncheckedConstraint {
  return { constraint_type: 'exact', value };
}

/** The argument is a number within bounds; inclusive unless said otherwise. */
export function range(bounds: {
  readonly min?: number;
  readonly max?: number;
  readonly min_inclusive?: boolean;
  readonly max_inclusive?: boolean;
}): UncheckedConstraint {
  return { constraint_type: 'range', ...bounds };
}

/** The argument is one of these values. */
export function oneOf(...values: readonly JsonValue[]): UncheckedConstraint {
  return { constraint_type: 'one_of', values };
}

/** The argument is none of these values. */
export function notOneOf(...excluded: readonly JsonValue[]): UncheckedConstraint {
  return { constraint_type: 'not_one_of', excluded };
}

/** The argument is an array that holds all of these elements. */
export function contains(...required: readonly JsonValue[]): UncheckedConstraint {
  return { constraint_type: 'contains', required };
}

/** The argument is an array that holds none but these elements. */
export function subset(...allowed: readonly JsonValue[]): UncheckedConstraint {
  return { constraint_type: 'subset', allowed };
}

/** Any value. */
export function wildcard(): UncheckedConstraint {
  return { constraint_type: 'wildcard' };
}

/** Every clause accepts the argument. */
export function all(...constraints: readonly UncheckedConstraint[]): UncheckedConstraint {
  return { constraint_type: 'all', constraints };
}

/** At least one clause accepts the argument. */
export function any(...constraints: readonly UncheckedConstraint[]): UncheckedConstraint {
  return { constraint_type: 'any', constraints };
}

/** The argument may be left out; the tool's own default then applies (draft section 9.13). */
export function optional(constraint: UncheckedConstraint): UncheckedConstraint {
  return { ...constraint, optional: true };
}

/** A normalized absolute path: `root` itself, its children, its descendants, or the subtree of both (`docs/constraints/path.md`). */
export function path(root: string, reach: Reach): UncheckedConstraint {
  return { constraint_type: 'path', root, reach };
}

/** A URL in canonical form (`docs/constraints/url.md`). */
export function url(
  members: {
    readonly schemes: readonly ('http' | 'https' | 'ws' | 'wss')[];
    readonly port?: number;
    readonly path: { readonly root: string; readonly reach: Reach };
    readonly query?: 'any';
  } & ({ readonly host: string } | { readonly host_suffix: string }),
): UncheckedConstraint {
  return { constraint_type: 'url', ...members };
}

/** An exact decimal string, for money, between `min` and `max` inclusive: `scale` is the greatest number of fraction digits (`docs/constraints/decimal.md`). */
export function decimal(members: {
  readonly min: string;
  readonly max: string;
  readonly scale: number;
}): UncheckedConstraint {
  return { constraint_type: 'decimal', ...members };
}

/** An RFC 3339 instant in UTC, both ends included (`docs/constraints/instant.md`). */
export function instant(notBefore: string, notAfter: string): UncheckedConstraint {
  return { constraint_type: 'instant', not_before: notBefore, not_after: notAfter };
}

/** A single IP address within a network, in canonical text (`docs/constraints/cidr.md`). */
export function cidr(network: string): UncheckedConstraint {
  return { constraint_type: 'cidr', network };
}
