import type { JsonObject, JsonValue } from '../../src/constraint/type.ts';
import { cidrConstraints, cidrValues } from './universe/cidr.ts';
import { composites, coreLeaves, plainValues } from './universe/core.ts';
import { decimalConstraints, decimalValues } from './universe/decimal.ts';
import { instantConstraints, instantValues } from './universe/instant.ts';
import { pathConstraints, pathValues } from './universe/path.ts';
import { urlConstraints, urlValues } from './universe/url.ts';

export interface Universe {
  /** Well-formed constraints, each with its `constraint_type`. */
  readonly constraints: readonly JsonObject[];
  /** Argument values of every kind, most of them hostile. */
  readonly values: readonly JsonValue[];
}

const EXTENSIONS: ReadonlyMap<string, Universe> = new Map([
  ['path', universe('path', pathConstraints, pathValues)],
  ['url', universe('url', urlConstraints, urlValues)],
  ['decimal', universe('decimal', decimalConstraints, decimalValues)],
  ['instant', universe('instant', instantConstraints, instantValues)],
  ['cidr', universe('cidr', cidrConstraints, cidrValues)],
]);

/** The members of one extension type's constraints with the values that try them. */
export function universeOf(type: 'path' | 'url' | 'decimal' | 'instant' | 'cidr'): Universe {
  const found = EXTENSIONS.get(type);
  if (found === undefined) throw new Error(type);
  return found;
}

/** Constraints of all fourteen types, composites over a sample of each, and every value any type was tried with. */
export function wholeUniverse(): Universe {
  const extensions = [...EXTENSIONS.values()].flatMap(({ constraints }) => constraints);
  const leaves = [...coreLeaves, ...extensions];
  const sample = leaves.filter((_, index) => index % 11 === 0);
  return {
    constraints: [...leaves, ...composites(sample)],
    values: [...plainValues, ...[...EXTENSIONS.values()].flatMap(({ values }) => values)],
  };
}

function universe(
  constraint_type: string,
  members: readonly JsonObject[],
  values: readonly JsonValue[],
): Universe {
  const constraints = members.map((member) => ({ constraint_type, ...member }));
  return { constraints, values: [...values, ...plainValues] };
}
