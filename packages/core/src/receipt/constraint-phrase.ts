import { canonicalize } from '../jcs.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { join, name, type Phrase } from './phrase.ts';

/** Values and clauses that are shown; of longer lists the rest is counted. */
const SHOWN = 5;
/** As {@link SHOWN}, for what a constraint was before it narrowed: the hop above shows it whole. */
const SHOWN_BRIEFLY = 2;
/** Nesting of `all` and `any` that is shown. */
const DEPTH_SHOWN = 3;

/** A constraint in words: its type as the draft names it, then what it admits. */
export function constraintPhrase(constraint: JsonObject): Phrase {
  return [...typeOf(constraint), ...admits(constraint)];
}

/** The two sides of a narrowing; the type is said once when it stays. */
export function narrowingPhrases(
  before: JsonObject,
  after: JsonObject,
): { readonly before: Phrase; readonly after: Phrase } {
  const sameType = before['constraint_type'] === after['constraint_type'];
  return {
    before: [...typeOf(before), ...(admitsBriefly(before) ?? admits(before))],
    after: sameType ? admits(after) : constraintPhrase(after),
  };
}

/** The count of a long list; undefined for what is short anyway. */
function admitsBriefly({ constraint_type: type, ...members }: JsonObject): Phrase | undefined {
  if (type === 'all' || type === 'any')
    return [`of ${counted(members['constraints'], 'constraint')}`];
  const [content] = Object.values(members);
  return Array.isArray(content) && content.length > SHOWN_BRIEFLY
    ? [counted(content, 'value')]
    : undefined;
}

function counted(list: JsonValue | undefined, noun: string): string {
  const count = Array.isArray(list) ? list.length : 0;
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function typeOf({ constraint_type: type }: JsonObject): Phrase {
  if (type === 'wildcard') return [];
  return [typeof type === 'string' && /^[a-z_]+$/.test(type) ? type : name(String(type)), ' '];
}

function admits(constraint: JsonObject, depth = 1): Phrase {
  switch (constraint['constraint_type']) {
    case 'wildcard':
      return ['any value'];
    case 'exact':
      return [value(constraint['value'])];
    case 'range':
      return range(constraint);
    case 'one_of':
      return list(constraint['values'], 'none');
    case 'not_one_of':
      return list(constraint['excluded'], 'nothing excluded');
    case 'contains':
      return list(constraint['required'], 'nothing required');
    case 'subset':
      return ['of ', ...list(constraint['allowed'], 'nothing: the empty list only')];
    case 'all':
    case 'any':
      return clauses(constraint, depth);
    case 'path':
      return region(constraint);
    case 'url':
      return url(constraint);
    case 'decimal':
      return [
        ...['from ', word(constraint['min']), ' to ', word(constraint['max'])],
        ...[', decimals: ', value(constraint['scale'])],
      ];
    case 'instant':
      return ['from ', word(constraint['not_before']), ' to ', word(constraint['not_after'])];
    case 'cidr':
      return [word(constraint['network'])];
    default:
      return members(constraint);
  }
}

/** A type this file does not know: its members, as they are. */
function members({ constraint_type: _, ...rest }: JsonObject): Phrase {
  return join(
    Object.entries(rest).map(([member, content]) => [name(member), ' ', value(content)]),
    ', ',
  );
}

function range({ min, max, ...flags }: JsonObject): Phrase {
  const bounds: Phrase[] = [];
  if (min !== undefined) bounds.push([flags['min_inclusive'] === false ? '> ' : '≥ ', value(min)]);
  if (max !== undefined) bounds.push([flags['max_inclusive'] === false ? '< ' : '≤ ', value(max)]);
  return bounds.length === 0 ? ['any number'] : join(bounds, ' and ');
}

function list(values: JsonValue | undefined, none: string): Phrase {
  if (!Array.isArray(values) || values.length === 0) return [none];
  const all = values as readonly JsonValue[];
  const first = join(
    all.slice(0, SHOWN).map((each) => [value(each)]),
    ', ',
  );
  const more = all.length - SHOWN;
  return more > 0 ? [...first, ` and ${more} more (${all.length} values)`] : first;
}

function clauses({ constraints }: JsonObject, depth: number): Phrase {
  if (depth >= DEPTH_SHOWN) return [`of ${counted(constraints, 'constraint')}`];
  const all = (Array.isArray(constraints) ? constraints : []) as readonly JsonObject[];
  const first = all
    .slice(0, SHOWN)
    .map((clause) => [...typeOf(clause), ...admits(clause, depth + 1)]);
  const more = all.length - SHOWN;
  return ['of (', ...join(first, '; '), more > 0 ? `; and ${more} more)` : ')'];
}

const REACH: ReadonlyMap<JsonValue | undefined, string> = new Map([
  ['self', 'exactly '],
  ['children', 'directly below '],
  ['descendants', 'anywhere below '],
  ['subtree', 'at or anywhere below '],
]);

function region({ root, reach }: JsonObject): Phrase {
  const words = REACH.get(reach);
  return words === undefined ? [word(reach), ' ', word(root)] : [words, word(root)];
}

function url(constraint: JsonObject): Phrase {
  const { schemes, host, host_suffix: suffix, port, path, query } = constraint;
  const parts: Phrase[] = [list(schemes, 'no scheme')];
  if (host !== undefined) parts.push(['host ', word(host)]);
  if (suffix !== undefined) parts.push(['hosts below ', word(suffix)]);
  if (port !== undefined) parts.push(['port ', value(port)]);
  if (isJsonObject(path)) parts.push(['path ', ...region(path)]);
  parts.push([query === 'any' ? 'any query' : 'no query']);
  return join(parts, ', ');
}

/** A string that its type's rules have made tame, such as a path. */
function word(content: JsonValue | undefined): Phrase[number] {
  return typeof content === 'string' ? name(content) : value(content);
}

function value(content: JsonValue | undefined): Phrase[number] {
  if (content === undefined) return 'nothing';
  if (typeof content === 'string') return { foreign: content, form: 'string' };
  if (typeof content === 'object' && content !== null)
    return { foreign: canonicalize(content), form: 'json' };
  return String(content);
}
