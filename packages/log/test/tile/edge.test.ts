import { createFrontier, leafHash } from '@taper/core';
import { describe, expect, test } from 'vitest';
import type { TileFile } from '../../src/port/tile-store.ts';
import { createTileEdge, edgeTiles } from '../../src/tile/edge.ts';
import { tilePath } from '../../src/tile/path.ts';

describe('the right end of a tree', () => {
  test('consists of the partial tiles that tlog-tiles names for its size', () => {
    const paths = (size: number): string[] => edgeTiles(size).map(tilePath);
    expect(paths(0)).toEqual([]);
    expect(paths(1)).toEqual(['tile/0/000.p/1']);
    expect(paths(256)).toEqual(['tile/1/000.p/1']);
    expect(paths(70_000)).toEqual(['tile/0/273.p/112', 'tile/1/001.p/17', 'tile/2/000.p/1']);
    expect(paths(2 ** 53 - 1).length).toBe(7);
  });

  test('has at every size the root of the entries so far, and can be taken up from its tiles', () => {
    const frontier = createFrontier();
    const edge = createTileEdge();
    const files: TileFile[] = [];
    for (let index = 0; index < 1100; index++) {
      const leaf = leafHash(new TextEncoder().encode(`entry ${index}`));
      frontier.append(leaf);
      edge.push(leaf, files);
      if (index % 7 !== 0 && index % 256 > 2) continue;
      expect(edge.frontier().root()).toEqual(frontier.root());
      const again = createTileEdge(
        edge.size,
        edge.partials().map(({ bytes }) => bytes),
      );
      expect(again.frontier().hashes()).toEqual(frontier.hashes());
      expect(again.partials()).toEqual(edge.partials());
    }
    expect(files.map(({ path }) => path)).toEqual([
      'tile/0/000',
      'tile/0/001',
      'tile/0/002',
      'tile/0/003',
    ]);
    expect(new Set(files.map(({ bytes }) => bytes.length))).toEqual(new Set([8192]));
  });

  test('fills the tile of the level above with the 65,536th entry', () => {
    const edge = createTileEdge();
    const files: TileFile[] = [];
    const leaf = leafHash(new Uint8Array(0));
    for (let index = 0; index < 65_536; index++) edge.push(leaf, files);
    expect(files.length).toBe(257);
    expect(files.at(-1)?.path).toBe('tile/1/000');
    expect(edge.partials().map(({ path }) => path)).toEqual(['tile/2/000.p/1']);
  });

  test('goes on from a copy without changing the original', () => {
    const edge = createTileEdge();
    edge.push(leafHash(new Uint8Array(1)), []);
    const root = edge.frontier().root();
    edge.copy().push(leafHash(new Uint8Array(2)), []);
    expect(edge.size).toBe(1);
    expect(edge.frontier().root()).toEqual(root);
  });
});
