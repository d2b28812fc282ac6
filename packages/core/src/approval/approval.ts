import { platform } from '#crypto';
import { type Denial, type DenialFacts, denial } from '../denial.ts';
import { TaperError } from '../error.ts';
import { isJsonObject, parseJson } from '../json.ts';
import { decodeSegment, decodeSignature, splitJws, type UnverifiedJws } from '../jws.ts';
import type { PublicKey } from '../key.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { integerClaim, type ParsedClaims, stringClaim } from '../token.ts';
import { type ApprovalAction, approvalActionHash } from './action.ts';
import { isGroupName } from './request.ts';
import { hasExactly, isTime } from './shape.ts';

/** `typ` of an approval. No token, proof, receipt, audit event or session message has it, and an approval is none of them. */
export const APPROVAL_TYPE = 'taper-approval+jwt';

/** Characters of an approval in compact serialization; those that Taper writes have about 600. */
export const MAX_APPROVAL_SIZE = 4096;

/** An approval whose signature and claims have been verified for one action under one approver's key. */
export interface VerifiedApproval {
  /** `jti`. */
  readonly id: string;
  readonly group: string;
  /** RFC 7638 thumbprint of the approver's key. */
  readonly thumbprint: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  /** First second, since the epoch, at which it no longer counts. */
  readonly expiresAt: number;
}

/** What an approval says of itself before anything is verified: only good for choosing the key to verify it with. */
export interface UnsafeApprover {
  readonly group: string;
  /** `kid` in the protected header. */
  readonly thumbprint: string;
  /** `action`: base64url SHA-256, see `approvalActionHash`. */
  readonly actionHash: string;
}

interface UnverifiedApproval {
  readonly jws: UnverifiedJws;
  readonly alg: 'Ed25519' | 'ES256';
  readonly thumbprint: string;
  readonly claims: ParsedClaims;
  readonly group: string;
  readonly actionHash: string;
}

const HASH = /^[A-Za-z0-9_-]{43}$/;

/** In the order of their code units. */
const CLAIMS = ['action', 'exp', 'group', 'iat', 'jti'];

/**
 * Reads who an approval says made it, and for what. Nothing is verified: look the key up in your own configuration, by exactly
 * group and thumbprint, and give it to {@link verifyApproval}. A denial is `approval_malformed`.
 */
export function unsafeApprover(compact: string): UnsafeApprover | Denial {
  const read = readApproval(compact);
  if ('code' in read) return read;
  const { group, thumbprint, actionHash } = read;
  return Object.freeze({ group, thumbprint, actionHash });
}

export interface VerifyApprovalOptions {
  /** What has to have been approved. */
  readonly action: ApprovalAction;
  /** The approver's key, from the verifier's own configuration. */
  readonly approver: PublicKey;
  /** Seconds since the epoch. */
  readonly now: number;
}

/**
 * Verifies an approval of one action (spec/approval.md section 5). Whether its approver may approve for the group is the
 * caller's to know. Denials: `approval_malformed`, `approval_approver_unknown`, `approval_signature_invalid`,
 * `approval_action_mismatch`, `approval_expired`.
 * @throws {TaperError} `option_invalid` for what is no action or time; `crypto_asynchronous` where the platform cannot verify at once.
 */
export function verifyApproval(
  compact: string,
  { action, approver, now }: VerifyApprovalOptions,
): VerifiedApproval | Denial {
  if (platform.verify === undefined) {
    throw new TaperError('crypto_asynchronous', 'This platform verifies asynchronously only.');
  }
  if (!isTime(now))
    throw new TaperError('option_invalid', '`now` must be whole seconds since the epoch.');
  const expected = approvalActionHash(action);
  const read = readApproval(compact);
  if ('code' in read) return read;
  const { jws, alg, thumbprint, claims } = read;
  if (thumbprint !== approver.thumbprint) return denial('approval_approver_unknown');
  const signature = alg === approver.alg ? decodeSignature(jws.signatureSegment, alg) : undefined;
  if (
    signature === undefined ||
    platform.verify(approver, platform.asciiBytes(jws.signingInput), signature) !== true
  ) {
    return denial('approval_signature_invalid');
  }
  return checkClaims(claims, thumbprint, { action, expected, now });
}

/** The rules for the claims, once the approver has signed them; makers ask the same before they sign. */
export function checkClaims(
  claims: ParsedClaims,
  thumbprint: string,
  {
    action,
    expected,
    now,
  }: { readonly action: ApprovalAction; readonly expected: string; readonly now: number },
): VerifiedApproval | Denial {
  if (!hasExactly(claims.object, CLAIMS)) return malformed({ reason: 'claims' });
  const id = stringClaim(claims, 'jti');
  if (id === undefined || id.length > 128) return malformed({ claim: 'jti' });
  const group = stringClaim(claims, 'group');
  if (!isGroupName(group)) return malformed({ claim: 'group' });
  const issuedAt = integerClaim(claims, 'iat');
  if (!isTime(issuedAt)) return malformed({ claim: 'iat' });
  const expiresAt = integerClaim(claims, 'exp');
  if (!isTime(expiresAt) || expiresAt <= issuedAt) return malformed({ claim: 'exp' });
  if (stringClaim(claims, 'action') !== expected) return denial('approval_action_mismatch');
  // What outlives its action, or comes from the future, was not made by the rules, whoever signed it.
  if (expiresAt > action.expiresAt) return malformed({ claim: 'exp', reason: 'outlives_action' });
  if (issuedAt > now + DEFAULT_LIMITS.maxIatSkew)
    return malformed({ claim: 'iat', reason: 'in_future' });
  if (now >= expiresAt) return denial('approval_expired');
  return Object.freeze({ id, group, thumbprint, issuedAt, expiresAt });
}

function readApproval(compact: unknown): UnverifiedApproval | Denial {
  if (typeof compact !== 'string' || compact.length > MAX_APPROVAL_SIZE)
    return malformed({ reason: 'size' });
  const jws = splitJws(compact);
  if (jws === undefined) return malformed({ reason: 'jws' });
  const header = readObject(jws.headerSegment)?.object;
  // Exactly these members: none that carries a key, points to one or asks to be understood (`jwk`, `jku`, `x5c`, `crit`).
  if (!hasExactly(header, ['alg', 'kid', 'typ'])) return malformed({ reason: 'header' });
  const { alg, kid: thumbprint, typ } = header;
  if (typ !== APPROVAL_TYPE) return malformed({ reason: 'typ' });
  if (alg !== 'Ed25519' && alg !== 'ES256') return malformed({ reason: 'alg' });
  if (typeof thumbprint !== 'string' || !HASH.test(thumbprint)) return malformed({ reason: 'kid' });
  const claims = readObject(jws.payloadSegment);
  if (claims === undefined) return malformed({ reason: 'claims' });
  const group = stringClaim(claims, 'group');
  if (!isGroupName(group)) return malformed({ claim: 'group' });
  const actionHash = stringClaim(claims, 'action');
  if (actionHash === undefined || !HASH.test(actionHash)) return malformed({ claim: 'action' });
  return { jws, alg, thumbprint, claims, group, actionHash };
}

function readObject(segment: string): ParsedClaims | undefined {
  const text = decodeSegment(segment);
  const parsed = text === undefined ? undefined : parseJson(text);
  if (!parsed?.ok || !isJsonObject(parsed.value)) return undefined;
  return { object: parsed.value, numbers: parsed.numbers };
}

function malformed(facts: DenialFacts): Denial {
  return denial('approval_malformed', {}, facts);
}
