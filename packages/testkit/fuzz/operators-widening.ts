import { CONSTRAINT_TYPES, type JsonObject, type JsonValue } from '@taper/core';
import {
  type Call,
  DOMAINS,
  randomCall,
  randomConstraint,
  randomValue,
  sampleValue,
  type ToolMaps,
} from '../src/index.ts';
import {
  type Attack,
  type Attempt,
  attackAt,
  exactly,
  isOpen,
  type Operator,
  ofType,
  operator,
  type Site,
  toolsOf,
  WILDCARD,
  withConstraint,
  withMap,
} from './attack.ts';
import { nudgeConstraint, widenConstraint } from './widening.ts';

/** The child types that the tables list for each parent type (draft section 4.5); every other pair must be refused. */
const ENUMERATED = ['exact', 'one_of'];
const LISTED: Readonly<Record<string, readonly string[]>> = {
  exact: ['exact'],
  range: ['range', 'exact'],
  one_of: ENUMERATED,
  not_one_of: ['not_one_of'],
  contains: ['contains'],
  subset: ['subset'],
  all: ['all'],
  any: ['any'],
  path: ['path', ...ENUMERATED],
  url: ['url', ...ENUMERATED],
  decimal: ['decimal', ...ENUMERATED],
  instant: ['instant', ...ENUMERATED],
  cidr: ['cidr', ...ENUMERATED],
};

/** Calls with these values for one argument, the others as the attacker's own token permits them. */
function callsWith(attack: Attack, { tool, argument }: Site, values: readonly JsonValue[]): Call[] {
  const call = randomCall(attack.parent.payload, attack.random);
  const args = call?.tool === tool ? call.args : {};
  return values.map((value) => ({ tool, args: { ...args, [argument]: value } }));
}

function widenType(from: Attack, type: string): Attempt | undefined {
  const found = attackAt(from, ofType(type));
  const wider = found && widenConstraint(found.site.constraint, from.random);
  if (found === undefined || wider === undefined) return undefined;
  const { site, attack } = found;
  const tools = withConstraint(attack.tools, site, wider.constraint);
  return attack.childWithTools('deny', tools, callsWith(attack, site, [wider.witness]));
}

/** Another constraint in the place of the parent's; the verifier decides, and the judge looks at values of the new one. */
function replaced(
  make: (site: Site, attack: Attack) => JsonObject | undefined,
): (attack: Attack) => Attempt | undefined {
  return (from) => {
    const found = attackAt(from, () => true);
    if (found === undefined) return undefined;
    const { site, attack } = found;
    const made = make(site, attack);
    if (made === undefined) return undefined;
    const values = Array.from({ length: 6 }, () => sampleValue(made, attack.random)).filter(
      (value) => value !== undefined,
    );
    const tools = withConstraint(attack.tools, site, withOptional(site, made));
    return attack.childWithTools('judge', tools, callsWith(attack, site, values));
  };
}

/** A random constraint of the type that the site has. */
function sameType({ constraint }: Site, { random }: Attack): JsonObject | undefined {
  for (let draw = 0; draw < 30; draw += 1) {
    const made = randomConstraint(random.pick(DOMAINS), random, 2);
    if (made['constraint_type'] === constraint['constraint_type']) return made;
  }
  return undefined;
}

function withOptional(site: Site, { optional: _, ...constraint }: JsonObject): JsonObject {
  return site.constraint['optional'] === true ? { ...constraint, optional: true } : constraint;
}

const notWildcard = (constraint: JsonObject): boolean => !ofType('wildcard')(constraint);

function unlistedPair(from: Attack): Attempt | undefined {
  const found = attackAt(from, notWildcard);
  if (found === undefined) return undefined;
  const { site, attack } = found;
  const listed = LISTED[site.constraint['constraint_type'] as string] ?? [];
  const child = randomConstraint(attack.random.pick(DOMAINS), attack.random, 2);
  if (listed.includes(child['constraint_type'] as string)) return undefined;
  const tools = withConstraint(attack.tools, site, withOptional(site, child));
  return attack.childWithTools('deny', tools);
}

function toWildcard(from: Attack): Attempt | undefined {
  const found = attackAt(from, notWildcard);
  if (found === undefined) return undefined;
  const { site, attack } = found;
  const tools = withConstraint(attack.tools, site, withOptional(site, WILDCARD));
  return attack.childWithTools('deny', tools);
}

/** A constraint of the grandparent, wider than the parent's, comes back. */
function rewiden(attack: Attack): Attempt | undefined {
  const above = attack.parent.parent;
  if (above === undefined) return undefined;
  return attack.childWithTools('judge', toolsOf(above));
}

/** Tool identifiers that a careless comparison takes for one of the parent's. */
function lookAlikes(tool: string): string[] {
  return [
    tool.toUpperCase(),
    tool.toLowerCase(),
    `${tool} `,
    `${tool}\u200b`,
    tool.normalize('NFD'),
    tool.normalize('NFKC'),
    tool.replace('a', '\u0430'),
    tool.replace('e', '%65'),
    `${tool}/`,
    `${tool}\u0000`,
  ];
}

const PROTOTYPE_NAMES = ['constructor', 'toString', 'hasOwnProperty', 'valueOf', 'isPrototypeOf'];

