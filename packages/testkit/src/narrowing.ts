import type { JsonObject, JsonValue } from '@taper/core';
import { randomConstraint, sampleValue } from './constraint-generator.ts';
import type { Random } from './random.ts';
import { DOMAINS, randomWords } from './value-generator.ts';

/**
 * A constraint that the tables of draft section 4.5 and of the extension types list as a valid attenuation: often
 * narrower, sometimes the same. `optional` is left out.
 */
export function narrowConstraint(parent: JsonObject, random: Random): JsonObject {
  const { optional: _, ...constraint } = parent;
  if (random.chance(0.15)) return constraint;
  const list = (member: string): readonly JsonValue[] => constraint[member] as readonly JsonValue[];
  switch (constraint['constraint_type']) {
    case 'wildcard':
      return randomConstraint(random.pick(DOMAINS), random, 2);
    case 'range':
      return enumerated(constraint, random, ['exact']) ?? narrowRange(constraint, random);
    case 'one_of':
      return narrowOneOf(list('values'), random);
    case 'not_one_of':
      return { ...constraint, excluded: [...list('excluded'), ...randomWords(random, 2)] };
    case 'contains':
      return { ...constraint, required: [...list('required'), ...randomWords(random, 2)] };
    case 'subset':
      return { ...constraint, allowed: random.some(list('allowed')) };
    case 'all':
      return narrowAll(constraint, random);
    case 'any': {
      const kept = random.some(list('constraints'), 1) as JsonObject[];
      const narrowed = kept.map((clause) => narrowConstraint(clause, random));
      return { constraint_type: 'any', constraints: random.shuffle(narrowed) };
    }
    case 'exact':
      return constraint;
    default:
      return (
        enumerated(constraint, random, ['exact', 'one_of']) ?? narrowExtension(constraint, random)
      );
  }
}

/** An `exact` (scalars only) or `one_of` of values that the constraint accepts. */
function enumerated(
  constraint: JsonObject,
  random: Random,
  types: readonly string[],
): JsonObject | undefined {
  if (random.chance(0.6)) return undefined;
  const value = sampleValue(constraint, random);
  if (value === undefined) return undefined;
  if (random.pick(types) === 'exact') return { constraint_type: 'exact', value };
  return { constraint_type: 'one_of', values: [value, sampleValue(constraint, random) ?? value] };
}

/** `exact` takes scalars; a `one_of` may hold anything. */
function narrowOneOf(values: readonly JsonValue[], random: Random): JsonObject {
  const value = random.pick(values);
  return random.chance(0.4) && (typeof value !== 'object' || value === null)
    ? { constraint_type: 'exact', value }
    : { constraint_type: 'one_of', values: random.shuffle(random.some(values, 1)) };
}

function narrowRange(constraint: JsonObject, random: Random): JsonObject {
  const { min, max } = constraint as { readonly min?: number; readonly max?: number };
  const [least, most] = [min ?? (max ?? 0) - 1000, max ?? (min ?? 0) + 1000];
  const quarter = (most - least) / 4;
  return {
    ...constraint,
    min: random.chance(0.5) ? least + quarter : least,
    max: random.chance(0.5) ? most - quarter : most,
    ...(min !== undefined && random.chance(0.2) ? { min_inclusive: false } : {}),
  };
}

function narrowAll(constraint: JsonObject, random: Random): JsonObject {
  const clauses = constraint['constraints'] as readonly JsonObject[];
  const narrowed = clauses.map((clause) => narrowConstraint(clause, random));
  if (random.chance(0.3)) narrowed.push(randomConstraint(random.pick(DOMAINS), random, 1));
  return { constraint_type: 'all', constraints: random.shuffle(narrowed) };
}

