import { EMPTY_ROOT } from '@taper/core';
import { createTileEdge, edgeTiles } from '../tile/edge.ts';
import { HASH_SIZE } from '../tile/hashes.ts';
import { TILE_WIDTH, tilePath } from '../tile/path.ts';
import type { Find } from './fsck.ts';
import { type Levels, type MaybeHash, type Row, rootOf, sameHash, sameRow } from './fsck-levels.ts';

/** Differences that are decided one by one: 1,024 attempts. */
const MOST_DIFFERENCES = 10;

/**
 * By level, by index of the tile: its hashes as they must be, each `undefined` where that is not known. Tiles of which there is
 * nothing to say, because they are whole and right, are left out.
 */
export type Truths = readonly ReadonlyMap<number, readonly MaybeHash[]>[];

/**
 * Goes down from the signed root and finds, wherever a tile and what is below it differ, which of the two is right: the one whose
 * root the tree above holds. Where neither is, both are named.
 */
export function judgeTree(
  { rows, roots }: Levels,
  size: number,
  root: Uint8Array,
  find: Find,
): Truths {
  const edges = edgeTiles(size).map(({ level, index }) => rows[level]?.get(index) as Row);
  const choice = choose(edges, (hashes) => sameHash(rootOfEdges(hashes, size), root));
  if (choice === undefined) find({ code: 'root_wrong', path: 'checkpoint' });
  /** By level: what the hashes are, where that is known. */
  const truths: Map<number, readonly MaybeHash[]>[] = rows.map(() => new Map());
  const learn = ({ name }: Row, hashes: readonly MaybeHash[]): void => {
    truths[name.level]?.set(name.index, hashes);
  };
  const truthOf = (level: number, index: number): MaybeHash =>
    truths[level]?.get(Math.floor(index / TILE_WIDTH))?.[index % TILE_WIDTH];
  for (const [place, row] of edges.entries()) {
    const truth = choice?.[place];
    nameDifferences(row, truth, find);
    learn(row, truth ?? agreed(row));
  }
  for (let level = rows.length - 2; level >= 0; level -= 1) {
    const tiles = roots[level + 1] ?? [];
    for (const [index, storedRoot] of tiles.entries()) {
      const expected = truthOf(level + 1, index);
      const row = rows[level]?.get(index);
      if (sameHash(storedRoot, expected)) {
        if (row === undefined) continue;
        nameDifferences(row, row.stored, find);
        learn(row, row.stored);
      } else if (row === undefined) {
        // Entries and hashes agree with each other, and not with the tree above.
        if (expected !== undefined) nameBoth({ level, index, width: TILE_WIDTH }, find);
        truths[level]?.set(index, []);
      } else {
        const [truth] = choose([row], ([hashes = []]) => sameHash(rootOf(hashes), expected)) ?? [];
        if (truth === undefined && sameRow(row.stored, row.below)) nameBoth(row.name, find);
        nameDifferences(row, truth, find);
        learn(row, truth ?? agreed(row));
      }
    }
  }
  return truths;
}

/**
 * For each row, its hashes so that they pass the test: wherever the tile and what is below it differ, one of the two. Each
 * difference is decided on its own, or, where there are too many of them, row by row.
 */
function choose(
  rows: readonly Row[],
  passes: (choice: readonly (readonly MaybeHash[])[]) => boolean,
): readonly (readonly MaybeHash[])[] | undefined {
  const differences = rows.flatMap(({ stored, below }, row) =>
    stored.flatMap((hash, place) => (sameHash(hash, below[place]) ? [] : [{ row, place }])),
  );
  const isFew = differences.length <= MOST_DIFFERENCES;
  const switches = isFew ? differences.length : rows.length;
  for (let taken = 0; taken < 2 ** switches; taken += 1) {
    const choice = rows.map(({ stored, below }, row) => {
      if (!isFew) return (taken >> row) % 2 === 0 ? stored : below;
      const hashes = [...stored];
      for (const [at, difference] of differences.entries())
        if (difference.row === row && (taken >> at) % 2 === 1)
          hashes[difference.place] = below[difference.place];
      return hashes;
    });
    if (passes(choice)) return choice;
  }
  return undefined;
}

/** The root of the tree whose partial tiles these are. */
function rootOfEdges(hashes: readonly (readonly MaybeHash[])[], size: number): MaybeHash {
  const tiles = hashes.map(joined).filter((tile) => tile !== undefined);
  if (tiles.length !== hashes.length) return undefined;
  return size === 0 ? EMPTY_ROOT : createTileEdge(size, tiles).frontier().root();
}

function joined(hashes: readonly MaybeHash[]): Uint8Array | undefined {
  const bytes = new Uint8Array(hashes.length * HASH_SIZE);
  for (const [place, hash] of hashes.entries()) {
    if (hash === undefined) return undefined;
    bytes.set(hash, place * HASH_SIZE);
  }
  return bytes;
}

/** What tile and below agree on; the rest is not known. */
function agreed({ stored, below }: Row): readonly MaybeHash[] {
  return stored.map((hash, place) => (sameHash(hash, below[place]) ? hash : undefined));
}

/** Names the hashes of the tile, and at level 0 the entries, that are not those of `truth`; without it, all in which the two differ. What is not there at all has been named. */
function nameDifferences(
  { name, stored, below }: Row,
  truth: readonly MaybeHash[] | undefined,
  find: Find,
): void {
  const path = tilePath(name);
  const bundle = tilePath({ ...name, level: 'entries' });
  for (const [place, hash] of stored.entries()) {
    const under = below[place];
    if (sameHash(hash, under)) continue;
    const index = name.index * TILE_WIDTH + place;
    if (hash !== undefined && !sameHash(hash, truth?.[place]))
      find({ code: 'hash_wrong', path, index });
    if (name.level === 0 && under !== undefined && !sameHash(under, truth?.[place]))
      find({ code: 'entry_wrong', path: bundle, index });
  }
}

function nameBoth(name: Row['name'], find: Find): void {
  find({ code: 'hash_wrong', path: tilePath(name) });
  if (name.level === 0)
    find({ code: 'entry_wrong', path: tilePath({ ...name, level: 'entries' }) });
}
