import { createFrontier, type Frontier, subtreeWidths } from '../log-proof/frontier.ts';
import { leafHash } from '../log-proof/merkle.ts';
import type { EvidenceItem } from './bundle.ts';

const UTF8 = new TextEncoder();

/** The tree that the items of a log make. */
export interface EvidenceTree {
  readonly size: number;
  readonly root: Uint8Array;
  /** The roots at those of the sizes asked for that no withheld subtree lies across. */
  readonly roots: ReadonlyMap<number, Uint8Array>;
}

/**
 * Computes the root from what is shown and the roots of what is not (`spec/evidence.md` section 2.1), and the roots at earlier sizes.
 * A number is the position of the item whose hashes are not those of its run.
 */
export function treeOf(
  items: readonly EvidenceItem[],
  sizes: ReadonlySet<number>,
): EvidenceTree | number {
  const frontier = createFrontier();
  const roots = new Map<number, Uint8Array>();
  const note = ({ size }: Frontier): void => {
    if (sizes.has(size)) roots.set(size, frontier.root());
  };
  for (const [position, item] of items.entries()) {
    if ('line' in item) {
      frontier.append(leafHash(UTF8.encode(item.line)));
      note(frontier);
      continue;
    }
    const widths = subtreeWidths(item.index, item.index + item.count);
    if (widths.length !== item.hashes.length) return position;
    for (const [at, width] of widths.entries()) {
      frontier.append(item.hashes[at] as Uint8Array, width);
      note(frontier);
    }
  }
  return { size: frontier.size, root: frontier.root(), roots };
}
