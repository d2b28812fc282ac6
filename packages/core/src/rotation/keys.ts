import type { TrustAnchor, VerifiedChain } from '../chain.ts';
import type { VerifiedProof } from '../proof.ts';
import type { VerifiedRotation } from './succession.ts';

/** Thumbprints of the keys that a statement adds to what a chain rests on: whoever took a holder's place, and the root's key where it is another. */
function rotationKeys(
  { newKey: { thumbprint }, signer }: VerifiedRotation,
  { key }: TrustAnchor,
): readonly string[] {
  return signer === key.thumbprint ? [thumbprint] : [thumbprint, signer];
}

/** A key that a chain rests on, and the hop where it stands. */
export interface PlacedKey {
  /** RFC 7638 thumbprint. */
  readonly thumbprint: string;
  readonly hop: number;
}

/**
 * Every key that a chain itself rests on, each of which can be revoked: its anchor's, its holders', root first, those of its rotation
 * statements, and those of a proof under it.
 */
export function placedKeys(
  { anchor, tokens }: VerifiedChain,
  proof?: VerifiedProof,
): readonly PlacedKey[] {
  const rotated = tokens.map((token, hop) => ({ rotations: token.rotations, hop }));
  if (proof !== undefined) rotated.push({ rotations: proof.rotations, hop: tokens.length - 1 });
  return [
    { thumbprint: anchor.key.thumbprint, hop: 0 },
    ...tokens.map(({ claims }, hop) => ({ thumbprint: claims.holder.thumbprint, hop })),
    ...rotated.flatMap(({ rotations = [], hop }) =>
      rotations.flatMap((each) =>
        rotationKeys(each, anchor).map((thumbprint) => ({ thumbprint, hop })),
      ),
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
