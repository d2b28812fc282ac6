import { isJsonObject, type JsonObject, type JsonValue } from '@taper/core';
import { AuthorityRefusal } from '../refusal.ts';

/** Where in the document something stands. */
export interface Place {
  readonly tenant?: string;
  readonly grant?: string;
  readonly tool?: string;
  readonly argument?: string;
  readonly member?: string;
}

/** The refusal of a grant document: where, and in a word why. */
export function malformed(place: Place, reason: string, hint?: string): AuthorityRefusal {
  const { tenant, grant, member } = place;
  const where = [
    tenant !== undefined && grant !== undefined && `grant ${JSON.stringify(`${tenant}/${grant}`)}`,
    member !== undefined && `member \`${member}\``,
  ].filter(Boolean);
  const message = `${['The grants are malformed', ...where].join(', ')}: ${reason}.`;
  return new AuthorityRefusal('grant_malformed', message, {
    facts: { ...place, reason },
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The object, once it is known to have no member but these; a member without which nothing goes ends in no `?`. */
export function requireMembers(
  value: JsonValue | undefined,
  members: readonly string[],
  place: Place,
): JsonObject {
  if (!isJsonObject(value)) throw malformed(place, 'not an object');
  const known = members.map((name) => name.replace('?', ''));
  for (const name of Object.keys(value)) {
    if (!known.includes(name))
      throw malformed({ ...place, member: name.slice(0, 64) }, 'a member that nobody knows');
  }
  for (const name of members) {
    if (!name.endsWith('?') && !Object.hasOwn(value, name))
      throw malformed({ ...place, member: name }, 'missing');
  }
  return value;
}

/** A list of strings, each once, at least one: an empty one would be taken for "any" by somebody. */
export function requireNames(
  value: JsonValue | undefined,
  most: number,
  fits: (name: string) => boolean,
  place: Place,
): readonly string[] {
  if (!Array.isArray(value) || value.length === 0)
    throw malformed(place, 'not a list with at least one entry');
  if (value.length > most) throw malformed(place, `more than ${most} entries`);
  if (!value.every((name): name is string => typeof name === 'string' && fits(name)))
    throw malformed(place, 'an entry that is no name');
  if (new Set(value).size !== value.length) throw malformed(place, 'an entry twice');
  return value;
}

/** The members of an object that has at least one. */
export function requireEntries(
  value: JsonValue | undefined,
  place: Place,
): readonly (readonly [string, JsonValue])[] {
  if (!isJsonObject(value) || Object.keys(value).length === 0)
    throw malformed(place, 'not an object with at least one member');
  return Object.entries(value);
}

export function requireInteger(
  value: JsonValue | undefined,
  least: number,
  most: number,
  place: Place,
): number {
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most)
    throw malformed(place, `not a whole number from ${least} to ${most}`);
  return value as number;
}

/** Text for people: 1 to `most` characters, none of them invisible. */
export function requireText(value: JsonValue | undefined, most: number, place: Place): string {
  const fits =
    typeof value === 'string' &&
    value.length <= most &&
    value.trim() !== '' &&
    !/[\p{C}\p{Zl}\p{Zp}]/u.test(value);
  if (!fits) throw malformed(place, `not a text of 1 to ${most} visible characters`);
  return value;
}

/** Whether the text can be one segment of a SPIFFE ID's path, as names of tenants, agents and grants have to. */
export function isSegment(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,255}$/.test(text) && text !== '.' && text !== '..';
}

const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/;

/** Seconds since the epoch, of whole seconds in RFC 3339, in UTC: a time without a zone is nobody's. */
export function requireInstant(value: JsonValue | undefined, place: Place): number {
  const time = typeof value === 'string' && INSTANT.test(value) ? Date.parse(value) : Number.NaN;
  // A day that does not exist is moved to the next month by some parsers.
  if (
    Number.isNaN(time) ||
    new Date(time).toISOString() !== `${(value as string).slice(0, -1)}.000Z`
  )
    throw malformed(place, 'not a time such as 2027-03-31T00:00:00Z');
  if (time < 0) throw malformed(place, 'before 1970');
  return time / 1000;
}
