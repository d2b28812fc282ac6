import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Workspace } from './workspace.ts';

const folder = resolve(import.meta.dirname, '../../../../shared/vectors/aat');
const present = existsSync(folder);
if (!present) console.log('skipped: the AAT vectors are not beside the checkout');

describe.runIf(present)('the vectors of the draft', () => {
  it('get the expected verdict at the expected step, all 115', async () => {
    const workspace = new Workspace();
    const { exitCode, result } = await workspace.json([
      'conformance',
      resolve(folder, 'aat-vectors-compact.json'),
    ]);
    expect(exitCode).toBe(0);
    expect(result).toMatchObject({
      vectors: 115,
      verdicts_as_expected: 115,
      verdicts_differ: 0,
      steps_as_expected: 115,
    });
  });

  it('are denied for arguments with a repeated member', async () => {
    const workspace = new Workspace();
    const suite = JSON.parse(readFileSync(resolve(folder, 'aat-vectors-compact.json'), 'utf8')) as {
      vectors: { args_json: string; expected: object }[];
    };
    const args = readFileSync(resolve(folder, 'duplicate-argument-keys.json'), 'utf8').trim();
    const [first] = suite.vectors;
    if (first === undefined) throw new Error('the suite is empty');
    suite.vectors = [{ ...first, args_json: args, expected: { verdict: 'DENY', step: '6b' } }];
    workspace.write('suite.json', JSON.stringify(suite));
    const { exitCode, result } = await workspace.json(['conformance', 'suite.json']);
    expect(exitCode).toBe(0);
    expect(result.findings[0].actual).toEqual({
      verdict: 'DENY',
      step: '6b',
      code: 'arguments_malformed',
    });
  });
});
