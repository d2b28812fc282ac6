import { platform } from '#crypto';
import type { Signer } from '../crypto/port.ts';
import { TaperError } from '../error.ts';
import { canonicalize } from '../jcs.ts';
import { signSegment } from '../make.ts';
import {
  MAX_REVOCATION_REQUEST_SIZE,
  REVOCATION_REQUEST_TYPE,
  unsafeRevocationRequest,
} from './request.ts';
import type { RevocationReason, RevocationTarget } from './target.ts';

export interface RevocationRequestOptions {
  /** Origin of the log that is to publish it. */
  readonly log: string;
  readonly target: RevocationTarget;
  /** Default `unspecified`. */
  readonly reason?: RevocationReason;
  /** The chain down to the target, root first, as compact tokens; empty (the default) where the authority, or an anchor for its own key, asks. */
  readonly chain?: readonly string[];
  /** Of a token without a chain: until when it is to be held revoked, seconds since the epoch. */
  readonly expiresAt?: number;
  /** Signs as whoever asks. */
  readonly signer: Signer;
  /** Seconds since the epoch, an integer. */
  readonly now: number;
  /** `jti`; see `uuidV7`. */
  readonly id: string;
}

/**
 * Signs a request to revoke something (spec/revocation.md section 4), as a compact JWS. Whether it gives a right is for the authority to
 * find out; a request can be made in advance and kept.
 * @throws {TaperError} `option_invalid` for what no authority would read; `entry_too_large`; `signing_failed`.
 */
export async function requestRevocation(options: RevocationRequestOptions): Promise<string> {
  const { log, target, reason = 'unspecified', chain = [], expiresAt, signer, now, id } = options;
  const claims = canonicalize({
    aud: log,
    chain: [...chain],
    ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
    iat: now,
    jti: id,
    reason,
    target,
  });
  const { alg, thumbprint } = signer.publicKey;
  const header = canonicalize({ alg, kid: thumbprint, typ: REVOCATION_REQUEST_TYPE });
  const segment = platform.encodeBase64url(platform.asciiBytes(header));
  const compact = await signSegment(segment, claims, signer);
  if (compact.length > MAX_REVOCATION_REQUEST_SIZE)
    throw new TaperError('entry_too_large', 'The chain is too long for a request.', {
      hint: 'Revoke a token further up, which is shorter, or have the authority revoke this one by its hash.',
    });
  if (unsafeRevocationRequest(compact) === undefined)
    throw new TaperError('option_invalid', 'This is no request that an authority would read.', {
      hint: 'A token needs its chain, or `expiresAt` without one; agents and tenants have neither.',
    });
  return compact;
}
