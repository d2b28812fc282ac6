import { AAT_ENTRY_TYPE, type JsonObject, type JsonValue } from '@taper/core';
import { isObject, member } from '../../file/json.ts';
import { decodeUnverified } from '../../unverified.ts';
import type { Finding, Hop, RevocationReach, Scope } from '../model.ts';
import type { Surroundings } from '../surroundings.ts';
import { audienceOf, numberOf, textOf } from './claims.ts';

/** Reads a chain of AAT, without any key: what is compared is what the tokens say, and whether each names the one before it by hash. */
export function readAat(
  hops: readonly JsonValue[],
  { revocationOf, graceSeconds, refuse }: Surroundings,
): readonly Hop[] {
  const tokens = hops.map((compact, index) => {
    const token =
      typeof compact === 'string' ? decodeUnverified(compact) : 'it is no token in text form';
    const claims = typeof token === 'string' ? undefined : token.claims.value;
    if (typeof token === 'string' || !isObject(claims))
      throw refuse(
        `hops[${index}]`,
        `is no AAT: ${typeof token === 'string' ? token : 'its claims are no JSON object'}`,
      );
    return { claims, hash: token.hash };
  });
  // The enforcement point has to know of all that is on the chain, as of so many seconds ago.
  const staleness = tokens.flatMap(({ claims }) => maxStaleness(claims) ?? []);
  const demanded = staleness.length === 0 ? undefined : Math.min(...staleness);
  return tokens.map(({ claims }, index) => {
    const parent = tokens[index - 1];
    const spliced = parent !== undefined && textOf(claims, 'par_hash') !== parent.hash;
    const findings: Omit<Finding, 'hop'>[] = spliced ? [{ code: 'parent_hash_wrong' }] : [];
    return {
      to: holderOf(claims) ?? `hop ${index}`,
      parents: index === 0 ? [] : [index - 1],
      scope: scopeOf(claims),
      issuedAt: numberOf(claims, 'iat'),
      expiresAt: numberOf(claims, 'exp') ?? 'never',
      graceSeconds,
      renewal: 'none',
      link: 'signature',
      // Hops below the root are issued by holders; the domain of all is that of the root's issuer.
      domain: textOf(tokens[0]?.claims as JsonObject, 'iss'),
      tenant: tenantOf(tokens.slice(0, index + 1).map((token) => token.claims)),
      audience: audienceOf(claims),
      revocation: reachOf(demanded, revocationOf(index, hops.length)),
      findings,
    };
  });
}

/** The caveat binds enforcement points; what a sample says of one that was observed may only be better. */
function reachOf(demanded: number | undefined, observed: RevocationReach): RevocationReach {
  if (demanded === undefined)
    return observed.kind === 'unrecorded' ? { kind: 'never_checked' } : observed;
  return observed.kind === 'checked' && observed.seconds < demanded
    ? observed
    : { kind: 'checked', seconds: demanded };
}

function scopeOf(claims: JsonObject): Scope {
  const details = member(claims, 'authorization_details');
  if (!Array.isArray(details)) return { kind: 'omitted' };
  const entry = details.find(
    (each: JsonValue) => isObject(each) && member(each, 'type') === AAT_ENTRY_TYPE,
  );
  const tools = isObject(entry) ? member(entry, 'tools') : undefined;
  // A token without an entry holds no capability at all (draft section 3.3).
  return { kind: 'tools', tools: isObject(tools) ? tools : {} };
}

function holderOf(claims: JsonObject): string | undefined {
  const cnf = member(claims, 'cnf');
  const jwk = isObject(cnf) ? member(cnf, 'jwk') : undefined;
  const x = isObject(jwk) ? textOf(jwk, 'x') : undefined;
  return x === undefined ? undefined : `key ${x.slice(0, 10)}…`;
}

function caveats(claims: JsonObject): JsonObject {
  const found = member(claims, 'taper');
  return isObject(found) ? found : {};
}

/** Caveats accumulate: a hop that names no tenant is bound to that of its ancestors. */
function tenantOf(claims: readonly JsonObject[]): string | undefined {
  return claims
    .map((each) => textOf(caveats(each), 'tenant'))
    .findLast((each) => each !== undefined);
}

function maxStaleness(claims: JsonObject): number | undefined {
  const revocation = member(caveats(claims), 'revocation');
  return isObject(revocation) ? numberOf(revocation, 'max_staleness') : undefined;
}
