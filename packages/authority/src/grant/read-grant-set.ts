import {
  canonicalize,
  DEFAULT_LIMITS,
  isJsonObject,
  isRequiredApproval,
  type JsonObject,
  type JsonValue,
  parseJson,
  type RequiredApproval,
} from '@taper/core';
import { AuthorityRefusal } from '../refusal.ts';
import { type Grant, type GrantSet, MAX_GRANT_LIFETIME } from './grant.ts';
import {
  isSegment,
  malformed,
  type Place,
  requireInstant,
  requireInteger,
  requireMembers,
  requireNames,
  requireText,
} from './member.ts';
import { readGrantCaveats } from './read-caveats.ts';
import { readSubject } from './read-subject.ts';
import { readTools } from './read-tools.ts';

/** `type` of a grant document. */
export const GRANTS_TYPE = 'taper-grants';

/** UTF-16 code units of a grant document. */
export const MAX_GRANTS_LENGTH = 4_194_304;

const MAX_VALUES = 1_000_000;
const MAX_GRANTS = 10_000;
const MAX_AGENTS = 10_000;
const MAX_AUDIENCES = 64;
const MAX_REASON = 512;
const MAX_APPROVAL_GROUPS = 16;

const MEMBERS = [
  'name',
  'tenant',
  'agents',
  'tools',
  'caveats?',
  'audience',
  'max_depth',
  'max_depth_reason',
  'lifetime',
  'ends',
  'approvals?',
  'subject?',
];

/**
 * Reads a grant document (spec/grants.schema.json): strict JSON, whole or not at all. A member that nobody knows is refused, and so is
 * whatever is empty: neither must come to mean "all".
 * @throws {AuthorityRefusal} `grant_malformed`, with the place and the reason in its facts.
 */
export function readGrantSet(text: string): GrantSet {
  if (typeof text !== 'string' || text.length > MAX_GRANTS_LENGTH)
    throw malformed({}, `longer than ${MAX_GRANTS_LENGTH} characters`);
  const parsed = parseJson(text, MAX_VALUES);
  if (!parsed.ok) throw malformed({}, `not acceptable JSON (${parsed.problem})`);
  for (const forms of parsed.numbers?.values() ?? []) {
    for (const form of forms.values())
      if (form === 'inadmissible') throw malformed({}, 'a number that a double cannot hold');
  }
  const { type, version, grants } = requireMembers(parsed.value, ['type', 'version', 'grants'], {});
  if (type !== GRANTS_TYPE) throw malformed({ member: 'type' }, `not ${GRANTS_TYPE}`);
  if (version !== 1) throw malformed({ member: 'version' }, 'not 1');
  if (!Array.isArray(grants)) throw malformed({ member: 'grants' }, 'not a list');
  if (grants.length > MAX_GRANTS)
    throw malformed({ member: 'grants' }, `more than ${MAX_GRANTS} entries`);
  const read = (grants as readonly JsonValue[])
    .map((value) => ({ value, grant: readGrant(value) }))
    .sort((left, right) => compareText(keyOf(left.grant), keyOf(right.grant)));
  for (const [index, { grant }] of read.entries()) {
    const { tenant, name } = grant;
    const before = read[index - 1]?.grant;
    if (before?.tenant === tenant && before.name === name)
      throw malformed({ tenant, grant: name }, 'a grant of that name twice');
  }
  const document = canonicalize(
    { type: GRANTS_TYPE, version: 1, grants: read.map(({ value }) => value) },
    MAX_VALUES,
  );
  return Object.freeze({ grants: Object.freeze(read.map(({ grant }) => grant)), document });
}

/** What was reopened last: every issuance asks for the same text until others are applied, and reading it takes longer than all the rest. */
let last: { readonly text: string; readonly set: GrantSet } | undefined;

/** As {@link readGrantSet}, for a document that the store gave back. @throws {AuthorityRefusal} `unavailable` where it is damaged. */
export function reopenGrantSet(document: string): GrantSet {
  try {
    if (last?.text !== document) last = { text: document, set: readGrantSet(document) };
    return last.set;
  } catch (cause) {
    throw new AuthorityRefusal('unavailable', 'The grants in the store cannot be read.', { cause });
  }
}

function readGrant(value: JsonValue): Grant {
  const place = placeOf(value);
  const object = requireMembers(value, MEMBERS, place);
  const { name, tenant } = object;
  const at = (member: string): Place => ({ ...place, member });
  if (typeof tenant !== 'string' || !isSegment(tenant)) throw malformed(at('tenant'), 'no name');
  if (typeof name !== 'string' || !isSegment(name)) throw malformed(at('name'), 'no name');
  const tools = readTools(object['tools'], at('tools'));
  return Object.freeze({
    name,
    tenant,
    agents: requireNames(object['agents'], MAX_AGENTS, isSegment, at('agents')),
    tools,
    caveats: readGrantCaveats(object['caveats'], tools, at('caveats')),
    audience: readAudience(object['audience'], at('audience')),
    maxDepth: requireInteger(
      object['max_depth'],
      0,
      DEFAULT_LIMITS.maxDelegationDepth,
      at('max_depth'),
    ),
    maxDepthReason: requireText(object['max_depth_reason'], MAX_REASON, at('max_depth_reason')),
    lifetime: requireInteger(object['lifetime'], 1, MAX_GRANT_LIFETIME, at('lifetime')),
    ends: requireInstant(object['ends'], at('ends')),
    approvals: readApprovals(object, at('approvals')),
    subject: readSubject(object['subject'], tools, at('subject')),
  });
}

/** What a grant says of itself, to point at it before it is read. */
function placeOf(value: JsonValue): Place {
  if (!isJsonObject(value)) return {};
  const { tenant, name } = value;
  return {
    ...(typeof tenant === 'string' ? { tenant: tenant.slice(0, 255) } : {}),
    ...(typeof name === 'string' ? { grant: name.slice(0, 255) } : {}),
  };
}

function readAudience(value: JsonValue | undefined, place: Place): Grant['audience'] {
  if (value === 'any') return 'any';
  const fits = (name: string): boolean =>
    name !== '' && name !== 'any' && name.length <= 2048 && !/[\s\p{C}]/u.test(name);
  return requireNames(value, MAX_AUDIENCES, fits, place);
}

function readApprovals(object: JsonObject, place: Place): readonly RequiredApproval[] {
  if (!Object.hasOwn(object, 'approvals')) return NOBODY;
  const value = object['approvals'];
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_APPROVAL_GROUPS)
    throw malformed(place, `not a list of 1 to ${MAX_APPROVAL_GROUPS} entries`);
  const read = (value as readonly JsonValue[]).map((each) => {
    requireMembers(each, ['group', 'count'], place);
    if (!isRequiredApproval(each))
      throw malformed(place, 'an entry without a group and a count of 1 or more');
    return each;
  });
  if (new Set(read.map(({ group }) => group)).size !== read.length)
    throw malformed(place, 'a group twice');
  return Object.freeze(read);
}

const NOBODY: readonly RequiredApproval[] = Object.freeze([]);

function keyOf({ tenant, name }: Grant): string {
  return `${tenant}/${name}`;
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
