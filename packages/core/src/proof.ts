import { platform } from '#crypto';
import type { VerifiedToken } from './chain.ts';
import type { Algorithm } from './crypto/port.ts';
import { isProblem, type Problem, problem } from './denial.ts';
import type { InvocationArguments } from './invocation.ts';
import { canonicalizeParsed } from './jcs.ts';
import { holdsInadmissibleNumber, isJsonObject, type JsonValue, parseJson } from './json.ts';
import {
  decodeSignature,
  readHeader,
  type SignatureCheck,
  splitJws,
  type UnverifiedJws,
} from './jws.ts';
import type { PublicKey } from './key.ts';
import type { Limits } from './limits.ts';
import { rotationTimeProblem, type VerifiedRotation } from './rotation/succession.ts';
import { claimsObject, integerClaim, stringClaim } from './token.ts';

/** A proof whose signature and claims have been verified for one call. Whether it was used before is the enforcement point's to know (step 7i). */
export interface VerifiedProof {
  /** `jti`, unique among the proofs of its holder. */
  readonly id: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  /** Where a successor of the leaf's holder has signed: the statements that lead to its key, oldest first (spec/rotation.md). */
  readonly rotations?: readonly VerifiedRotation[];
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

/** A proof taken apart: its signature is to be checked before its payload may be read. */
export interface UnverifiedProof {
  readonly alg: Algorithm;
  readonly jws: UnverifiedJws;
  /** The rotation statements that it carries, unread. */
  readonly rotation: JsonValue | undefined;
}

/** Step 7a. */
export function readProof(compact: string): UnverifiedProof | Problem {
  const jws = splitJws(compact);
  if (jws === undefined) return problem('proof_malformed', '7a');
  const header = readHeader(jws.headerSegment, 'aat-pop+jwt', 'proof_malformed', false);
  if ('code' in header) return problem(header.code, '7a');
  return { alg: header.alg, jws, rotation: header.rotation };
}

/** Steps 7a and 7b up to the signature check, which is the caller's to make. `key`: the leaf's holder, or its successor. */
export function checkOfProof(
  { alg, jws }: UnverifiedProof,
  key: PublicKey,
): SignatureCheck | Problem {
  if (key.alg !== alg) return problem('algorithm_key_mismatch', '7a');
  const signature = decodeSignature(jws.signatureSegment, alg);
  if (signature === undefined) return problem('signature_malformed', '7b');
  const input = platform.asciiBytes(jws.signingInput);
  return { key, input, signature };
}

/** Steps 7b (parsing) to 7h over a payload that the leaf's holder has signed, or the key that the `rotations` lead to. */
export function checkProof(
  payload: string,
  leaf: VerifiedToken,
  tool: string,
  args: InvocationArguments,
  now: number,
  policy: ProofPolicy,
  rotations?: readonly VerifiedRotation[],
): VerifiedProof | Problem {
  const parsed = claimsObject(parseJson(payload), '7b');
  if (isProblem(parsed)) return parsed;
  const invalid = (claim: string): Problem => problem('proof_claim_invalid', '7c', { claim });
  const id = stringClaim(parsed, 'jti');
  if (id === undefined) return invalid('jti');
  const tokenId = stringClaim(parsed, 'aat_id');
  if (tokenId === undefined) return invalid('aat_id');
  const tokenHash = stringClaim(parsed, 'aat_hash');
  if (tokenHash === undefined) return invalid('aat_hash');
  const provenTool = stringClaim(parsed, 'aat_tool');
  if (provenTool === undefined) return invalid('aat_tool');
  const issuedAt = integerClaim(parsed, 'iat');
  if (issuedAt === undefined) return invalid('iat');
  const hta = Object.hasOwn(parsed.object, 'hta') ? parsed.object['hta'] : undefined;
  if (!isJsonObject(hta)) return invalid('hta');
  if (tokenId !== leaf.claims.jti)
    return problem('proof_token_mismatch', '7c', { claim: 'aat_id' });
  if (tokenHash !== leaf.hash) return problem('proof_token_mismatch', '7c', { claim: 'aat_hash' });

  if (Object.hasOwn(parsed.object, 'aat_aud')) {
    const { aat_aud: audience } = parsed.object;
    if (typeof audience !== 'string' || !policy.audience.includes(audience))
      return problem('proof_audience_mismatch', '7d');
  } else if (policy.requireProofAudience) {
    return problem('proof_audience_required', '7d');
  }
  if (provenTool !== tool) return problem('proof_tool_mismatch', '7e', { tool });
  if (holdsInadmissibleNumber(hta, parsed.numbers) || canonicalizeParsed(hta) !== args.canonical) {
    return problem('proof_arguments_mismatch', '7f', { tool });
  }
  if (!(Math.abs(now - issuedAt) <= policy.limits.proofWindow))
    return problem('proof_outside_window', '7g');
  const early = rotationTimeProblem(rotations, issuedAt);
  if (early !== undefined) return early;
  if (policy.acceptsNonce !== undefined) {
    const nonce = stringClaim(parsed, 'nonce');
    if (nonce === undefined || policy.acceptsNonce(nonce) !== true)
      return problem('proof_nonce_invalid', '7h');
  }
  return Object.freeze(rotations === undefined ? { id, issuedAt } : { id, issuedAt, rotations });
}
