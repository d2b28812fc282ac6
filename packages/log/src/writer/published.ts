import { parseCheckpoint, parseNote } from '@taper/core';
import type { StoredCheckpoint } from '../port/checkpoint-store.ts';
import { LogError } from '../port/log-error.ts';
import type { TileSource } from '../port/tile-store.ts';
import { createLogReader } from '../reader/log-reader.ts';
import { sameBytes } from '../tile/hashes.ts';
import type { TreeHead } from '../tile/load-edge.ts';

/** A checkpoint that everybody may have seen. */
export interface Published extends TreeHead {
  /** The signed note, with the cosignatures that it has. */
  readonly note: string;
}

/** What the note of a stored checkpoint says; `undefined` when there is none. @throws {LogError} `log_corrupt`. */
export function readPublished({ note, origin, size }: StoredCheckpoint): Published | undefined {
  if (note === undefined) return undefined;
  const published = parseCheckpoint(parseNote(note)?.text ?? '');
  if (published?.origin !== origin || published.size > size) throw unsound();
  return Object.freeze({ note, size: published.size, root: published.root });
}

/**
 * Makes sure that the checkpoint that was published is of the tree that is there.
 * @param tiled what is in tiles: a checkpoint is published only after all of it was.
 * @throws {LogError} `log_corrupt`, `log_forked`.
 */
export async function checkPublished(
  source: TileSource,
  stored: StoredCheckpoint,
  tiled: TreeHead,
): Promise<void> {
  const published = readPublished(stored);
  if (published === undefined) return;
  if (published.size > tiled.size) throw unsound();
  const reader = createLogReader({ source, head: () => tiled });
  if (sameBytes(await reader.root(published.size), published.root)) return;
  throw new LogError(
    'log_forked',
    'checkpoint',
    'The checkpoint that was published is of another tree.',
    {
      hint: 'Two histories have been signed, or stores of two logs were mixed. Nothing is signed any more.',
    },
  );
}

function unsound(): LogError {
  return new LogError('log_corrupt', 'checkpoint', 'The stored checkpoint contradicts itself.', {
    hint: 'It was changed by something else than this log.',
  });
}
