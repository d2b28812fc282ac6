import { expect } from 'vitest';
import type {
  Constraint,
  ConstraintContext,
  ConstraintType,
  JsonObject,
  JsonValue,
} from '../../src/constraint/type.ts';

/** What a leaf type is given for a context: it has no clauses to judge, so any use is a fault. */
export const NO_CLAUSES: ConstraintContext = {
  check: () => expect.unreachable('a leaf type asked the context'),
  subsumes: () => expect.unreachable('a leaf type asked the context'),
  meet: () => expect.unreachable('a leaf type asked the context'),
  validate: () => expect.unreachable('a leaf type asked the context'),
};

/** A constraint of the type, refused by the test when the type finds it malformed. */
export function make(type: ConstraintType, members: JsonObject): Constraint {
  expect(type.validate(members, NO_CLAUSES, 1), JSON.stringify(members)).toBeUndefined();
  const constraint = Object.freeze({ ...members, constraint_type: type.name });
  expect(['constraint_type', ...type.members]).toEqual(
    expect.arrayContaining(Object.keys(constraint)),
  );
  return constraint;
}

/** `exact` over each value, and `one_of` over each value and its neighbours. */
export function listing(values: readonly JsonValue[]): readonly Constraint[] {
  return values.flatMap((value, index) => [
    Object.freeze({ constraint_type: 'exact', value }),
    Object.freeze({ constraint_type: 'one_of', values: values.slice(index, index + 2) }),
    Object.freeze({ constraint_type: 'one_of', values: values.slice(index, index + 3) }),
  ]);
}

/** Whether the type finds the members well-formed. */
export function wellFormed(type: ConstraintType, members: JsonObject): boolean {
  return type.validate(members, NO_CLAUSES, 1) === undefined;
}

export interface Relation {
  check(constraint: Constraint, value: JsonValue): boolean;
  subsumes(parent: Constraint, child: Constraint): boolean;
}

/** The relation of one leaf type over itself, `exact` and `one_of`, without the registry. */
export function relationOf(type: ConstraintType): Relation {
  return {
    check(constraint, value) {
      const { constraint_type, value: only, values } = constraint;
      if (constraint_type === 'exact') return value === only;
      if (constraint_type === 'one_of') return (values as readonly JsonValue[]).includes(value);
      return type.check(constraint, value, NO_CLAUSES);
    },
    subsumes: (parent, child) => type.subsumes(parent, child, NO_CLAUSES),
  };
}

type Pair = readonly [parent: Constraint, child: Constraint];

export interface PairReport {
  /** Accepted pairs where a value passes the child and not the parent. Must be empty. */
  readonly unsound: readonly (readonly [...Pair, value: JsonValue])[];
  /** Accepted pairs whose child admits at least one of the values. */
  readonly accepted: number;
  /** Refused pairs whose child admits some of the values, all of which the parent admits too. */
  readonly missed: readonly Pair[];
}

/** Tries every pair of constraints against every value. */
export function tryEveryPair(
  relation: Relation,
  parents: readonly Constraint[],
  children: readonly Constraint[],
  values: readonly JsonValue[],
): PairReport {
  const admitted = new Map<Constraint, ReadonlySet<JsonValue>>();
  for (const constraint of [...parents, ...children]) {
    if (admitted.has(constraint)) continue;
    admitted.set(constraint, new Set(values.filter((value) => relation.check(constraint, value))));
  }
  const unsound: (readonly [...Pair, JsonValue])[] = [];
  const missed: Pair[] = [];
  let accepted = 0;
  for (const parent of parents) {
    const outer = admitted.get(parent) ?? new Set();
    for (const child of children) {
      const inner = [...(admitted.get(child) ?? [])];
      const verdict = relation.subsumes(parent, child);
      if (!verdict && inner.length > 0 && inner.every((value) => outer.has(value))) {
        missed.push([parent, child]);
      }
      if (!verdict) continue;
      if (inner.length > 0) accepted += 1;
      for (const value of inner) {
        if (!outer.has(value)) unsound.push([parent, child, value]);
      }
    }
  }
  return { unsound, accepted, missed };
}
