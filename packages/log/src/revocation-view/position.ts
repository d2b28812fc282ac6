import { TaperError } from '@taper/core';
import type { ViewPosition } from '../port/view-store.ts';

/**
 * For drivers of a view store: whether a position may follow another.
 * @throws {TaperError} `log_rolled_back`.
 */
export function requireAdvance(known: ViewPosition | undefined, next: ViewPosition): void {
  if (known === undefined) return;
  const isSameHistory =
    known.size !== next.size ||
    known.frontier.every((hash, at) => Buffer.compare(hash, next.frontier[at] ?? hash) === 0);
  if (
    known.log === next.log &&
    known.size <= next.size &&
    known.epoch <= next.epoch &&
    isSameHistory
  )
    return;
  throw new TaperError('log_rolled_back', `The view of ${known.log} cannot go back.`, {
    hint: `It has come to ${known.size} entries and epoch ${known.epoch}.`,
  });
}
