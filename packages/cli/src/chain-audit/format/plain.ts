import type { JsonObject, JsonValue } from '@taper/core';
import { isObject, kindOf, member } from '../../file/json.ts';
import type { Hop, Link, RevocationReach, Scope } from '../model.ts';
import { isSeconds, type Surroundings } from '../surroundings.ts';
import { textsOf } from './claims.ts';

const LINKS: readonly Link[] = ['signature', 'hash', 'name', 'none'];
const RENEWALS = ['none', 'bounded', 'resets', 'possible'] as const;

const MEMBERS: readonly string[] = [
  'to',
  'parents',
  'scope',
  'tools',
  'issued_at',
  'expires_at',
  'grace_seconds',
  'renewal',
  'renewed_to',
  'parent_binding',
  'domain',
  'tenant',
  'audience',
  'revocation',
];

/** Reads hops that somebody described in JSON, whatever system they come from. Unknown members are refused: a typing error must not pass for a record. */
export function readPlain(hops: readonly JsonValue[], surroundings: Surroundings): readonly Hop[] {
  return hops.map((hop, index) => {
    const refuse = (field: string, problem: string): Error =>
      surroundings.refuse(`hops[${index}]${field === '' ? '' : `.${field}`}`, problem);
    if (!isObject(hop)) throw refuse('', `is ${kindOf(hop)} and not an object`);
    const unknown = Object.keys(hop).find((name) => !MEMBERS.includes(name));
    if (unknown !== undefined) throw refuse(unknown, 'is not a member that a hop can have');
    return readHop(hop, index, hops.length, surroundings, refuse);
  });
}

type Refuse = (field: string, problem: string) => Error;

function readHop(
  hop: JsonObject,
  index: number,
  count: number,
  { revocationOf, graceSeconds }: Surroundings,
  refuse: Refuse,
): Hop {
  const seconds = (name: string): number | undefined => {
    const value = member(hop, name);
    if (value !== undefined && !isSeconds(value)) throw refuse(name, 'is no number of seconds');
    return value;
  };
  const text = (name: string): string | undefined => {
    const value = member(hop, name);
    if (value !== undefined && typeof value !== 'string') throw refuse(name, 'is not text');
    return value;
  };
  const oneOf = <Value extends string>(
    name: string,
    values: readonly Value[],
  ): Value | undefined => {
    const value = text(name);
    if (value !== undefined && !values.includes(value as Value))
      throw refuse(name, `is none of ${values.join(', ')}`);
    return value as Value | undefined;
  };
  const never = member(hop, 'expires_at') === 'never';
  const renewedTo = member(hop, 'renewed_to');
  if (renewedTo !== undefined && !(Array.isArray(renewedTo) && renewedTo.every(isSeconds)))
    throw refuse('renewed_to', 'is no list of times in seconds');
  const audience = member(hop, 'audience');
  if (audience !== undefined && textsOf(audience) === undefined)
    throw refuse('audience', 'is no list of texts');
  return {
    to: text('to') ?? `hop ${index}`,
    parents: parentsOf(hop, index, refuse),
    scope: scopeOf(hop, refuse),
    issuedAt: seconds('issued_at'),
    expiresAt: never ? 'never' : seconds('expires_at'),
    graceSeconds: seconds('grace_seconds') ?? graceSeconds,
    renewal: oneOf('renewal', RENEWALS),
    renewedTo: renewedTo as readonly number[] | undefined,
    link: oneOf('parent_binding', LINKS) ?? 'unrecorded',
    domain: text('domain'),
    tenant: text('tenant'),
    audience: textsOf(audience),
    revocation: reachOf(member(hop, 'revocation'), refuse) ?? revocationOf(index, count),
  };
}

function parentsOf(hop: JsonObject, index: number, refuse: Refuse): readonly number[] {
  const parents = member(hop, 'parents');
  if (parents === undefined) return index === 0 ? [] : [index - 1];
  const isEarlier = (each: JsonValue): boolean =>
    Number.isSafeInteger(each) && (each as number) >= 0 && (each as number) < index;
  if (!Array.isArray(parents) || !parents.every(isEarlier))
    throw refuse('parents', 'is no list of indexes of earlier hops');
  return parents as readonly number[];
}

function scopeOf(hop: JsonObject, refuse: Refuse): Scope {
  const tools = member(hop, 'tools');
  const scope = member(hop, 'scope');
  if (tools !== undefined && scope !== undefined)
    throw refuse('scope', 'and `tools` exclude each other');
  if (tools !== undefined) {
    if (!isObject(tools) || !Object.values(tools).every(isObject))
      throw refuse('tools', 'is no object of constraint maps');
    return { kind: 'tools', tools };
  }
  if (scope === undefined) return { kind: 'unrecorded' };
  if (scope === null) return { kind: 'omitted' };
  const items = textsOf(scope);
  if (items === undefined)
    throw refuse('scope', 'is no list of texts, nor null where the hop names none');
  return { kind: 'items', items };
}

function reachOf(value: JsonValue | undefined, refuse: Refuse): RevocationReach | undefined {
  if (value === undefined) return undefined;
  const seconds = isObject(value) ? member(value, 'max_age_seconds') : undefined;
  const checked = isObject(value) ? member(value, 'checked') : undefined;
  if (checked === false) return { kind: 'never_checked' };
  if (checked !== true || !isSeconds(seconds))
    throw refuse(
      'revocation',
      'is not {"checked": true, "max_age_seconds": …} or {"checked": false}',
    );
  return { kind: 'checked', seconds };
}