function narrowExtension(constraint: JsonObject, random: Random): JsonObject {
  switch (constraint['constraint_type']) {
    case 'path':
      return { ...constraint, ...narrowRegion(constraint, random, 'data') };
    case 'url':
      return narrowUrl(constraint, random);
    case 'decimal':
      return random.chance(0.5)
        ? { ...constraint, max: constraint['min'] as JsonValue }
        : { ...constraint, min: constraint['max'] as JsonValue };
    case 'instant':
      return random.chance(0.5)
        ? { ...constraint, not_after: constraint['not_before'] as JsonValue }
        : { ...constraint, not_before: constraint['not_after'] as JsonValue };
    case 'cidr':
      return { ...constraint, network: narrowNetwork(constraint['network'] as string, random) };
    default:
      return constraint;
  }
}

const NARROWER_REACH: Readonly<Record<string, readonly string[]>> = {
  self: ['self'],
  children: ['children'],
  descendants: ['descendants', 'children'],
  subtree: ['subtree', 'descendants', 'children', 'self'],
};

function narrowRegion(region: JsonObject, random: Random, segment: string): JsonObject {
  const { root, reach } = region as { readonly root: string; readonly reach: string };
  const deeper = reach === 'descendants' || reach === 'subtree';
  if (deeper && random.chance(0.4))
    return { root: `${root === '/' ? '' : root}/${segment}`, reach: random.pick(['self', reach]) };
  return { root, reach: random.pick(NARROWER_REACH[reach] as readonly string[]) };
}

function narrowUrl(constraint: JsonObject, random: Random): JsonObject {
  const { host_suffix: suffix, query: _, ...rest } = constraint;
  const region = narrowRegion(constraint['path'] as JsonObject, random, 'v1');
  const host = random.chance(0.5) ? { host: `api.${suffix}` } : { host_suffix: `eu.${suffix}` };
  return {
    ...rest,
    ...(suffix === undefined ? {} : random.chance(0.5) ? host : { host_suffix: suffix }),
    schemes: random.some(constraint['schemes'] as readonly string[], 1),
    path: { root: region['root'] as string, reach: region['reach'] as string },
  };
}

function narrowNetwork(network: string, random: Random): string {
  const [address, prefix] = network.split('/');
  const width = network.includes(':') ? 128 : 32;
  return `${address}/${random.between(Number(prefix), width)}`;
}

/** Constraint maps of tools, as a token carries them. */
export type ToolMaps = Readonly<Record<string, Readonly<Record<string, JsonObject>>>>;

/** Tools of a valid child: fewer tools, narrower constraints, fewer optional arguments (draft section 4.5). At least one tool. */
export function narrowTools(tools: ToolMaps, random: Random): ToolMaps {
  const kept = random.chance(0.3) ? random.some(Object.keys(tools), 1) : Object.keys(tools);
  return Object.fromEntries(kept.map((tool) => [tool, narrowMap(tools[tool] ?? {}, random)]));
}

function narrowMap(
  map: Readonly<Record<string, JsonObject>>,
  random: Random,
): Record<string, JsonObject> {
  const named = Object.entries(map).filter(([argument]) => argument !== '*');
  const open = Object.hasOwn(map, '*') || named.length === 0;
  const keepOpen = open && random.chance(0.7);
  const child: [string, JsonObject][] = [];
  for (const [argument, constraint] of named) {
    const optional = constraint['optional'] === true;
    if (optional && !keepOpen && random.chance(0.2)) continue;
    const narrowed = narrowConstraint(constraint, random);
    child.push([argument, { ...narrowed, ...narrowOptional(optional, random) }]);
  }
  const added = random.pick(['added', 'toString']);
  if (open && !Object.hasOwn(map, added) && random.chance(0.3)) {
    const optional = random.chance(0.5) ? { optional: true } : {};
    child.push([added, { ...randomConstraint(random.pick(DOMAINS), random, 2), ...optional }]);
  }
  if (keepOpen) {
    if (child.length === 0 && random.chance(0.3)) return {};
    child.push(['*', { constraint_type: 'wildcard' }]);
  }
  // An empty map would be open: rather nothing is narrowed.
  return child.length === 0 ? map : Object.fromEntries(child);
}

function narrowOptional(optional: boolean, random: Random): JsonObject {
  if (!optional) return random.chance(0.05) ? { optional: false } : {};
  return random.chance(0.8) ? { optional: true } : {};
}
