import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { chainCaveats, type VerifierOptions } from '@taper/core';
import { describe, expect, test } from 'vitest';
import { type Campaign, replay, runCampaign, type Tally } from '../fuzz/campaign.ts';
import { findLostCaveat } from '../fuzz/caveats.ts';
import { makeFamily } from '../fuzz/family.ts';
import { OPERATORS } from '../fuzz/operators.ts';
import { printable, type Summary, summarize } from '../fuzz/report.ts';

function campaign(seed: string, chains: number, planted?: Partial<VerifierOptions>): Tally {
  const options: Campaign = { seed, first: 0, step: 1, chains, until: Number.POSITIVE_INFINITY };
  return runCampaign(planted === undefined ? options : { ...options, planted });
}

describe('the chain fuzzer', () => {
  test('has a name of its own for each operator', () => {
    const names = OPERATORS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(40);
  });

  test('gains nothing over the verifier, and nothing honest is refused', {
    timeout: 120_000,
  }, () => {
    const tally = campaign('a fixed seed', 5000);
    expect(tally.failures).toEqual([]);
    const summary = summarize(tally, 'a fixed seed', 1);
    // A family's two chains are presented together.
    expect([5000, 5001]).toContain(summary.chains);
    expect(summary).toMatchObject({ neverHit: [], benignAccepted: 1 });
    for (const { name } of OPERATORS) expect(tally.operators).toHaveProperty(name);
  });

  test('gains nothing from a fresh seed either', { timeout: 120_000 }, () => {
    const seed = randomBytes(6).toString('hex');
    console.log(`fuzz seed ${seed}`);
    const tally = campaign(seed, 2000);
    expect(tally.failures, printable(summarize(tally, seed, 1))).toEqual([]);
  });

  test.each<[string, Partial<VerifierOptions>, string]>([
    ['signatures that nobody checks', { verifySignature: () => true }, 'signed_by_outsider'],
    ['any time of issuance', { limits: { maxIatSkew: 1e10 } }, 'issued_in_future'],
    ['a wide proof window', { limits: { proofWindow: 60 } }, 'proof_at_other_time'],
    [
      'any audience',
      { audience: ['https://tools.example.com', 'https://other.example'] },
      'audience_elsewhere',
    ],
    ['tokens of any size', { limits: { maxTokenSize: 1e7, maxChainSize: 1e8 } }, 'huge_token'],
  ])('finds %s', (_, planted, operator) => {
    const { failures } = campaign('planted', 1500, planted);
    const found = failures.filter(({ kind }) => kind === 'escalation').map((each) => each.operator);
    expect(found).toContain(operator);
  });

  test('finds caveats that a verifier has lost, hop by hop', () => {
    let found = 0;
    for (let number = 0; number < 40; number += 1) {
      const family = makeFamily(`lost/${number}`);
      const chain = family.chain.map(({ compact }) => compact);
      const verdict = family.verifier.verifyChain(chain, family.now);
      if (verdict.verdict === 'deny') throw new Error(verdict.denial.code);
      expect(findLostCaveat(chain, chainCaveats(verdict.chain), family.profile)).toBeUndefined();
      const last = family.chain.at(-1)?.payload;
      if (chain.length < 2 || last === undefined || !Object.hasOwn(last, 'taper')) continue;
      const above = family.verifier.verifyChain(chain.slice(0, -1), family.now);
      if (above.verdict === 'deny') throw new Error(above.denial.code);
      const lost = findLostCaveat(chain, chainCaveats(above.chain), family.profile);
      if (lost !== undefined) found += 1;
      expect(findLostCaveat(chain, chainCaveats(verdict.chain), undefined)).toBeDefined();
    }
    expect(found).toBeGreaterThan(3);
  });

  test('finds honest chains that are refused', () => {
    const { failures } = campaign('planted', 300, { verifySignature: () => false });
    expect(failures.every(({ kind }) => kind === 'false_deny')).toBe(true);
    expect(failures.length).toBeGreaterThan(0);
  });

  test('finds a verifier that fails', () => {
    let calls = 0;
    const verifySignature = (): boolean => {
      calls += 1;
      if (calls > 50) throw new Error('broken');
      return true;
    };
    const { failures } = campaign('planted', 300, { verifySignature });
    expect(failures.map(({ kind }) => kind)).toContain('crash');
  });

  test('runs a failure again from its seed', () => {
    const planted = { limits: { maxIatSkew: 1e10 } };
    const [failure] = campaign('planted', 1500, planted).failures;
    expect(failure).toBeDefined();
    if (failure === undefined) return;
    const again = replay('planted', failure.family, failure.mutation, planted);
    expect(again.failures).toEqual([failure]);
    expect(replay('planted', failure.family, failure.mutation).failures).toEqual([]);
  });
});

describe('the fuzz command', () => {
  const main = join(import.meta.dirname, '../fuzz/main.ts');
  const fuzz = (...options: readonly string[]) =>
    spawnSync(process.execPath, ['--conditions=@taper/source', main, ...options], {
      encoding: 'utf8',
    });

  test('ends with 0 when nothing was found, on one worker or two', { timeout: 120_000 }, () => {
    for (const workers of ['1', '2']) {
      const { status, stdout } = fuzz(
        '--chains',
        '400',
        '--seed',
        'x',
        '--workers',
        workers,
        '--json',
      );
      const summary = JSON.parse(stdout) as Summary;
      expect(status).toBe(0);
      expect(summary).toMatchObject({
        seed: 'x',
        chains: 400,
        escalations: 0,
        falseDenies: 0,
        crashes: 0,
      });
    }
  });

  test('runs one mutation again and says what came of it', () => {
    const { status, stdout } = fuzz('--seed', 'x', '--replay', '0.3');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^chains +3, from 1 families/m);
  });

  test.each([
    ['--seconds', 'soon'],
    ['--chains', '0'],
    ['--replay', 'x'],
    ['--unknown', '1'],
  ])('refuses %s %s', (...options) => {
    expect(fuzz(...options).status).toBe(1);
  });
});
