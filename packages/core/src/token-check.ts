import { findWidening } from './capability.ts';
import { tenantProblem } from './caveat/accumulate.ts';
import { readCaveats } from './caveat/shape.ts';
import type { VerifiedToken } from './chain.ts';
import { isProblem, type Problem, problem } from './denial.ts';
import { type JsonValue, parseJson } from './json.ts';
import type { Limits } from './limits.ts';
import { rotationTimeProblem, type VerifiedRotation } from './rotation/succession.ts';
import { subjectClaim } from './subject-claim.ts';
import {
  audienceClaim,
  CHILD_STEPS,
  capabilitiesClaim,
  claimsObject,
  detailsClaim,
  holderKey,
  integerClaim,
  isUri,
  type ParsedClaims,
  ROOT_STEPS,
  stringClaim,
  type TokenClaims,
} from './token.ts';

/** What may change while a token stays the same: its relation to the clock (steps 3e–3f, 4i and 4k). */
export function timeProblem(claims: TokenClaims, now: number, limits: Limits): Problem | undefined {
  const isRoot = claims.delDepth === 0;
  if (!(claims.exp > now)) return problem('token_expired', isRoot ? '3e' : '4i');
  if (!(claims.iat <= now + limits.maxIatSkew))
    return problem('token_issued_in_future', isRoot ? '3f' : '4k');
  return undefined;
}

/** The first token of a verified chain that is not in force any more, or not yet. */
export function findOutOfForce(
  tokens: readonly VerifiedToken[],
  now: number,
  limits: Limits,
): { readonly problem: Problem; readonly hop: number } | undefined {
  for (let hop = 0; hop < tokens.length; hop++) {
    const late = timeProblem((tokens[hop] as VerifiedToken).claims, now, limits);
    if (late !== undefined) return { problem: late, hop };
  }
  return undefined;
}

/** Steps 3b (claims) to 3n. `payload` has been signed by the trust anchor of `issuer`, under a header that names the profile where it is `marked`. */
export function checkRoot(
  payload: string,
  issuer: string,
  now: number,
  limits: Limits,
  marked: boolean,
): TokenClaims | Problem {
  const steps = ROOT_STEPS;
  const parsed = claimsObject(parseJson(payload), steps.times);
  if (isProblem(parsed)) return parsed;
  const caveats = readCaveats(parsed, marked, true);
  if (caveats !== undefined && isProblem(caveats)) return caveats;
  const subject = caveats && subjectClaim(parsed);
  if (subject !== undefined && isProblem(subject)) return subject;
  const iat = integerClaim(parsed, 'iat');
  const exp = integerClaim(parsed, 'exp');
  if (iat === undefined || exp === undefined) return timeClaimProblem(iat, steps.times);
  const delDepth = integerClaim(parsed, 'del_depth');
  if (delDepth === undefined)
    return problem('depth_claim_invalid', steps.depth, { claim: 'del_depth' });
  if (delDepth !== 0) return problem('root_depth_not_zero', steps.depth);
  if (Object.hasOwn(parsed.object, 'par_hash')) return problem('root_has_parent', steps.parHash);
  if (!(exp > now)) return problem('token_expired', '3e');
  if (!(iat <= now + limits.maxIatSkew)) return problem('token_issued_in_future', '3f');
  if (!(exp > iat)) return problem('expiry_not_after_issuance', '3g');
  if (!(exp <= iat + limits.maxTokenLifetime)) return problem('lifetime_too_long', '3h');
  const delMaxDepth = integerClaim(parsed, 'del_max_depth');
  if (delMaxDepth === undefined || delMaxDepth < 0 || delMaxDepth > limits.maxDelegationDepth) {
    return problem('max_depth_invalid', steps.maxDepth);
  }
  const jti = stringClaim(parsed, 'jti');
  if (jti === undefined) return problem('token_id_invalid', steps.jti);
  const iss = stringClaim(parsed, 'iss');
  if (iss === undefined || !isUri(iss) || iss !== issuer)
    return problem('issuer_mismatch', steps.iss);
  const holder = holderKey(parsed, steps.cnf);
  if (isProblem(holder)) return holder;
  const details = detailsClaim(parsed, steps.details);
  if (isProblem(details)) return details;
  const granted = capabilitiesClaim(details, parsed.numbers, true, steps, limits);
  if (isProblem(granted)) return granted;
  return Object.freeze({
    jti,
    iss,
    iat,
    exp,
    delDepth,
    delMaxDepth,
    parHash: undefined,
    aud: audienceClaim(parsed),
    holder,
    capabilities: granted.capabilities,
    hasCapabilities: granted.hasCapabilities,
    caveats,
    subject,
  });
}

/**
 * Steps 4b (claims) to 4q. `payload` has been signed by the holder of the last of the parents (root first), or by the key that the
 * `rotations` lead to; `marked` as in {@link checkRoot}.
 */
