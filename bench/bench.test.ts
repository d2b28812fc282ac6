import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Results } from './report.ts';

const folder = mkdtempSync(join(tmpdir(), 'taper-bench-'));
const main = fileURLToPath(new URL('main.ts', import.meta.url));

function bench(...parameters: readonly string[]): ReturnType<typeof spawnSync> {
  const command = ['--conditions=@taper/source', main, ...parameters];
  return spawnSync(process.execPath, command, { encoding: 'utf8' });
}

afterAll(() => rmSync(folder, { recursive: true }));

describe('a quick run', () => {
  let run: ReturnType<typeof spawnSync>;
  let results: Results;

  beforeAll(() => {
    const file = join(folder, 'results.json');
    run = bench('--quick', '--json', file);
    results = JSON.parse(readFileSync(file, 'utf8')) as Results;
  });

  test('ends well, whether or not the targets are met', () => {
    expect(run.status).toBe(0);
  });

  test('fits a terminal of 80 columns', () => {
    const lines = String(run.stdout).split('\n');
    expect(lines.length).toBeGreaterThan(100);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  test('compares every figure with bare cryptography or a permit', () => {
    const ratios = [
      ...results.sections.flatMap(({ figures }) =>
        figures.flatMap(({ raw, ratio }) => [raw, ratio]),
      ),
      ...results.denials.flatMap(({ cold, cached }) => [cold, cached]),
      ...results.pointDenials.flatMap(({ quiet, audited }) => [quiet, audited]),
      ...results.peers.flatMap(({ microseconds, ratio }) => [microseconds, ratio]),
      results.replayedProof,
      results.raw.verify,
      results.raw.sign,
    ];
    expect(ratios.length).toBeGreaterThan(60);
    expect(ratios.filter((ratio) => !(ratio > 0))).toEqual([]);
  });

  test('measures chains of 1, 3 and 8 hops, for Taper and the others', () => {
    const calls = results.sections.slice(0, 3);
    expect(calls.map(({ figures }) => figures[0]?.signatures)).toEqual([2, 4, 9]);
    const taper = results.peers.filter(({ peer }) => peer === 'taper');
    expect(taper.map(({ hops }) => hops)).toEqual([1, 3, 8]);
    expect(new Set(results.peers.map(({ peer }) => peer)).size).toBeGreaterThanOrEqual(5);
  });

  test('has every stage of the enforcement point refuse calls, with and without audit log', () => {
    expect(results.pointDenials.map(({ code }) => code)).toEqual([
      'signature_invalid',
      'argument_refused',
      'tenant_mismatch',
      'revoked',
      'policy_denied',
      'budget_exceeded',
      'proof_replayed',
    ]);
  });

  test('puts each framework under the same load with and without a guard', () => {
    expect(results.http.map(({ framework }) => framework)).toEqual(['Hono', 'Fastify', 'Express']);
    for (const { unguarded, guarded } of results.http) {
      for (const { p50, p99, perSecond } of [unguarded, guarded]) {
        expect(p50).toBeGreaterThan(0);
        expect(p99).toBeGreaterThanOrEqual(p50);
        expect(perSecond).toBeGreaterThan(0);
      }
    }
  });

  test('says for each target what was measured and whether it is met', () => {
    expect(results.targets.map(({ limit }) => limit)).toEqual([
      1.15, 1.25, 1.5, 1.15, 1.25, 1.5, 1.15, 1.25, 1.5, 1.1, 1.1, 1.1, 10, 50, 50, 50,
    ]);
    for (const { limit, value, met } of results.targets) expect(met).toBe(value <= limit);
    const said = [...String(run.stdout).matchAll(/ (pass|MISS)$/gm)].map(([, verdict]) => verdict);
    expect(said).toEqual(results.targets.map(({ met }) => (met ? 'pass' : 'MISS')));
  });

  test('sends hostile inputs of up to about a megabyte, each decided one way or another', () => {
    expect(results.hostile.length).toBeGreaterThan(80);
    for (const { kilobytes, milliseconds, verdict, by } of results.hostile) {
      expect(kilobytes).toBeLessThan(1400);
      expect(milliseconds).toBeLessThanOrEqual(Infinity);
      expect(verdict).toMatch(/^[a-z_]+$/);
      expect(['anybody', 'holder']).toContain(by);
    }
    expect(new Set(results.hostile.map(({ verdict }) => verdict))).toContain('permit');
    expect(results.hostile.map(({ verdict }) => verdict)).not.toContain('internal_error');
  });
});

test('leaves no half-written results behind', () => {
  const { status } = bench('--quick', '--json', join(folder, 'not-there', 'results.json'));
  expect(status).not.toBe(0);
  expect(readdirSync(folder)).toEqual(['results.json']);
});
