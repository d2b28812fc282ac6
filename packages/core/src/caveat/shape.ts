import { isGroupName, MAX_APPROVAL_COUNT } from '../approval/request.ts';
import { MAX_SCALE, parseDecimal } from '../constraint/decimal.ts';
import { type Problem, problem } from '../denial.ts';
import { isJsonObject, type JsonObject, type JsonValue, type NumberForms } from '../json.ts';
import { ReadOnlyMap } from '../read-only-map.ts';
import type { ParsedClaims } from '../token.ts';
import type { Caveats, RevocationCaveat } from './caveats.ts';

/** The built-in meter, of which each call takes 1. */
const CALLS_METER = 'calls';

/** Most meters of a budget, tools that need approval, and groups that approve one tool. Tools that are pinned are bounded by the size of a token. */
const MAX_METERS = 16;
const MAX_APPROVAL_TOOLS = 64;
const MAX_GROUPS = 16;

/** UTF-16 code units. */
const MAX_NAME = 256;
/** Seconds. */
const MAX_STALENESS = 90 * 86_400;
const METER = /^[A-Za-z0-9._-]{1,64}$/;
/** 32 bytes in strict base64url: the last character has two bits that must be zero. */
const HASH = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/** A caveat's value, or `undefined` where its shape is wrong. */
type Reader<Value> = (value: JsonValue, numbers: NumberForms | undefined) => Value | undefined;

const READERS: { readonly [Member in keyof Caveats]-?: Reader<NonNullable<Caveats[Member]>> } = {
  tenant: readName,
  purpose: readName,
  budget: (value) =>
    readMap(value, MAX_METERS, (limit, meter) =>
      METER.test(meter) && isLimit(limit, meter) ? limit : undefined,
    ),
  approvals: (value, numbers) =>
    readMap(value, MAX_APPROVAL_TOOLS, (groups) =>
      readMap(groups, MAX_GROUPS, (count, group) => {
        const whole = readInteger(groups as JsonObject, group, numbers);
        const fits = whole !== undefined && whole >= 1 && whole <= MAX_APPROVAL_COUNT;
        return isGroupName(group) && fits ? (count as number) : undefined;
      }),
    ),
  revocation: readRevocation,
  definitions: (value) =>
    readMap(value, Number.POSITIVE_INFINITY, (hash) =>
      typeof hash === 'string' && HASH.test(hash) ? hash : undefined,
    ),
};

/**
 * Reads the claim `taper` of a root or derived token; `undefined` where there is none. `marked`: the protected header names the profile.
 * An empty object, an unknown member and an empty caveat are refused: what says nothing was either not meant, or has lost
 * what it said.
 */
export function readCaveats(
  { object, numbers }: ParsedClaims,
  marked: boolean,
  isRoot: boolean,
): Caveats | undefined | Problem {
  const step = isRoot ? '3b' : '4b';
  const malformed = (reason: string, member = 'taper'): Problem =>
    problem('caveats_malformed', step, { claim: member, reason });
  const isThere = Object.hasOwn(object, 'taper');
  if (!marked) return isThere ? problem('caveats_unmarked', isRoot ? '3a' : '4a') : undefined;
  if (!isThere) return malformed('absent');
  const claim = object['taper'];
  if (!isJsonObject(claim)) return malformed('not_an_object');
  const members = Object.keys(claim);
  if (members.length === 0) return malformed('empty');
  const read: { [member: string]: unknown } = {};
  for (const member of members) {
    if (!Object.hasOwn(READERS, member))
      return problem('caveat_unknown', step, { claim: member.slice(0, MAX_NAME) });
    const value = READERS[member as keyof Caveats](claim[member] as JsonValue, numbers);
    if (value === undefined) return malformed('shape', member);
    read[member] = value;
  }
  const { tenant, purpose, budget, approvals, revocation, definitions } = read as Partial<Caveats>;
  return Object.freeze({ tenant, purpose, budget, approvals, revocation, definitions });
}

/** Whether the value can name a tenant, a purpose or a log: 1 to 256 characters, none of them a control character. */
export function isCaveatText(value: unknown): value is string {
  const fits = typeof value === 'string' && value !== '' && value.length <= MAX_NAME;
  return fits && !/\p{Cc}/u.test(value);
}

function readName(value: JsonValue): string | undefined {
  return isCaveatText(value) ? value : undefined;
}

function isLimit(value: JsonValue, meter: string): value is string {
  const limit = parseDecimal(value, meter === CALLS_METER ? 0 : MAX_SCALE);
  return limit !== undefined && limit >= 0n;
}

function readRevocation(
  value: JsonValue,
  numbers: NumberForms | undefined,
): RevocationCaveat | undefined {
  if (!isJsonObject(value)) return undefined;
  if (Object.keys(value).sort().join() !== 'epoch,log,max_staleness') return undefined;
  const log = readName(value['log'] as JsonValue);
  const epoch = readInteger(value, 'epoch', numbers);
  const maxStaleness = readInteger(value, 'max_staleness', numbers);
  if (log === undefined || epoch === undefined || maxStaleness === undefined) return undefined;
  if (epoch < 0 || maxStaleness < 1 || maxStaleness > MAX_STALENESS) return undefined;
  return Object.freeze({ log, epoch, maxStaleness });
}

/** A JSON number without fraction and exponent part. */
function readInteger(
  object: JsonObject,
  member: string,
  numbers: NumberForms | undefined,
): number | undefined {
  const value = object[member];
  return Number.isSafeInteger(value) && !numbers?.get(object)?.has(member)
    ? (value as number)
    : undefined;
}

/** A non-empty object as a map, every member read: an empty one says nothing, and might be taken for "any". */
function readMap<Value>(
  value: JsonValue,
  most: number,
  read: (value: JsonValue, name: string) => Value | undefined,
): ReadonlyMap<string, Value> | undefined {
  if (!isJsonObject(value)) return undefined;
  const names = Object.keys(value);
  if (names.length === 0 || names.length > most) return undefined;
  const map = new Map<string, Value>();
  for (const name of names) {
    const member = read(value[name] as JsonValue, name);
    if (name === '' || member === undefined) return undefined;
    map.set(name, member);
  }
  return new ReadOnlyMap(map);
}
