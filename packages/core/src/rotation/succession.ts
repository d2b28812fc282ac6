import { isBoundedText, isListOf } from '../approval/shape.ts';
import type { TrustAnchor } from '../chain.ts';
import { isProblem, type Problem, problem } from '../denial.ts';
import type { JsonValue } from '../json.ts';
import { decodeSignature, type SignatureCheck } from '../jws.ts';
import type { PublicKey } from '../key.ts';
import {
  MAX_ROTATION_SIZE,
  MAX_ROTATIONS,
  takeRotationApart,
  type UnsafeRotation,
  type UnverifiedRotation,
  type UnverifiedSignature,
} from './statement.ts';

/** A statement whose signatures have all been verified, under an anchor of the issuer that it names. */
export interface VerifiedRotation extends UnsafeRotation {
  /** The compact serialization, exactly as presented. */
  readonly compact: string;
}

/** Where statements have to lead from, and whose word counts. */
export interface SuccessionPlace {
  /** The key that the token above is bound to. */
  readonly holder: PublicKey;
  /** Of the anchor under which the root was verified. */
  readonly issuer: string;
  readonly anchors: readonly TrustAnchor[];
  /** The tenant that the chain's root names. */
  readonly tenant: string | undefined;
}

/** Statements of one verifier, whose anchors never change: what has been verified of one stays so. When it counts is judged each time. */
export interface RotationMemory {
  get(compact: string): VerifiedRotation | undefined;
  add(rotation: VerifiedRotation): void;
}

/** Why a statement does not count. `reason` is a fact of the denial. */
export function invalidRotation(reason: string): Problem {
  return problem('rotation_invalid', undefined, { reason });
}

/**
 * Follows the statements of one header from the key that a token is bound to, to the one that acts in its stead
 * (spec/rotation.md section 4), yielding each signature check to a driver. Times are {@link rotationTimeProblem}'s to judge.
 */
export function* succession(
  carried: JsonValue,
  { holder, issuer, anchors, tenant }: SuccessionPlace,
  memory: RotationMemory | undefined,
): Generator<SignatureCheck, readonly VerifiedRotation[] | Problem, boolean> {
  const compacts = listOfRotations(carried);
  if (compacts === undefined) return invalidRotation('malformed');
  const rotations: VerifiedRotation[] = [];
  const keys = new Set([holder.thumbprint]);
  let oldKey = holder;
  for (const compact of compacts) {
    const known = memory?.get(compact);
    const said = known ?? takeRotationApart(compact);
    if (said === undefined) return invalidRotation('malformed');
    // Before any signature is checked: nobody makes a verifier work on a statement that could not count here.
    if (said.oldKey !== oldKey.thumbprint) return invalidRotation('other_key');
    if (said.issuer !== issuer) return invalidRotation('other_issuer');
    if (tenant !== undefined && said.tenant !== tenant) return invalidRotation('other_tenant');
    const before = rotations.at(-1);
    if (before !== undefined && said.subject !== before.subject)
      return invalidRotation('other_subject');
    if (before !== undefined && said.issuedAt < before.issuedAt) return invalidRotation('order');
    if (keys.has(said.newKey.thumbprint)) return invalidRotation('key_repeated');
    const rotation =
      known ?? (yield* rotationVerification(compact, said as UnverifiedRotation, oldKey, anchors));
    if (isProblem(rotation)) return rotation;
    if (known === undefined) memory?.add(rotation);
    rotations.push(rotation);
    oldKey = rotation.newKey;
    keys.add(oldKey.thumbprint);
  }
  return Object.freeze(rotations);
}

/** The value of the header parameter: one to eight statements, the oldest first. */
function listOfRotations(carried: JsonValue): readonly string[] | undefined {
  const isList =
    isListOf(carried, MAX_ROTATIONS, (each) => isBoundedText(each, MAX_ROTATION_SIZE)) &&
    carried.length > 0;
  return isList ? (carried as readonly string[]) : undefined;
}

/** What signs by these statements must not be older than any of them: before its publication, a key is nobody's successor. */
export function rotationTimeProblem(
  rotations: readonly VerifiedRotation[] | undefined,
  issuedAt: number,
): Problem | undefined {
  const latest = rotations?.at(-1);
  if (latest === undefined || issuedAt >= latest.issuedAt) return undefined;
  return invalidRotation('not_yet_in_force');
}

/** The signatures of one statement: of an anchor of its issuer, of the old key unless the operator rotated without it, of the new key. */
export function* rotationVerification(
  compact: string,
  read: UnverifiedRotation,
  oldKey: PublicKey,
  anchors: readonly TrustAnchor[],
): Generator<SignatureCheck, VerifiedRotation | Problem, boolean> {
  const { signature, consent, acceptance, ...said } = read;
  const anchor = anchors.find(
    ({ issuer, key }) => issuer === said.issuer && key.thumbprint === said.signer,
  );
  if (anchor === undefined) return invalidRotation('signer_unknown');
  if (said.oldKey !== oldKey.thumbprint) return invalidRotation('other_key');
  // One key for two purposes: whoever holds a root's key could act as every agent that it rotates.
  if (anchors.some(({ key }) => key.thumbprint === said.newKey.thumbprint))
    return invalidRotation('key_of_anchor');
  if ((yield* verified(signature, anchor.key)) !== true) return invalidRotation('signature');
  if (consent !== undefined && (yield* verified(consent, oldKey)) !== true)
    return invalidRotation('consent');
  if ((yield* verified(acceptance, said.newKey)) !== true) return invalidRotation('acceptance');
  return Object.freeze({ ...said, compact });
}

function* verified(
  { alg, input, signatureSegment }: UnverifiedSignature,
  key: PublicKey,
): Generator<SignatureCheck, boolean, boolean> {
  const signature = alg === key.alg ? decodeSignature(signatureSegment, alg) : undefined;
  return signature !== undefined && (yield { key, input, signature }) === true;
}
