import type { RevocationAuthority } from '@taper/log';

/**
 * The last epoch under a checkpoint that was published, as the writer of a log knows it: one that followers can have. The newest of its
 * own state may still be waiting for witnesses; a root that asked for it would be refused everywhere for so long.
 */
export function followPublishedEpoch(authority: RevocationAuthority): {
  epoch(): number;
  close(): void;
} {
  const { feed, state } = authority;
  let published = 0;
  /** Made, and perhaps not published yet. Ascending. */
  let made: { readonly index: number; readonly epoch: number }[] = [];
  const look = (): void => {
    const { epoch: last } = state;
    if (last !== undefined && last.record.epoch > (made.at(-1)?.epoch ?? published))
      made.push({ index: last.index, epoch: last.record.epoch });
    const size = feed.checkpoint?.size ?? 0;
    for (const { index, epoch } of made) if (index < size) published = epoch;
    made = made.filter(({ index }) => index >= size);
  };
  look();
  const unwatch = feed.watch(look);
  return { epoch: () => published, close: unwatch };
}