function addTools(attack: Attack, names: readonly string[]): Attempt | undefined {
  const added = names.filter((name) => !Object.hasOwn(attack.tools, name));
  if (added.length === 0) return undefined;
  const tool = attack.random.pick(added);
  return attack.childWithTools('deny', withMap(attack.tools, tool, {}), [{ tool, args: {} }]);
}

function pickMap(
  attack: Attack,
  wanted: (map: Readonly<Record<string, JsonObject>>) => boolean,
): { tool: string; map: Readonly<Record<string, JsonObject>> } | undefined {
  const found = Object.entries(attack.tools).filter(([, map]) => wanted(map));
  if (found.length === 0) return undefined;
  const [tool, map] = attack.random.pick(found);
  return { tool, map };
}

function changeMap(
  attack: Attack,
  wanted: (map: Readonly<Record<string, JsonObject>>) => boolean,
  change: (
    map: Readonly<Record<string, JsonObject>>,
  ) => Readonly<Record<string, JsonObject>> | undefined,
): Attempt | undefined {
  const found = pickMap(attack, wanted);
  const map = found && change(found.map);
  if (found === undefined || map === undefined) return undefined;
  return attack.childWithTools('deny', withMap(attack.tools, found.tool, map));
}

const named = (map: Readonly<Record<string, JsonObject>>): string[] =>
  Object.keys(map).filter((argument) => argument !== '*');
const isRequired = (map: Readonly<Record<string, JsonObject>>, argument: string): boolean =>
  map[argument]?.['optional'] !== true;
const requiredIn = (map: Readonly<Record<string, JsonObject>>): string[] =>
  named(map).filter((argument) => isRequired(map, argument));
const optionalIn = (map: Readonly<Record<string, JsonObject>>): string[] =>
  named(map).filter((argument) => !isRequired(map, argument));

function omit(
  map: Readonly<Record<string, JsonObject>>,
  argument: string,
): Record<string, JsonObject> {
  return Object.fromEntries(Object.entries(map).filter(([name]) => name !== argument));
}

function dropRequired(attack: Attack): Attempt | undefined {
  return changeMap(
    attack,
    (map) => requiredIn(map).length > 0,
    (map) => {
      const rest = omit(map, attack.random.pick(requiredIn(map)));
      // An empty map would be "*": that has an operator of its own.
      return Object.keys(rest).length === 0 ? undefined : rest;
    },
  );
}

function emptyMap(attack: Attack): Attempt | undefined {
  const found = pickMap(attack, (map) => named(map).length > 0);
  if (found === undefined) return undefined;
  const tools: ToolMaps = withMap(attack.tools, found.tool, {});
  return attack.childWithTools('deny', tools);
}

function addArgument(attack: Attack, names: readonly string[]): Attempt | undefined {
  const found = pickMap(attack, (map) => !isOpen(map));
  if (found === undefined) return undefined;
  const { tool, map } = found;
  const added = attack.random.pick(names);
  if (Object.hasOwn(map, added)) return undefined;
  const wider = { ...map, [added]: { ...WILDCARD, optional: attack.random.chance(0.5) } };
  return attack.childWithTools('deny', withMap(attack.tools, tool, wider));
}

export const WIDENING: readonly Operator[] = [
  ...CONSTRAINT_TYPES.filter((type) => type !== 'wildcard').map((type) =>
    operator(`widen_${type}`, (attack) => widenType(attack, type), 4),
  ),
  operator('widen_to_wildcard', toWildcard),
  operator('unlisted_pair', unlistedPair),
  operator(
    'replace_by_value',
    replaced((_, { random }) => {
      const value = randomValue(random.pick(DOMAINS), random);
      return typeof value === 'object' ? undefined : exactly(value);
    }),
  ),
  operator('replace_by_same_type', replaced(sameType), 4),
  operator(
    'replace_by_any_type',
    replaced((_, { random }) => randomConstraint(random.pick(DOMAINS), random, 3)),
  ),
  operator(
    'nudge',
    replaced(({ constraint }, { random }) => nudgeConstraint(constraint, random)),
    4,
  ),
  operator('rewiden_to_grandparent', rewiden, 2),
  operator('add_tool', (attack) => addTools(attack, ['delete_all', 'https://tools.example.com/'])),
  operator('add_tool_of_prototype', (attack) => addTools(attack, PROTOTYPE_NAMES)),
  operator('add_tool_look_alike', (attack) =>
    addTools(attack, Object.keys(attack.tools).flatMap(lookAlikes)),
  ),
  operator('drop_required_argument', dropRequired),
  operator('make_optional', (attack) =>
    changeMap(
      attack,
      (map) => requiredIn(map).length > 0,
      (map) => {
        const argument = attack.random.pick(requiredIn(map));
        return { ...map, [argument]: { ...map[argument], optional: true } as JsonObject };
      },
    ),
  ),
  operator('add_star', (attack) =>
    changeMap(
      attack,
      (map) => !isOpen(map),
      (map) => ({ ...map, '*': WILDCARD }),
    ),
  ),
  operator('empty_the_map', emptyMap),
  operator('add_argument', (attack) => addArgument(attack, ['extra', 'PATH', 'path ', ''])),
  operator('add_argument_of_prototype', (attack) => addArgument(attack, PROTOTYPE_NAMES)),
  operator(
    'drop_optional_keep_star',
    (attack) =>
      changeMap(
        attack,
        (map) => isOpen(map) && optionalIn(map).length > 0,
        (map) => omit(map, attack.random.pick(optionalIn(map))),
      ),
    3,
  ),
];
