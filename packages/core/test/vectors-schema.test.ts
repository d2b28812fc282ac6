import { readdirSync, readFileSync } from 'node:fs';
import { schemaProblem } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../src/index.ts';

const root = new URL('../../../', import.meta.url);
const read = (path: string): JsonObject => JSON.parse(readFileSync(new URL(path, root), 'utf8'));
const schema = read('spec/vectors.schema.json');
const files = readdirSync(new URL('vectors', root)).filter((name) => name.endsWith('.json'));

describe('spec/vectors.schema.json', () => {
  test.each(files)('fits vectors/%s', (name) => {
    expect(schemaProblem(read(`vectors/${name}`), schema, schema)).toBeUndefined();
  });

  test.each<[string, (vector: Record<string, unknown>) => void]>([
    [
      'a verdict that is none',
      (vector) => Object.assign(vector, { expected: { verdict: 'MAYBE' } }),
    ],
    [
      'a permit with a code',
      (vector) => Object.assign(vector['expected'] as object, { code: 'x_y' }),
    ],
    [
      'a policy that nobody knows',
      (vector) => Object.assign(vector, { policy: { lenient: true } }),
    ],
    ['a vector without a proof', (vector) => delete vector['pop']],
    ['a title that states no rule', (vector) => Object.assign(vector, { title: 'Expired root' })],
  ])('refuses %s', (_, spoil) => {
    const suite = read('vectors/aat.json');
    const [vector] = suite['vectors'] as unknown as [Record<string, unknown>];
    spoil(vector);
    expect(schemaProblem(suite, schema, schema)).toBeDefined();
  });
});
