import { platform } from '#crypto';
import type { Signer } from '../crypto/port.ts';
import { denial } from '../denial.ts';
import { TaperError } from '../error.ts';
import { canonicalize } from '../jcs.ts';
import { RefusedError, signSegment } from '../make.ts';
import { type ApprovalAction, approvalActionHash, requireAction } from './action.ts';
import { APPROVAL_TYPE, checkClaims } from './approval.ts';
import { isGroupName } from './request.ts';
import { isTime } from './shape.ts';

export interface ApproveOptions {
  /** The whole action, as the approver has seen it. */
  readonly action: ApprovalAction;
  /** The group for which the approver approves. */
  readonly group: string;
  /** Signs as the approver. */
  readonly signer: Signer;
  /** Seconds since the epoch, an integer. */
  readonly now: number;
  /** `jti`: never used before by this approver; see `uuidV7`. */
  readonly id: string;
  /** First second at which the approval no longer counts; at most, and by default, that of the action. */
  readonly expiresAt?: number;
}

/**
 * Signs an approval of exactly this action (spec/approval.md section 4), as a compact JWS. Show the whole action to whoever
 * approves before you call it.
 * @throws {RefusedError} with the denial that verification would give; {TaperError} `option_invalid`, `signing_failed`.
 */
export async function approve(options: ApproveOptions): Promise<string> {
  const { group, signer, now, id } = options;
  const action = requireAction(options.action);
  const expiresAt = options.expiresAt ?? action.expiresAt;
  if (!isGroupName(group)) {
    throw new TaperError('option_invalid', '`group` must be the name of a group of approvers.', {
      hint: '1 to 128 visible characters; spaces may stand between them.',
    });
  }
  if (typeof id !== 'string' || id === '' || id.length > 128)
    throw new TaperError('option_invalid', '`id` must be a string of 1 to 128 characters.');
  if (!isTime(now) || !isTime(expiresAt)) {
    throw new TaperError(
      'option_invalid',
      '`now` and `expiresAt` must be whole seconds since the epoch.',
    );
  }
  if (now >= action.expiresAt) throw new RefusedError(denial('approval_expired'));
  const { alg, thumbprint } = signer.publicKey;
  const expected = approvalActionHash(action);
  const claims = { action: expected, exp: expiresAt, group, iat: now, jti: id };
  const checked = checkClaims({ object: claims, numbers: undefined }, thumbprint, {
    action,
    expected,
    now,
  });
  if ('code' in checked) throw new RefusedError(checked);
  const header = canonicalize({ alg, kid: thumbprint, typ: APPROVAL_TYPE });
  return signSegment(
    platform.encodeBase64url(platform.asciiBytes(header)),
    canonicalize(claims),
    signer,
  );
}
