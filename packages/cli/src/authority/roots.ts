import {
  type AnchorEntry,
  checkHybridKey,
  TaperError,
  type TrustAnchor,
  trustAnchorsAt,
  type VerifiedAnchors,
} from '@taper/core';
import { Failure } from '../failure.ts';
import type { RootKey } from './keys.ts';

/**
 * The root key that signs: the one that is current in the latest trust-anchor document, whichever is configured first. Before there
 * is a document it is the first. `undefined` when this node has not got it.
 */
export function rootInForce(
  roots: readonly RootKey[],
  latest: VerifiedAnchors | undefined,
): RootKey | undefined {
  if (latest === undefined) return roots[0];
  return roots.find((root) =>
    latest.anchors.some((entry) => entry.state === 'current' && isKeyOf(root, entry)),
  );
}

/** As {@link rootInForce}. @throws {Failure} `key_store_unusable`. */
export function requireRoot(
  roots: readonly RootKey[],
  latest: VerifiedAnchors | undefined,
): RootKey {
  const root = rootInForce(roots, latest);
  if (root !== undefined) return root;
  throw new Failure(
    'key_store_unusable',
    'the configured root key is not the one that the published trust anchors say',
    {
      field: 'key_mismatch',
      hint: 'Give `keys.root` in taper.json the key that is current in `/anchors`, its hybrid key included. A new key is announced first: taper root rotate --stage announce.',
    },
  );
}

/** In place of a root key that is not here: nothing is signed with another one. */
export function absentRoot({ signer: { publicKey } }: RootKey): RootKey {
  return {
    signer: {
      publicKey,
      sign() {
        throw new TaperError('signing_failed', 'This node has not got the current root key.', {
          hint: 'Bring it here, and name it in `keys` of taper.json.',
        });
      },
    },
    hybrid: undefined,
  };
}

/** What verifiers within the authority go by. `ever`: all that ever counted, for what the log says of the past. */
export function anchorsOf(
  issuer: string,
  root: RootKey,
  latest: VerifiedAnchors | undefined,
  now: number | 'ever',
): readonly TrustAnchor[] {
  if (latest !== undefined) return trustAnchorsAt(latest, now);
  const { signer, hybrid } = root;
  const key = signer.publicKey;
  return [{ issuer, key, ...(hybrid === undefined ? {} : { hybrid: hybrid.key }) }];
}

/** Whether both halves are those of the entry: a root with one signature too few would be denied everywhere. */
function isKeyOf({ signer, hybrid }: RootKey, entry: AnchorEntry): boolean {
  return (
    signer.publicKey.thumbprint === entry.key.thumbprint &&
    (hybrid === undefined ? undefined : checkHybridKey(hybrid.key).key) ===
      (entry.hybrid === undefined ? undefined : checkHybridKey(entry.hybrid).key)
  );
}
