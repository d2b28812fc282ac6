import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeCheckpointVectors } from './checkpoint-vectors.ts';
import { expectedOf, judgeAsync, judgeSync, type Vector } from './judge.ts';
import { makeMerkleVectors, makeProofVectors } from './merkle-vectors.ts';

const FOLDER = join(import.meta.dirname, '../../../../vectors/log');
const files = [
  ['checkpoint.json', makeCheckpointVectors()],
  ['merkle.json', makeMerkleVectors()],
  ['proof.json', makeProofVectors()],
] as const;

describe.each(files)('vectors/log/%s', (name, vectors) => {
  const all = Object.values(vectors).filter(Array.isArray).flat() as readonly Vector[];

  test('is what its cases say, byte for byte', async () => {
    // Write it anew with: npx vitest run packages/core/test/log-proof/own.vectors.test.ts -u
    const text = `${JSON.stringify(vectors, null, 2)}\n`;
    await expect(text).toMatchFileSnapshot(join(FOLDER, name));
  });

  test('N04 N05 N08 N09 N10 N14 N16 comes to what it expects', () => {
    expect(judgeSync(vectors)).toEqual(expectedOf(vectors));
  });

  test('comes to the same where signatures are checked asynchronously', async () => {
    expect(await judgeAsync(vectors)).toEqual(expectedOf(vectors));
  });

  test('has a neighbour that is accepted for each that is refused', () => {
    const expected = expectedOf(vectors);
    const isAccepted = (id: string): boolean =>
      expected[id] === true || (expected[id] as { problem?: unknown })?.problem === null;
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const { id, neighbour } of all) {
      expect([id, neighbour === undefined]).toEqual([id, isAccepted(id)]);
      expect([id, isAccepted(neighbour ?? id)]).toEqual([id, true]);
    }
  });
});
