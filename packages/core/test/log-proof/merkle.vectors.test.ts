import { Buffer } from 'node:buffer';
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { verifyConsistency, verifyInclusion } from '../../src/index.ts';
import { thirdPartyFolder } from '../third-party-folder.ts';

interface InclusionCase {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string | null;
  readonly leafHash: string | null;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

interface ConsistencyCase {
  readonly size1: number;
  readonly size2: number;
  readonly root1: string | null;
  readonly root2: string | null;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

const folder = thirdPartyFolder('merkle/testdata');

function casesOf<Case>(kind: string): [string, Case][] {
  if (folder === undefined) return [];
  const cwd = fileURLToPath(folder);
  return globSync(`${kind}/**/*.json`, { cwd })
    .sort()
    .map((path) => [path, JSON.parse(readFileSync(`${cwd}/${path}`, 'utf8'))]);
}

function bytes(base64: string | null): Uint8Array {
  return Buffer.from(base64 ?? '', 'base64');
}

describe.skipIf(folder === undefined)('the vectors of transparency-dev/merkle', () => {
  const inclusion = casesOf<InclusionCase>('inclusion');
  const consistency = casesOf<ConsistencyCase>('consistency');

  test('are there', () => {
    expect(inclusion.length).toBe(50);
    expect(consistency.length).toBe(49);
  });

  test.each(inclusion)('N04 N08 N14 N16 %s', (_path, given) => {
    const claim = {
      leaf: bytes(given.leafHash),
      index: given.leafIdx,
      size: given.treeSize,
      proof: (given.proof ?? []).map(bytes),
      root: bytes(given.root),
    };
    expect(verifyInclusion(claim)).toBe(!given.wantErr);
  });

  test.each(consistency)('N04 N06 N14 N16 %s', (_path, given) => {
    const claim = {
      oldSize: given.size1,
      size: given.size2,
      oldRoot: bytes(given.root1),
      root: bytes(given.root2),
      proof: (given.proof ?? []).map(bytes),
    };
    expect(verifyConsistency(claim)).toBe(!given.wantErr);
  });
});
