/**
 * Writes the suites of vectors beside this file: `npm run vectors`. With `--check` it writes nothing and says whether
 * what is there is what it would write. Nothing is written unless every vector comes to what it expects.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { type Expected, judgeVector } from '@taper/testkit';
import { makeSuites, type OurSuite } from './suites.ts';

/** The vectors that do not come to what they expect, one line for each. */
export function disagreements(suite: OurSuite): string[] {
  return [...suite.vectors, ...(suite.presentations ?? [])].flatMap((vector) => {
    const actual = judgeVector(vector, suite);
    return isDeepStrictEqual(actual, vector.expected)
      ? []
      : [`${vector.id}: expected ${words(vector.expected)}, and it is ${words(actual)}`];
  });
}

function words({ verdict, step, code, hop }: Expected): string {
  return [verdict, step, code, hop === null ? undefined : `hop ${hop}`].filter(Boolean).join(' ');
}

/** The text of a file of vectors. */
export function textOf(suite: OurSuite): string {
  return `${JSON.stringify(suite, null, 2)}\n`;
}

function run(): number {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  const suites = makeSuites();
  const wrong = [...suites.values()].flatMap(disagreements);
  for (const [name, suite] of suites) {
    const file = join(import.meta.dirname, name);
    const text = textOf(suite);
    if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
    if (values.check) wrong.push(`${name} is not what vectors/cases say: run npm run vectors`);
    else if (wrong.length === 0) writeFileSync(file, text);
  }
  for (const line of wrong) console.error(line);
  const count = [...suites.values()].reduce((sum, { vectors }) => sum + vectors.length, 0);
  if (wrong.length === 0)
    console.log(`${count} vectors in ${suites.size} files are as they should be`);
  return wrong.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = run();
