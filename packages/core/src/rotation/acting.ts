import { anchorsBehind, placeOfSuccession, type VerifiedChain } from '../chain.ts';
import { isProblem } from '../denial.ts';
import type { PublicKey } from '../key.ts';
import { refuse } from '../make.ts';
import { driveAsync } from '../signature-driver.ts';
import { succession, type VerifiedRotation } from './succession.ts';

/** Whose signature counts under the last token of a chain. */
interface ActingKey {
  readonly key: PublicKey;
  /** The statements that lead to it; `undefined` where it is the holder's own. */
  readonly rotations: readonly VerifiedRotation[] | undefined;
}

/**
 * The key that acts under a chain's leaf, given the statements that its holder has kept.
 * @throws {RefusedError} `rotation_invalid` where they do not lead from the leaf's holder under the anchors that the chain was verified by.
 */
export async function actingKey(
  chain: VerifiedChain,
  rotation: readonly string[] | undefined,
  hop: number,
): Promise<ActingKey> {
  const { holder } = chain.leaf.claims;
  if (rotation === undefined) return { key: holder, rotations: undefined };
  const place = placeOfSuccession(chain.anchor, chain.tokens, anchorsBehind(chain));
  const followed = await driveAsync(succession([...rotation], place, undefined));
  if (isProblem(followed)) return refuse(followed, hop);
  return { key: (followed.at(-1) as VerifiedRotation).newKey, rotations: followed };
}
