import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readSpiffeId } from '../../src/identity/spiffe-id.ts';

const file = fileURLToPath(
  new URL('../../../../../shared/vectors/spiffe-id/spiffe-id.json', import.meta.url),
);
const present = existsSync(file);
if (!present) console.warn('skipped: the shared spiffe-id vectors are not beside the checkout');

interface Case {
  readonly input: string;
  readonly valid: boolean;
}

describe.skipIf(!present)('go-spiffe, 535 cases of SPIFFE IDs (F09)', () => {
  const cases: readonly Case[] = present ? JSON.parse(readFileSync(file, 'utf8')).cases : [];

  it('are all there', () => {
    expect(cases).toHaveLength(535);
  });

  it.each(cases)('$input: $valid', ({ input, valid }) => {
    const read = readSpiffeId(input);
    expect(typeof read === 'object').toBe(valid);
    if (typeof read === 'object') expect(read.text).toBe(input);
  });
});