export function checkChild(
  payload: string,
  parents: readonly VerifiedToken[],
  now: number,
  limits: Limits,
  marked: boolean,
  rotations?: readonly VerifiedRotation[],
): TokenClaims | Problem {
  const parent = parents.at(-1) as VerifiedToken;
  const above = parent.claims;
  const parsed = claimsObject(parseJson(payload), '4b');
  if (isProblem(parsed)) return parsed;
  const caveats = readCaveats(parsed, marked, false);
  if (caveats !== undefined && isProblem(caveats)) return caveats;
  const claims = readChildClaims(parsed);
  if (isProblem(claims)) return claims;
  const issuer = rotations?.at(-1)?.newKey ?? above.holder;
  if (claims.iss !== issuer.thumbprintUri) return problem('issuer_mismatch', '4c');
  if (claims.delDepth !== above.delDepth + 1) return problem('depth_not_incremented', '4d');
  if (!(claims.delDepth <= above.delMaxDepth)) return problem('depth_exhausted', '4e');
  if (!(claims.delDepth <= limits.maxDelegationDepth)) return problem('depth_exhausted', '4f');
  if (!(claims.delMaxDepth <= above.delMaxDepth)) return problem('max_depth_raised', '4g');
  if (!(claims.exp <= above.exp)) return problem('expiry_extended', '4h');
  if (!(claims.exp > now)) return problem('token_expired', '4i');
  if (!(claims.iat >= above.iat)) return problem('issued_before_parent', '4j');
  const early = rotationTimeProblem(rotations, claims.iat);
  if (early !== undefined) return early;
  if (!(claims.iat <= now + limits.maxIatSkew)) return problem('token_issued_in_future', '4k');
  if (!(claims.exp > claims.iat)) return problem('expiry_not_after_issuance', '4l');
  if (!(claims.delDepth <= claims.delMaxDepth)) return problem('depth_exhausted', '4m');
  const granted = capabilitiesClaim(claims.details, parsed.numbers, false, CHILD_STEPS, limits);
  if (isProblem(granted)) return granted;
  const widening = findWidening(above.capabilities, granted.capabilities);
  if (widening !== undefined) return problem(widening.code, `4${widening.rule}`, widening.facts);
  if (claims.parHash !== parent.hash) return problem('parent_hash_mismatch', '4q');
  const stranger = caveats === undefined ? undefined : tenantProblem(parents, caveats);
  if (stranger !== undefined) return stranger;
  const { jti, iss, iat, exp, delDepth, delMaxDepth, parHash, aud, holder } = claims;
  return Object.freeze({
    jti,
    iss,
    iat,
    exp,
    delDepth,
    delMaxDepth,
    parHash,
    aud,
    holder,
    capabilities: granted.capabilities,
    hasCapabilities: granted.hasCapabilities,
    caveats,
    subject: undefined,
  });
}

type ChildClaims = Omit<TokenClaims, 'capabilities' | 'hasCapabilities' | 'caveats' | 'subject'> & {
  readonly details: readonly JsonValue[];
};

/** The presence and types of a derived token's claims (steps 4b1–4b5). */
function readChildClaims(parsed: ParsedClaims): ChildClaims | Problem {
  const steps = CHILD_STEPS;
  const jti = stringClaim(parsed, 'jti');
  if (jti === undefined) return problem('token_id_invalid', steps.jti);
  const holder = holderKey(parsed, steps.cnf);
  if (isProblem(holder)) return holder;
  const details = detailsClaim(parsed, steps.details);
  if (isProblem(details)) return details;
  const delDepth = integerClaim(parsed, 'del_depth');
  const delMaxDepth = integerClaim(parsed, 'del_max_depth');
  if (delDepth === undefined || delDepth < 0)
    return problem('depth_claim_invalid', steps.depth, { claim: 'del_depth' });
  if (delMaxDepth === undefined || delMaxDepth < 0)
    return problem('depth_claim_invalid', steps.depth, { claim: 'del_max_depth' });
  const iss = stringClaim(parsed, 'iss');
  if (iss === undefined) return problem('parent_link_invalid', steps.iss, { claim: 'iss' });
  const parHash = stringClaim(parsed, 'par_hash');
  if (parHash === undefined)
    return problem('parent_link_invalid', steps.parHash, { claim: 'par_hash' });
  const iat = integerClaim(parsed, 'iat');
  const exp = integerClaim(parsed, 'exp');
  if (iat === undefined || exp === undefined) return timeClaimProblem(iat, steps.times);
  return {
    jti,
    iss,
    iat,
    exp,
    delDepth,
    delMaxDepth,
    parHash,
    aud: audienceClaim(parsed),
    holder,
    details,
  };
}

function timeClaimProblem(iat: number | undefined, step: string): Problem {
  return problem('time_claim_invalid', step, { claim: iat === undefined ? 'iat' : 'exp' });
}
