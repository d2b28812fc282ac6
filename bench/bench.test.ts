import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuthorityResults } from './authority.ts';
import type { Results } from './report.ts';
import type { AuthorityLives } from './soak-authority.ts';
import type { LogResults } from './soak-log.ts';
import type { RevocationResults } from './soak-revocation.ts';

const folder = mkdtempSync(join(tmpdir(), 'taper-bench-'));

function run(file: string, ...parameters: readonly string[]): ReturnType<typeof spawnSync> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const command = ['--expose-gc', '--conditions=@taper/source', path, ...parameters];
  return spawnSync(process.execPath, command, { encoding: 'utf8' });
}

function resultsOf<Results>(file: string): Results {
  return JSON.parse(readFileSync(join(folder, file), 'utf8')) as Results;
}

afterAll(() => rmSync(folder, { recursive: true }));

describe('a quick run', () => {
  let bench: ReturnType<typeof spawnSync>;
  let results: Results;

  beforeAll(() => {
    bench = run('main.ts', '--quick', '--json', join(folder, 'results.json'));
    results = resultsOf('results.json');
  });

  test('ends well, whether or not the targets are met', () => {
    expect(bench.status).toBe(0);
  });

  test('fits a terminal of 80 columns', () => {
    const lines = String(bench.stdout).split('\n');
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
      1.15, 1.25, 1.5, 1.15, 1.25, 1.5, 1.15, 1.25, 1.5, 1.1, 1.1, 1.1, 10, 50, 50, 1, 64, 4096, 5,
      50,
    ]);
    for (const { limit, value, met } of results.targets) expect(met).toBe(value <= limit);
    const said = [...String(bench.stdout).matchAll(/ (pass|MISS)$/gm)].map(
      ([, verdict]) => verdict,
    );
    expect(said).toEqual(results.targets.map(({ met }) => (met ? 'pass' : 'MISS')));
  });

  test('asks a view that holds revocations, and makes and checks staples of as many', () => {
    const { checks, staples } = results.revoked;
    expect(checks.map(({ mix }) => mix)).toEqual(staples.map(({ mix }) => mix));
    for (const { revoked, megabytes, microseconds, ratio } of checks) {
      expect(revoked).toBe(2000);
      const figures = [...Object.values(megabytes), ...Object.values(microseconds), ratio];
      expect(figures.filter((figure) => !(figure > 0))).toEqual([]);
    }
    for (const { revoked, bytes, mostAtLongestPath, ratio } of staples) {
      expect(revoked).toBe(2000);
      expect(bytes.p50).toBeLessThanOrEqual(bytes.p99);
      expect(bytes.p99).toBeLessThanOrEqual(bytes.most);
      // The path is at least as long there as anywhere else.
      expect(mostAtLongestPath).toBeGreaterThanOrEqual(bytes.most);
      expect(ratio).toBeGreaterThan(0);
    }
  });

  test('checks bundles of evidence, a call with two events, by the signatures that they need', () => {
    const evidence = results.sections.find(({ title }) => title.startsWith('Evidence'));
    expect(evidence?.figures.map(({ signatures }) => signatures >= 1.5)).toEqual([
      true,
      true,
      true,
    ]);
    // A chain of its own is three signatures more for each call.
    expect(evidence?.figures[2]?.signatures).toBeGreaterThan(3);
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
  const { status } = run('main.ts', '--quick', '--json', join(folder, 'not-there', 'results.json'));
  expect(status).not.toBe(0);
  expect(readdirSync(folder)).toEqual(['results.json']);
});

