import type { JsonObject, JsonValue } from '@taper/core';
import { accepts, anyValue, canonicalText, cents, type Random, sampleValue } from '../src/index.ts';

/** A constraint that accepts more than another did, with a value that shows it. */
export interface Widened {
  readonly constraint: JsonObject;
  readonly witness: JsonValue;
}

/** Widens one constraint; undefined where no way was found, as for a wildcard. */
export function widenConstraint(parent: JsonObject, random: Random): Widened | undefined {
  const { optional, ...bare } = parent;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const wider = nudgeConstraint(bare, random);
    const witness = wider && findWitness(bare, wider, random);
    if (wider === undefined || witness === undefined) continue;
    return { constraint: optional === undefined ? wider : { ...wider, optional }, witness };
  }
  return undefined;
}

function findWitness(narrow: JsonObject, wide: JsonObject, random: Random): JsonValue | undefined {
  const excluded = (narrow['excluded'] ?? []) as readonly JsonValue[];
  const values = [...excluded, ...Array.from({ length: 6 }, () => sampleValue(wide, random))];
  for (const value of [...values, anyValue(random), anyValue(random)]) {
    if (value !== undefined && accepts(wide, value) && !accepts(narrow, value)) return value;
  }
  return undefined;
}

/** A constraint that is a little different, usually wider; undefined for a wildcard. `optional` plays no part. */
export function nudgeConstraint(constraint: JsonObject, random: Random): JsonObject | undefined {
  const list = (member: string): readonly JsonValue[] => constraint[member] as readonly JsonValue[];
  const one = anyValue(random);
  switch (constraint['constraint_type']) {
    case 'exact':
      return random.pick([
        { constraint_type: 'exact', value: typeof one === 'object' ? null : one },
        { constraint_type: 'one_of', values: [constraint['value'] as JsonValue, one] },
        { constraint_type: 'not_one_of', excluded: [] },
      ]);
    case 'range':
      return widenRange(constraint, random);
    case 'one_of':
      return random.pick([
        { constraint_type: 'one_of', values: [...list('values'), one] },
        { constraint_type: 'exact', value: typeof one === 'object' ? null : one },
        { constraint_type: 'not_one_of', excluded: [one] },
      ]);
    case 'not_one_of':
      return { ...constraint, excluded: without(list('excluded'), random) };
    case 'contains':
      return { ...constraint, required: without(list('required'), random) };
    case 'subset':
      return { ...constraint, allowed: [...list('allowed'), one] };
    case 'all':
      return widenAll(list('constraints') as readonly JsonObject[], random);
    case 'any':
      return widenAny(list('constraints') as readonly JsonObject[], one, random);
    case 'path':
      return { ...constraint, ...widenRegion(constraint, random) };
    case 'url':
      return widenUrl(constraint, random);
    case 'decimal':
      return widenDecimal(constraint, random);
    case 'instant':
      return random.pick([
        { ...constraint, not_before: '1999-12-31T23:59:59Z' },
        { ...constraint, not_after: '2100-01-01T00:00:00Z' },
      ]);
    case 'cidr':
      return { ...constraint, network: widerNetwork(constraint['network'] as string, random) };
    default:
      return undefined;
  }
}

/** Every occurrence of one element, equal by canonical text, is dropped. */
function without(values: readonly JsonValue[], random: Random): readonly JsonValue[] {
  if (values.length === 0) return values;
  const dropped = canonicalText(random.pick(values));
  return values.filter((value) => canonicalText(value) !== dropped);
}

function widenRange(constraint: JsonObject, random: Random): JsonObject | undefined {
  const { min, max, min_inclusive, max_inclusive, ...rest } = constraint as {
    readonly constraint_type: string;
    readonly min?: number;
    readonly max?: number;
    readonly min_inclusive?: boolean;
    readonly max_inclusive?: boolean;
  };
  const low =
    min === undefined ? {} : { min, ...(min_inclusive === false ? { min_inclusive } : {}) };
  const high =
    max === undefined ? {} : { max, ...(max_inclusive === false ? { max_inclusive } : {}) };
  const proposals: JsonObject[] = [];
  if (min !== undefined) {
    proposals.push({ ...rest, ...high }, { ...rest, ...low, ...high, min: min - 0.5 });
    if (min_inclusive === false) proposals.push({ ...rest, ...low, ...high, min_inclusive: true });
  }
  if (max !== undefined) {
    proposals.push({ ...rest, ...low }, { ...rest, ...low, ...high, max: max + 0.5 });
    if (max_inclusive === false) proposals.push({ ...rest, ...low, ...high, max_inclusive: true });
  }
  return proposals.length === 0 ? { constraint_type: 'wildcard' } : random.pick(proposals);
}

