import type { JsonObject, PublicJwk } from '@taper/core';
import {
  type Call,
  canonicalText,
  grants,
  type IssuedToken,
  inForce,
  namesAudience,
  type Random,
  randomCall,
  signingInput,
  type TestKey,
  takeApart,
} from '../src/index.ts';
import type { Attempt } from './attack.ts';
import { AUDIENCE, type Family } from './family.ts';

/** How many calls of an accepted leaf are held against its ancestors. */
const CALLS = 3;

/**
 * Says what was gained by an accepted chain, or undefined when nothing was: every honest token in it is as it was
 * issued, under the parent that it was derived from; whatever is forged hangs below a key that the attacker holds;
 * and what the leaf permits, every token above it permits. Shares no code with the verifier: it knows who issued
 * what, and reads constraints by itself.
 */
export function findGain(
  family: Family,
  { chain, now = family.now, witnesses = [], invocation, alsoHolds = [] }: Attempt,
  attackerKey: TestKey,
  random: Random,
): string | undefined {
  const held = keysOf([attackerKey, ...Object.values(family.mallory), ...alsoHolds]);
  const payloads: JsonObject[] = [];
  let above: IssuedToken | undefined;
  for (const [hop, compact] of chain.entries()) {
    const issued = family.honest.get(signingInput(compact));
    const signer = hop === 0 ? undefined : holderOf(payloads[hop - 1] as JsonObject);
    const forgedByAttacker = signer !== undefined && held.has(signer);
    if (issued === undefined) {
      if (hop === 0) return 'a root that no issuer signed';
      if (!forgedByAttacker) return `token ${hop} is forged below a key that the attacker lacks`;
    } else {
      if (issued.compact !== compact && !forgedByAttacker)
        return `token ${hop} carries a signature that nobody made`;
      if (issued.parent !== above) return `token ${hop} stands under a parent that is not its own`;
    }
    above = issued;
    payloads.push(issued?.payload ?? (JSON.parse(takeApart(compact).payload) as JsonObject));
  }
  const last = payloads.length - 1;
  const stale = payloads.findIndex((payload, hop) => !inForce(payload, now, last - hop));
  if (stale !== -1) return `token ${stale} is not in force, or does not allow what is below it`;
  const leaf = payloads[last] as JsonObject;
  const calls = Array.from({ length: CALLS }, () => randomCall(leaf, random));
  for (const call of [...witnesses, callOf(invocation), ...calls]) {
    if (call === undefined || !grants(leaf, call)) continue;
    const narrower = payloads.findIndex((payload) => !grants(payload, call));
    if (narrower !== -1)
      return `the leaf permits ${JSON.stringify(call)}, and token ${narrower} does not`;
  }
  return undefined;
}

/** As {@link findGain}, for a permitted call: it is one that the leaf permits here, proved by who holds the leaf's key. */
export function findGainOfCall(
  family: Family,
  attempt: Attempt,
  attackerKey: TestKey,
): string | undefined {
  const { chain, invocation, now = family.now } = attempt;
  const call = callOf(invocation);
  const leaf = chain.at(-1);
  if (call === undefined || invocation === undefined || leaf === undefined)
    return 'a call that cannot be read';
  const payloads = chain.map((compact) => JSON.parse(takeApart(compact).payload) as JsonObject);
  const elsewhere = payloads.findIndex((payload) => !namesAudience(payload, [AUDIENCE]));
  if (elsewhere !== -1) return `token ${elsewhere} is for another enforcement point`;
  const refusing = payloads.findIndex((payload) => !grants(payload, call));
  if (refusing !== -1) return `token ${refusing} does not permit the call`;
  const honest = family.proofs.find(({ compact }) => compact === invocation.proof);
  if (honest !== undefined) {
    const sameCall = canonicalText({ ...honest.call }) === canonicalText({ ...call });
    return honest.leaf.compact === leaf && sameCall ? undefined : 'a proof made for another call';
  }
  const holder = holderOf(payloads.at(-1) as JsonObject);
  const { alsoHolds = [] } = attempt;
  if (!keysOf([attackerKey, ...Object.values(family.mallory), ...alsoHolds]).has(holder))
    return 'a proof that nobody with the key has made';
  const proof = JSON.parse(takeApart(invocation.proof).payload) as JsonObject;
  if (Math.abs((proof['iat'] as number) - now) > 30) return 'a proof outside its window';
  return undefined;
}

function keysOf(keys: readonly TestKey[]): ReadonlySet<string> {
  return new Set(keys.map(({ publicKey }) => keyText(publicKey.jwk)));
}

/** Who holds a token, as text that two keys never share. */
function holderOf(payload: JsonObject): string {
  return keyText((payload['cnf'] as { readonly jwk: PublicJwk }).jwk);
}

function keyText(jwk: PublicJwk): string {
  return `${jwk.x} ${jwk.kty === 'EC' ? jwk.y : ''}`;
}

function callOf(invocation: Attempt['invocation']): Call | undefined {
  if (invocation === undefined) return undefined;
  const { tool, args } = invocation;
  try {
    return { tool, args: typeof args === 'string' ? (JSON.parse(args) as JsonObject) : args };
  } catch {
    return undefined;
  }
}
