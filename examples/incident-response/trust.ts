import {
  type LogTrust,
  logTrustOf,
  type PublicKey,
  pinAnchors,
  readAnchors,
  type TrustAnchor,
  trustAnchorsAt,
} from '@taper/core';
import { systemClock } from '@taper/enforce';

/** What agents and servers know of the authority: where it is, and its trust-anchor document, which they got from its operator. */
export interface AuthorityAddress {
  readonly url: string;
  /** `anchors.json` as it lies in the authority's folder. */
  readonly anchors: string;
}

/** Whom one believes: for root tokens, for the authority's log, and for what is revoked in it. */
export interface Trust {
  readonly issuer: string;
  readonly anchors: readonly TrustAnchor[];
  /** Its key, and the witness that must have cosigned. */
  readonly log: LogTrust;
  readonly authority: readonly PublicKey[];
}

export function trustOf({ anchors }: AuthorityAddress): Trust {
  const [document] = readAnchors(anchors);
  const pinned = document === undefined ? undefined : pinAnchors(document);
  if (pinned?.ok !== true) throw new Error('That is no document of trust anchors.');
  return {
    issuer: pinned.anchors.issuer,
    anchors: trustAnchorsAt(pinned.anchors, systemClock.now()),
    log: logTrustOf(pinned.anchors),
    authority: pinned.anchors.authorityKeys,
  };
}
