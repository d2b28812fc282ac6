import { platform } from '#crypto';
import type { Signer } from '../crypto/port.ts';
import { TaperError } from '../error.ts';
import { canonicalize } from '../jcs.ts';
import type { JsonValue } from '../json.ts';
import { isPublicKey, isWellKnownTestKey, type PublicKey } from '../key.ts';
import { signSegment } from '../make.ts';
import { ROTATION_CONSENT_TYPE, ROTATION_TYPE } from './statement.ts';
import { verifyRotationAsync } from './verify.ts';

export interface RotationConsentOptions {
  /** The old key, to give itself up; or the new one, to show that somebody holds it. */
  readonly signer: Signer;
  /** `iss`: the root issuer that is to publish the rotation. */
  readonly issuer: string;
  /** SPIFFE ID of the agent. */
  readonly subject: string;
  readonly oldKey: PublicKey;
  readonly newKey: PublicKey;
  /** Seconds since the epoch, an integer. The statement must be made within 300 seconds of it. */
  readonly now: number;
}

/**
 * Signs that the one key is to be replaced by the other (spec/rotation.md section 3): both keys sign the same. A compact JWS.
 * @throws {TaperError} `option_invalid`, `signing_failed`.
 */
export async function consentToRotation(options: RotationConsentOptions): Promise<string> {
  const { signer, issuer, subject, oldKey, newKey, now } = options;
  checkKeys(oldKey, newKey);
  const { thumbprint } = signer.publicKey;
  if (thumbprint !== oldKey.thumbprint && thumbprint !== newKey.thumbprint)
    throw invalid('`signer` must hold the old key or the new one.');
  if (!Number.isSafeInteger(now)) throw invalid('`now` must be whole seconds since the epoch.');
  const claims = canonicalize({
    iat: now,
    iss: issuer,
    new: newKey.thumbprint,
    old: oldKey.thumbprint,
    sub: subject,
  });
  return signAs(ROTATION_CONSENT_TYPE, claims, signer);
}

export interface RotateKeyOptions {
  /** `iss`: the root issuer, as the trust anchors name it. */
  readonly issuer: string;
  /** Signs as the root issuer. */
  readonly signer: Signer;
  /** SPIFFE ID of the agent, whose first path segment is its tenant. */
  readonly subject: string;
  readonly oldKey: PublicKey;
  readonly newKey: PublicKey;
  /** {@link consentToRotation} by the old key. Without it, the statement says that the operator rotated. */
  readonly consent?: string;
  /** {@link consentToRotation} by the new key: that somebody holds it. */
  readonly acceptance: string;
  /** Seconds since the epoch, an integer: from when the new key acts. */
  readonly now: number;
  /** Seconds for which the old key may go on beside it; 0 for none. */
  readonly overlap: number;
  /** `jti`; see `uuidV7`. */
  readonly id: string;
}

/**
 * Makes a rotation statement (spec/rotation.md section 2), a compact JWS. Never returns one that {@link verifyRotationAsync} would refuse.
 * @throws {TaperError} `option_invalid` for what would be none: a key for itself, a consent that is stale or of another rotation, a
 * subject that is no SPIFFE ID; `key_weak` for a key in print; `signing_failed`.
 */
export async function rotateKey(options: RotateKeyOptions): Promise<string> {
  const { issuer, signer, subject, oldKey, newKey, consent, acceptance, now, overlap, id } =
    options;
  checkKeys(oldKey, newKey);
  if (isWellKnownTestKey(newKey))
    throw new TaperError('key_weak', 'The private half of the new key is in print.');
  if (signer.publicKey.thumbprint === newKey.thumbprint)
    throw invalid('The key of a root issuer cannot be an agent’s.');
  if (!Number.isSafeInteger(overlap) || overlap < 0)
    throw invalid('`overlap` must be whole seconds, 0 or more.');
  const claims = canonicalize({
    acceptance,
    ...(consent === undefined ? { by: 'operator' } : { consent }),
    iat: now,
    iss: issuer,
    jti: id,
    new: newKey.jwk as unknown as JsonValue,
    old: oldKey.thumbprint,
    old_until: now + overlap,
    sub: subject,
  });
  const compact = await signAs(ROTATION_TYPE, claims, signer);
  const anchors = [{ issuer, key: signer.publicKey }];
  if (!(await verifyRotationAsync(compact, { anchors, oldKey })).ok)
    throw new TaperError('option_invalid', 'This is no rotation that a verifier would follow.', {
      hint: 'Consent and acceptance must be of these keys, subject and issuer, signed by the old and the new key within 300 seconds of `now`.',
    });
  return compact;
}

function signAs(typ: string, claims: string, signer: Signer): Promise<string> {
  const { alg, thumbprint } = signer.publicKey;
  const header = canonicalize({ alg, kid: thumbprint, typ });
  return signSegment(platform.encodeBase64url(platform.asciiBytes(header)), claims, signer);
}

function checkKeys(oldKey: PublicKey, newKey: PublicKey): void {
  if (!isPublicKey(oldKey) || !isPublicKey(newKey))
    throw invalid('`oldKey` and `newKey` must come from importPublicKey.');
  if (oldKey.thumbprint === newKey.thumbprint) throw invalid('A key cannot replace itself.');
}

function invalid(message: string): TaperError {
  return new TaperError('option_invalid', message);
}
