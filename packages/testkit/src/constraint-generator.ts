import type { JsonObject, JsonValue } from '@taper/core';
import { accepts } from './oracle.ts';
import type { Random } from './random.ts';
import {
  anyValue,
  type Domain,
  randomHost,
  randomPath,
  randomUrlPath,
  randomValue,
  randomWords,
} from './value-generator.ts';

const REACHES: readonly string[] = ['self', 'children', 'descendants', 'subtree'];

/** A well-formed constraint for arguments of a domain; `depth` bounds how deep composites nest. */
export function randomConstraint(domain: Domain, random: Random, depth: number = 3): JsonObject {
  const roll = random.between(0, 99);
  if (roll < 8) return { constraint_type: 'wildcard' };
  if (depth > 1 && roll < 28) {
    const constraints = Array.from({ length: random.between(1, 3) }, () =>
      randomConstraint(domain, random, depth - 1),
    );
    return { constraint_type: roll < 18 ? 'all' : 'any', constraints };
  }
  if (roll < 34) return { constraint_type: 'not_one_of', excluded: values(domain, random, 0) };
  if (domain === 'list')
    return roll < 67
      ? { constraint_type: 'contains', required: randomWords(random, 2) }
      : { constraint_type: 'subset', allowed: randomWords(random, 8) };
  if (roll < 42) return { constraint_type: 'exact', value: randomValue(domain, random) };
  if (roll < 60 || domain === 'word')
    return { constraint_type: 'one_of', values: values(domain, random, 1) };
  return ownConstraint(domain, random);
}

function values(domain: Domain, random: Random, atLeast: number): JsonValue[] {
  return Array.from({ length: random.between(atLeast, 4) }, () =>
    random.chance(0.1) ? anyValue(random) : randomValue(domain, random),
  );
}

/** Of the type that is made for the domain. */
function ownConstraint(domain: Domain, random: Random): JsonObject {
  switch (domain) {
    case 'path':
      return {
        constraint_type: 'path',
        root: random.chance(0.2) ? '/' : randomPath(random, '/', 2),
        reach: random.pick(REACHES),
      };
    case 'url':
      return randomUrlConstraint(random);
    case 'decimal': {
      const [min, max] = ordered(random.between(-500, 500), random.between(-500, 500));
      return {
        constraint_type: 'decimal',
        min: cents(min),
        max: cents(max),
        scale: random.between(2, 6),
      };
    }
    case 'instant': {
      const [first, last] = ordered(random.between(2020, 2032), random.between(2020, 2032));
      return {
        constraint_type: 'instant',
        not_before: `${first}-01-01T00:00:00Z`,
        not_after: `${last}-12-31T23:59:59.999999999Z`,
      };
    }
    case 'address':
      return {
        constraint_type: 'cidr',
        network: random.pick([
          '10.0.0.0/8',
          '10.0.0.0/16',
          '10.0.0.0/24',
          '2001:db8::/32',
          '0.0.0.0/0',
          '::/0',
        ]),
      };
    default:
      return randomRange(random);
  }
}

function randomRange(random: Random): JsonObject {
  const [min, max] = ordered(random.between(-100, 100), random.between(-100, 1000) + 0.5);
  const bounds = random.between(0, 9);
  return {
    constraint_type: 'range',
    ...(bounds < 8 ? { max } : {}),
    ...(bounds < 8 && random.chance(0.3) ? { max_inclusive: random.chance(0.3) } : {}),
    ...(bounds > 2 ? { min } : {}),
    ...(bounds > 2 && random.chance(0.3) ? { min_inclusive: random.chance(0.3) } : {}),
  };
}

function randomUrlConstraint(random: Random): JsonObject {
  return {
    constraint_type: 'url',
    schemes: random.some(['https', 'http', 'wss'], 1),
    ...(random.chance(0.5) ? { host: randomHost(random) } : { host_suffix: 'example.com' }),
    ...(random.chance(0.2) ? { port: 8443 } : {}),
    path: {
      root: random.chance(0.5) ? '/' : randomUrlPath(random, '/', 1),
      reach: random.pick(['subtree', 'descendants', 'children']),
    },
    ...(random.chance(0.3) ? { query: 'any' } : {}),
  };
}

function ordered(left: number, right: number): [number, number] {
  return left <= right ? [left, right] : [right, left];
}

/** Hundredths as decimal text. */
export function cents(amount: number): string {
  return (amount / 100).toFixed(2);
}

/** A value that the constraint accepts, often one at its edge; undefined where none was found. */
export function sampleValue(constraint: JsonObject, random: Random): JsonValue | undefined {
  for (let attempt = 0; attempt < 6; attempt += 1) {
    const value = candidate(constraint, random);
    if (value !== undefined && accepts(constraint, value)) return value;
  }
  return undefined;
}

function candidate(constraint: JsonObject, random: Random): JsonValue | undefined {
  const list = (member: string): readonly JsonValue[] => constraint[member] as readonly JsonValue[];
  const { min, max } = constraint as { readonly min?: number; readonly max?: number };
  switch (constraint['constraint_type']) {
    case 'exact':
      return constraint['value'];
    case 'range': {
      const [least, most] = [min ?? (max ?? 0) - 1e9, max ?? (min ?? 0) + 1e9];
      return random.pick([least, most, least + (most - least) / 2, least + 0.25, most - 0.25]);
    }
    case 'one_of':
      return random.pick(list('values'));
    case 'contains':
      return random.shuffle([...list('required'), ...randomWords(random, 2)]);
    case 'subset':
      return random.shuffle(random.some(list('allowed')));
    case 'all':
    case 'any':
      return sampleValue(random.pick(list('constraints')) as JsonObject, random);
    case 'path':
      return randomPath(random, constraint['root'] as string);
    case 'url':
      return randomUrlIn(constraint, random);
    case 'decimal':
      return random.pick([
        ...[constraint['min'], constraint['max']].map((bound) =>
          random.chance(0.5) ? withPlaces(bound as string, constraint['scale'] as number) : bound,
        ),
        '0',
        '1',
        '0.5',
      ] as JsonValue[]);
    case 'instant':
      return random.pick([
        constraint['not_before'],
        constraint['not_after'],
        '2026-06-30T00:00:00.25Z',
      ] as JsonValue[]);
    case 'cidr':
      return random.chance(0.5)
        ? (constraint['network'] as string).split('/')[0]
        : randomValue('address', random);
    default:
      return anyValue(random);
  }
}

/** The same amount with so many digits behind the point. */
function withPlaces(amount: string, places: number): string {
  const [whole = '0', fraction = ''] = amount.split('.');
  return places === 0 ? whole : `${whole}.${fraction.padEnd(places, '0')}`;
}

function randomUrlIn(constraint: JsonObject, random: Random): string {
  const { schemes, host, host_suffix: suffix, port, path, query } = constraint;
  const name = host ?? `${random.pick(['api', 'eu.api', 'x-1'])}.${suffix as string}`;
  const { root } = path as { readonly root: string };
  const search = query === 'any' && random.chance(0.5) ? '?q=1&r=%2F' : '';
  return `${random.pick(schemes as readonly string[])}://${name as string}${port === undefined ? '' : `:${port as number}`}${randomUrlPath(random, root)}${search}`;
}
