import { canonicalize, type JsonObject, type JsonValue } from '@taper/core';
import { isObject, kindOf, member } from '../../file/json.ts';
import { decodeUnverified } from '../../unverified.ts';
import type { Finding, Hop, Scope } from '../model.ts';
import type { Surroundings } from '../surroundings.ts';
import { audienceOf, numberOf, textOf, textsOf } from './claims.ts';

/**
 * Reads the tokens of successive exchanges (RFC 8693), root first, as JWTs or as their claims; or one token, of which the nested
 * `act` tells who acted before, and nothing of what they were allowed.
 */
export function readOAuth(hops: readonly JsonValue[], surroundings: Surroundings): readonly Hop[] {
  const claims = hops.map((hop, index) => claimsOf(hop, index, surroundings));
  const [only] = claims;
  if (only !== undefined && claims.length === 1) return nested(only, surroundings);
  return claims.map((each, index) =>
    readToken(each, claims[index - 1], index, claims.length, surroundings),
  );
}

function claimsOf(hop: JsonValue, index: number, { refuse }: Surroundings): JsonObject {
  if (isObject(hop)) return hop;
  if (typeof hop !== 'string')
    throw refuse(`hops[${index}]`, `is ${kindOf(hop)} and neither a token nor its claims`);
  const token = decodeUnverified(hop);
  const claims = typeof token === 'string' ? undefined : token.claims.value;
  if (typeof token === 'string') throw refuse(`hops[${index}]`, `is no JWT: ${token}`);
  if (!isObject(claims)) throw refuse(`hops[${index}]`, 'is no JWT: its claims are no JSON object');
  return claims;
}

/** One token with `act` in `act`: the innermost acted first. Only the token itself has a scope and an end. */
function nested(claims: JsonObject, surroundings: Surroundings): readonly Hop[] {
  const actors: JsonObject[] = [];
  for (let act = member(claims, 'act'); isObject(act); act = member(act, 'act'))
    actors.unshift(act);
  const count = Math.max(1, actors.length);
  const token = readToken(claims, undefined, count - 1, count, surroundings);
  const before = actors.slice(0, -1).map(
    (act, index): Hop => ({
      to: textOf(act, 'sub') ?? `actor ${index}`,
      parents: index === 0 ? [] : [index - 1],
      scope: { kind: 'unrecorded' },
      link: index === 0 ? 'unrecorded' : 'name',
      domain: textOf(act, 'iss'),
      revocation: surroundings.revocationOf(index, count),
    }),
  );
  const parents = before.length === 0 ? [] : [before.length - 1];
  return [...before, { ...token, parents, link: parents.length === 0 ? 'unrecorded' : 'name' }];
}

function readToken(
  claims: JsonObject,
  parent: JsonObject | undefined,
  index: number,
  count: number,
  { revocationOf, graceSeconds }: Surroundings,
): Hop {
  const scope = scopeOf(claims);
  const offline = scope.kind === 'items' && scope.items.includes('offline_access');
  const act = member(claims, 'act');
  return {
    to:
      (isObject(act) ? textOf(act, 'sub') : undefined) ??
      textOf(claims, 'client_id') ??
      textOf(claims, 'sub') ??
      `hop ${index}`,
    parents: parent === undefined ? [] : [index - 1],
    scope,
    issuedAt: numberOf(claims, 'iat'),
    expiresAt: numberOf(claims, 'exp') ?? 'never',
    graceSeconds,
    renewal: offline || Object.hasOwn(claims, 'refresh_token') ? 'possible' : undefined,
    link: parent === undefined ? 'unrecorded' : 'none',
    domain: textOf(claims, 'iss'),
    tenant: textOf(claims, 'tenant') ?? textOf(claims, 'tid'),
    audience: audienceOf(claims),
    revocation: revocationOf(index, count),
    findings:
      parent === undefined
        ? ownFindings(claims)
        : [...ownFindings(claims), ...lineFindings(claims, parent)],
  };
}

/** `scope` as text (RFC 8693 section 4.2) or `scp` as a list, as some issuers write it. */
function scopeOf(claims: JsonObject): Scope {
  const text = textOf(claims, 'scope');
  const items =
    text === undefined
      ? textsOf(member(claims, 'scp') ?? member(claims, 'scope'))
      : text.split(' ').filter((each) => each !== '');
  return items === undefined ? { kind: 'omitted' } : { kind: 'items', items };
}

function ownFindings(claims: JsonObject): Omit<Finding, 'hop'>[] {
  const mayAct = member(claims, 'may_act');
  return isObject(mayAct) && !Object.hasOwn(mayAct, 'iss')
    ? [{ code: 'may_act_without_issuer' }]
    : [];
}

/** Whether the line of actors goes on: the child's `act` holds that of its parent, and the subject stays. */
function lineFindings(claims: JsonObject, parent: JsonObject): Omit<Finding, 'hop'>[] {
  const findings: Omit<Finding, 'hop'>[] = [];
  const act = member(claims, 'act');
  const before = member(parent, 'act');
  const carried = isObject(act) ? member(act, 'act') : undefined;
  if (!isObject(act)) findings.push({ code: 'actor_dropped', facts: { item: 'no `act`' } });
  else if (
    before !== undefined &&
    !same(act, before) &&
    (carried === undefined || !same(carried, before))
  )
    findings.push({
      code: 'actor_dropped',
      facts: {
        item: (isObject(before) ? textOf(before, 'sub') : undefined) ?? 'the actor of its parent',
      },
    });
  const subject = textOf(claims, 'sub');
  if (subject !== textOf(parent, 'sub'))
    findings.push({ code: 'subject_changed', facts: { item: subject ?? 'nobody' } });
  return findings;
}

function same(one: JsonValue, other: JsonValue): boolean {
  return canonicalize(one) === canonicalize(other);
}
