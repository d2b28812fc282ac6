import type { TrustAnchor, VerifiedChain } from '../chain.ts';
import type { VerifiedProof } from '../proof.ts';
import type { VerifiedRotation } from './succession.ts';

/** Thumbprints of the keys that a statement adds to what a chain rests on: whoever took a holder's place, and the root's key where it is another. */
export function rotationKeys(
  { newKey: { thumbprint }, signer }: VerifiedRotation,
  { key }: TrustAnchor,
): readonly string[] {
  return signer === key.thumbprint ? [thumbprint] : [thumbprint, signer];
}

/** Thumbprints of every key that a chain rests on, each of which can be revoked: its anchor's, its holders', root first, and those of its rotation statements. */
export function chainKeys({ anchor, tokens }: VerifiedChain): readonly string[] {
  return [
    anchor.key.thumbprint,
    ...tokens.map(({ claims }) => claims.holder.thumbprint),
    ...tokens.flatMap(({ rotations = [] }) =>
      rotations.flatMap((each) => rotationKeys(each, anchor)),
    ),
  ];
}

/** Thumbprints of whoever holds a token of the chain, or has taken a holder's place on it or in a proof under it: none of them is independent of the call. */
export function actors({ tokens }: VerifiedChain, proof?: VerifiedProof): readonly string[] {
  const rotations = [...tokens.map((token) => token.rotations), proof?.rotations];
  return [
    ...tokens.map(({ claims }) => claims.holder.thumbprint),
    ...rotations.flatMap((each = []) => each.map(({ newKey }) => newKey.thumbprint)),
  ];
}
