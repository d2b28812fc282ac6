import type { TrustAnchor } from '../chain.ts';
import { isProblem } from '../denial.ts';
import type { SignatureCheck } from '../jws.ts';
import type { PublicKey } from '../key.ts';
import { driveAsync, driveSync } from '../signature-driver.ts';
import { takeRotationApart } from './statement.ts';
import { rotationVerification, type VerifiedRotation } from './succession.ts';

export interface VerifyRotationOptions {
  /** The roots whose word counts; the statement must be signed by one of the issuer that it names. */
  readonly anchors: readonly TrustAnchor[];
  /** The key that is replaced. */
  readonly oldKey: PublicKey;
}

export type RotationVerdict =
  | { readonly ok: true; readonly rotation: VerifiedRotation }
  /** As the `reason` of a denial `rotation_invalid` (spec/rotation.md section 5). */
  | { readonly ok: false; readonly problem: string };

/**
 * Verifies one statement by itself: its form, and every signature on it. Whether it counts for a chain is for the verifier of the chain.
 * @throws {TaperError} `crypto_asynchronous` in a browser.
 */
export function verifyRotation(compact: string, options: VerifyRotationOptions): RotationVerdict {
  return driveSync(verification(compact, options));
}

/** As {@link verifyRotation}, where signatures are checked asynchronously; works everywhere. */
export function verifyRotationAsync(
  compact: string,
  options: VerifyRotationOptions,
): Promise<RotationVerdict> {
  return driveAsync(verification(compact, options));
}

function* verification(
  compact: string,
  { anchors, oldKey }: VerifyRotationOptions,
): Generator<SignatureCheck, RotationVerdict, boolean> {
  const read = takeRotationApart(compact);
  if (read === undefined) return { ok: false, problem: 'malformed' };
  const rotation = yield* rotationVerification(compact, read, oldKey, anchors);
  if (isProblem(rotation)) return { ok: false, problem: rotation.facts.reason ?? 'malformed' };
  return { ok: true, rotation };
}
