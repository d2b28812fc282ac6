import { platform } from '#crypto';
import type { VerifiedToken } from './chain.ts';
import type { DenialCode, Problem } from './denial.ts';
import { isProblem } from './denial.ts';
import type { InvocationArguments } from './invocation.ts';
import { canonicalizeParsed } from './jcs.ts';
import { holdsInadmissibleNumber, isJsonObject, parseJson } from './json.ts';
import { decodeSegment, readHeader, type SignatureCheck, signatureCheck, splitJws } from './jws.ts';
import type { Limits } from './limits.ts';
import { claimsObject, integerClaim, problem, stringClaim } from './token.ts';

/** A proof whose signature and claims have been verified for one call. Whether it was used before is the enforcement point's to know (step 7i). */
export interface VerifiedProof {
  /** `jti`, unique among the proofs of its holder. */
  readonly id: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
}

/** What an enforcement point asks of a proof beyond the draft's minimum (steps 7d, 7g and 7h). */
export interface ProofPolicy {
  /** The identifiers of this enforcement point; `aat_aud` must be one of them, by exact comparison. */
  readonly audience: readonly string[];
  readonly requireProofAudience: boolean;
  /** Present when a nonce is required: whether this enforcement point issued the nonce and still accepts it. */
  readonly acceptsNonce: ((nonce: string) => boolean) | undefined;
  readonly limits: Limits;
}

/** Steps 7a and 7b: returns the payload text once the leaf's holder is known to have signed it. */
export function* proofSignature(
  compact: string,
  leaf: VerifiedToken,
): Generator<SignatureCheck, { readonly payload: string } | Problem, boolean> {
  const refused = (code: DenialCode, step: string): Problem => problem(code, step);
  const jws = splitJws(compact);
  if (jws === undefined) return refused('proof_malformed', '7a');
  const header = readHeader(jws.headerSegment, 'aat-pop+jwt', 'proof_malformed');
  if ('code' in header) return refused(header.code, '7a');
  const { holder } = leaf.claims;
  if (holder.alg !== header.alg) return refused('algorithm_key_mismatch', '7a');
  const check = signatureCheck(jws, header.alg, holder, platform.asciiBytes(jws.signingInput));
  if ('code' in check) return refused(check.code, '7b');
  if ((yield check) !== true) return refused('signature_invalid', '7b');
  const payload = decodeSegment(jws.payloadSegment);
  return payload === undefined ? refused('claims_malformed', '7b') : { payload };
}

/** Steps 7b (parsing) to 7h over a payload that the leaf's holder has signed. */
export function checkProof(
  payload: string,
  leaf: VerifiedToken,
  tool: string,
  args: InvocationArguments,
  now: number,
  policy: ProofPolicy,
): VerifiedProof | Problem {
  const parsed = claimsObject(parseJson(payload), '7b');
  if (isProblem(parsed)) return parsed;
  const required = {
    jti: stringClaim(parsed, 'jti'),
    aat_id: stringClaim(parsed, 'aat_id'),
    aat_hash: stringClaim(parsed, 'aat_hash'),
    aat_tool: stringClaim(parsed, 'aat_tool'),
  };
  for (const [claim, value] of Object.entries(required)) {
    if (value === undefined) return problem('proof_claim_invalid', '7c', { claim });
  }
  const issuedAt = integerClaim(parsed, 'iat');
  if (issuedAt === undefined) return problem('proof_claim_invalid', '7c', { claim: 'iat' });
  const hta = Object.hasOwn(parsed.object, 'hta') ? parsed.object['hta'] : undefined;
  if (!isJsonObject(hta)) return problem('proof_claim_invalid', '7c', { claim: 'hta' });
  if (required.aat_id !== leaf.claims.jti)
    return problem('proof_token_mismatch', '7c', { claim: 'aat_id' });
  if (required.aat_hash !== leaf.hash)
    return problem('proof_token_mismatch', '7c', { claim: 'aat_hash' });

  if (Object.hasOwn(parsed.object, 'aat_aud')) {
    const { aat_aud: audience } = parsed.object;
    if (typeof audience !== 'string' || !policy.audience.includes(audience))
      return problem('proof_audience_mismatch', '7d');
  } else if (policy.requireProofAudience) {
    return problem('proof_audience_required', '7d');
  }
  if (required.aat_tool !== tool) return problem('proof_tool_mismatch', '7e', { tool });
  if (holdsInadmissibleNumber(hta, parsed.numbers) || canonicalizeParsed(hta) !== args.canonical) {
    return problem('proof_arguments_mismatch', '7f', { tool });
  }
  if (!(Math.abs(now - issuedAt) <= policy.limits.proofWindow))
    return problem('proof_outside_window', '7g');
  if (policy.acceptsNonce !== undefined) {
    const nonce = stringClaim(parsed, 'nonce');
    if (nonce === undefined || policy.acceptsNonce(nonce) !== true)
      return problem('proof_nonce_invalid', '7h');
  }
  return { id: required.jti as string, issuedAt };
}