test('a log is filled on the disk, and what it costs stands beside what the disk does alone', () => {
  const { stderr } = run('soak-log.ts', '--entries', '1000', '--json', join(folder, 'log.json'));
  expect(String(stderr)).toContain('1000 entries');
  const { appends, growth } = resultsOf<LogResults>('log.json');
  expect(appends.map(({ width }) => width)).toEqual([64, 1]);
  for (const { perSecond, rawPerSecond, bytes, bytesWritten, syncs } of appends) {
    expect(perSecond).toBeGreaterThan(0);
    expect(rawPerSecond).toBeGreaterThan(0);
    expect(bytesWritten).toBeGreaterThan(bytes);
    expect(syncs).toBeGreaterThan(0);
  }
  const [together, alone] = appends;
  // One entry alone is durable after three syncs; those that come together share them.
  expect((alone?.syncs ?? 0) / (alone?.entries ?? 1)).toBeGreaterThanOrEqual(3);
  expect((together?.syncs ?? 0) / (together?.entries ?? 1)).toBeLessThan(1);
  expect([growth.small.entries, growth.large.entries]).toEqual([10, 1000]);
  expect(Object.values(growth.ratios).filter((ratio) => !(ratio > 0))).toEqual([]);
});

test('every enforcement point denies what was revoked, pushed or asked for, without any agent of the chain', () => {
  const file = join(folder, 'revocation.json');
  const { stderr } = run(
    'soak-revocation.ts',
    '--points',
    '2',
    '--revocations',
    '2',
    '--json',
    file,
  );
  expect(String(stderr).trim()).toBe('2 enforcement points');
  const results = resultsOf<RevocationResults>('revocation.json');
  const { pushed, middleDead, pushCut, logGone } = results;
  for (const { sent, acknowledged } of [pushed, middleDead, pushCut]) {
    expect(sent.p50).toBeGreaterThan(0);
    expect(sent.p99).toBeLessThanOrEqual(sent.most);
    // Not before it was sent; it may be denied before the authority has answered.
    expect(acknowledged.most).toBeLessThan(sent.most);
  }
  // A chain that nobody revoked is called on all the while, until there is nothing fresh any more.
  expect(Object.keys(results.calls)).toEqual(['permit']);
  expect(logGone.p50).toBeGreaterThan(0);
  expect([results.hostsAsked, middleDead.connections]).toEqual([1, 0]);
});

test('roots and exchanges are issued on both stores, over sockets and without, beside what they rest on', () => {
  const file = join(folder, 'authority.json');
  const { status } = run('authority.ts', '--quick', '--agents', '100', '--json', file);
  expect(status).toBe(0);
  const { http, issuance, crowd, directory, successors } =
    resultsOf<AuthorityResults>('authority.json');
  expect(new Set(http.map(({ store, what }) => `${store} ${what}`))).toEqual(
    new Set(['SQLite root', 'SQLite exchange', 'PostgreSQL root', 'PostgreSQL exchange']),
  );
  expect(new Set(issuance.map(({ what }) => what))).toEqual(
    new Set(['issuance alone', 'root', 'exchange']),
  );
  for (const { load, processor, bare, ratios } of [...http, ...issuance]) {
    const figures = [load.perSecond, load.p50, processor, ...Object.values({ ...bare, ...ratios })];
    expect(figures.filter((figure) => !(figure > 0))).toEqual([]);
    expect(load.p99).toBeGreaterThanOrEqual(load.p50);
  }
  expect(crowd.map(({ store, agents }) => `${agents} on ${store}`)).toEqual([
    '100 on SQLite',
    '100 on PostgreSQL',
  ]);
  expect(directory.agents).toBe(100);
  expect(successors.figures.map(({ signatures }) => signatures)).toEqual([4, 7, 4, 1, 1, 1]);
}, 120_000);

test('an authority that is killed loses nothing that it has acknowledged and does nothing twice', () => {
  const file = join(folder, 'lives.json');
  run('soak-authority.ts', '--kills', '2', '--store', 'sqlite', '--json', file);
  const [lives] = resultsOf<AuthorityLives[]>('lives.json');
  expect(lives?.kills).toBe(2);
  const { acknowledged, found } = lives as AuthorityLives;
  expect(acknowledged.roots).toBeGreaterThanOrEqual(3);
  expect(found.roots).toBeGreaterThanOrEqual(acknowledged.roots);
  // The agent that asks for roots was enrolled before.
  expect(found.agents).toBeGreaterThan(acknowledged.agents);
  expect(found.revocations).toBeGreaterThanOrEqual(acknowledged.revocations);
}, 120_000);