function widenAll(clauses: readonly JsonObject[], random: Random): JsonObject | undefined {
  const index = random.between(0, clauses.length - 1);
  if (clauses.length > 1 && random.chance(0.5))
    return { constraint_type: 'all', constraints: clauses.filter((_, at) => at !== index) };
  const wider = widenConstraint(clauses[index] as JsonObject, random);
  if (wider === undefined) return undefined;
  const changed = clauses.map((clause, at) => (at === index ? wider.constraint : clause));
  return { constraint_type: 'all', constraints: random.shuffle(changed) };
}

function widenAny(
  clauses: readonly JsonObject[],
  one: JsonValue,
  random: Random,
): JsonObject | undefined {
  const index = random.between(0, clauses.length - 1);
  const wider = random.chance(0.5)
    ? widenConstraint(clauses[index] as JsonObject, random)?.constraint
    : undefined;
  const added: JsonObject = { constraint_type: 'one_of', values: [one] };
  const changed =
    wider === undefined
      ? [...clauses, added]
      : clauses.map((each, at) => (at === index ? wider : each));
  return { constraint_type: 'any', constraints: random.shuffle(changed) };
}

function widenRegion(region: JsonObject, random: Random): JsonObject {
  const { root, reach } = region as { readonly root: string; readonly reach: string };
  const above = root.slice(0, root.lastIndexOf('/')) || '/';
  return random.pick([
    { root: above, reach: 'subtree' },
    { root: above, reach },
    { root, reach: 'subtree' },
    { root, reach: 'descendants' },
    { root: `${root === '/' ? '/data' : root}-old`, reach: 'subtree' },
    { root: '/', reach: 'subtree' },
  ]);
}

function widenUrl(constraint: JsonObject, random: Random): JsonObject {
  const { host, host_suffix: suffix, port, query, ...rest } = constraint;
  const where = host === undefined ? { host_suffix: suffix as string } : { host };
  const at = port === undefined ? {} : { port };
  const asked = query === undefined ? {} : { query };
  const region = widenRegion(constraint['path'] as JsonObject, random);
  return random.pick([
    { ...rest, ...where, ...at, ...asked, schemes: ['https', 'http', 'wss', 'ws'] },
    { ...rest, ...at, ...asked, host_suffix: 'evil.test' },
    { ...rest, ...at, ...asked, host: 'notexample.com' },
    { ...rest, ...at, ...asked, host: `${host ?? suffix}.evil.test`.replace(/[[\]:]/g, '') },
    { ...rest, ...where, ...asked, port: 9999 },
    { ...rest, ...where, ...at, query: 'any' },
    { ...rest, ...where, ...at, ...asked, path: { root: region['root'], reach: region['reach'] } },
  ] as JsonObject[]);
}

function widenDecimal(constraint: JsonObject, random: Random): JsonObject {
  const { min, max, scale } = constraint as {
    readonly min: string;
    readonly max: string;
    readonly scale: number;
  };
  const hundredths = (text: string): number => Math.round(Number(text) * 100);
  return random.pick([
    { ...constraint, min: cents(hundredths(min) - 1) },
    { ...constraint, max: cents(hundredths(max) + 1) },
    { ...constraint, scale: scale + 1 },
  ]);
}

function widerNetwork(network: string, random: Random): string {
  const [address = '', prefix = ''] = network.split('/');
  const everything = network.includes(':') ? '::/0' : '0.0.0.0/0';
  const other = network.includes(':') ? '10.0.0.0/8' : '2001:db8::/32';
  const shorter = Number(prefix) - 8;
  const octets = address.split('.');
  const wider =
    shorter >= 0 && octets.length === 4
      ? `${octets.map((octet, at) => (at * 8 < shorter ? octet : '0')).join('.')}/${shorter - (shorter % 8)}`
      : everything;
  return random.pick([everything, other, wider]);
}
