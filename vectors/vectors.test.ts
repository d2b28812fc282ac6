import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DENIALS } from '@taper/core';
import { judgeVector, readSuite } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { disagreements, textOf } from './generate.ts';
import { makeSuites, type OurSuite, type OurVector } from './suites.ts';

const here = import.meta.dirname;
const made = makeSuites();
const stored = [...made.keys()].map(
  (name) => [name, readSuite(join(here, name)) as OurSuite] as const,
);
const suites = stored.map(([, suite]) => suite);
const vectors = suites.flatMap(({ vectors }) => vectors);
const presentations = suites.flatMap(({ presentations }) => presentations ?? []);
const elsewhere = suites.flatMap((suite) => suite.elsewhere ?? []);

describe.each([...made])('%s', (name, suite) => {
  test('is what its cases say, byte for byte', () => {
    expect(readFileSync(join(here, name), 'utf8') === textOf(suite)).toBe(true);
  });

  test('comes to what it expects through the library', () => {
    expect(disagreements(suite)).toEqual([]);
  });
});

describe('the vectors', () => {
  test('have one for every denial code that a presentation can cause', () => {
    const caused = [...vectors, ...presentations].map(({ expected }) => expected.code);
    const named = new Set([...caused, ...elsewhere.map(({ code }) => code)]);
    named.delete(null);
    expect([...named].sort()).toEqual(Object.keys(DENIALS).sort());
    for (const { code } of elsewhere) expect(caused).not.toContain(code);
  });

  test('expect a step that the code may be met at', () => {
    for (const { id, expected } of [...vectors, ...presentations]) {
      if (expected.code == null) continue;
      const { steps } = DENIALS[expected.code as keyof typeof DENIALS];
      const met = expected.step === null ? [] : [expected.step];
      expect([id, steps]).toEqual([id, met.length === 0 ? [] : expect.arrayContaining(met)]);
    }
  });

  test('stand each beside the nearest call that is permitted', () => {
    const permitted = (suite: OurSuite) =>
      new Set(
        suite.vectors.filter(({ expected }) => expected.verdict === 'PERMIT').map(({ id }) => id),
      );
    for (const suite of suites) {
      const known = permitted(suite);
      for (const { id, expected, neighbour } of suite.vectors)
        if (expected.verdict === 'DENY')
          expect([id, known.has(neighbour ?? '')]).toEqual([id, true]);
    }
  });

  test('each have a name, a title and a description of their own', () => {
    const all = [...vectors, ...presentations];
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const { title, description } of all) {
      expect(title).toMatch(/^(accepts|refuses) /);
      expect(description).toMatch(/\.$/);
    }
  });

  test('would show a verifier that permits all or nothing', () => {
    const [first, second] = vectors as [OurVector, OurVector];
    const [suite] = suites as [OurSuite];
    const turned = {
      ...suite,
      vectors: [
        { ...first, expected: { ...second.expected, verdict: 'DENY' as const } },
        { ...second, pop: `${second.pop}x` },
      ],
      presentations: [],
    };
    expect(disagreements(turned)).toHaveLength(2);
    expect(judgeVector(first, suite).verdict).toBe('PERMIT');
  });
});

describe('the command', () => {
  // As bin/taper.js does it, but from the sources, so that nothing needs to be built first.
  const main = pathToFileURL(join(here, '../packages/cli/src/main.ts'));
  const taper = `import { runProcess } from '${main}'; process.exitCode = await runProcess();`;

  test.each(stored)('taper conformance agrees on %s, step for step', (name, suite) => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [
        '--conditions=@taper/source',
        '--input-type=module',
        '--eval',
        taper,
        'taper',
        'conformance',
        join(here, name),
        '--json',
      ],
      { encoding: 'utf8', maxBuffer: 2 ** 26 },
    );
    const count = suite.vectors.length;
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      vectors: count,
      verdicts_as_expected: count,
      verdicts_differ: 0,
      steps_as_expected: count,
    });
  });

  test('npm run vectors -- --check agrees', () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      ['--conditions=@taper/source', join(here, 'generate.ts'), '--check'],
      { encoding: 'utf8' },
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\d+ vectors in 6 files are as they should be$/m);
  });
});
