/**
 * Everything that must hold of the repository and is not a test. `npm run check` runs all of it;
 * `npm run check -- types layers` runs the named ones. With `--report <file>` the counts are
 * written there as JSON.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { checkLayers } from './check-layers.ts';
import { checkPackages } from './check-packages.ts';
import { checkSnippets } from './check-snippets.ts';
import { run } from './command.ts';
import { renderGenerated } from './generate-denials.ts';
import { repositoryRoot } from './repository.ts';

interface Check {
  readonly name: string;
  /** What holds when there is no finding. */
  readonly rule: string;
  readonly find: () => Promise<readonly string[]> | readonly string[];
}

/** What a command printed is its findings, when it failed. */
async function findingsOf(command: string, ...parameters: readonly string[]): Promise<string[]> {
  const { ok, output } = await run(command, ...parameters);
  return ok ? [] : [output === '' ? `${command} failed and printed nothing` : output];
}

async function findLintErrors(): Promise<readonly string[]> {
  const parameters = ['--error-on-warnings', '--diagnostic-level=warn', '--max-diagnostics=200'];
  // This reporter writes one line for each finding, where the others show whole differences.
  const { ok, output } = await run('biome', 'check', '--reporter=github', ...parameters);
  if (ok) return [];
  const line = /^::\w+ title=([^,]*),file=([^,]*),line=(\d+),[^:]*::(.*)$/gm;
  const findings = [...output.matchAll(line)].map(([, rule, file = '', row, text]) =>
    rule === 'format'
      ? `${relative(repositoryRoot, file)}: is not formatted`
      : `${relative(repositoryRoot, file)}:${row}: ${text} (${rule})`,
  );
  return findings.length > 0 ? [...findings, 'npm run format mends what can be mended'] : [output];
}

async function findTypeErrors(): Promise<readonly string[]> {
  const findings = [
    ...(await findingsOf('tsc', '-b', '--pretty', 'false')),
    ...(await findingsOf('tsc', '-p', 'tsconfig.tests.json', '--pretty', 'false')),
  ];
  // The tests are compiled together with the sources they use, whose errors would stand here twice.
  return [...new Set(findings.flatMap((output) => output.split('\n')))];
}

async function findOutdated(): Promise<readonly string[]> {
  const denials = [...renderGenerated(repositoryRoot)].flatMap(([path, content]) => {
    const file = join(repositoryRoot, path);
    const current = existsSync(file) && readFileSync(file, 'utf8') === content;
    return current ? [] : [`${path} is not what spec/denials.json says: run npm run generate`];
  });
  const script = ['--conditions=@taper/source', 'tools/generate-openapi.ts', '--check'];
  return [...denials, ...(await findingsOf(process.execPath, ...script))];
}

/** In the order in which they run: what needs dist/ comes after the types, which build it. */
const CHECKS: readonly Check[] = [
  {
    name: 'format',
    rule: 'formatted, and nothing that the linter refuses',
    find: findLintErrors,
  },
  { name: 'generated', rule: 'generated files match their source', find: findOutdated },
  {
    name: 'promises',
    rule: 'every promise is awaited before anyone trusts it, every switch is exhaustive',
    find: () => findingsOf('oxlint', '--type-aware', '--format=unix'),
  },
  {
    name: 'types',
    rule: 'packages, tests, examples and tools compile',
    find: findTypeErrors,
  },
  {
    name: 'layers',
    rule: 'packages depend on lower layers only',
    find: () => checkLayers(),
  },
  {
    name: 'unused',
    rule: 'no unused file, export or dependency',
    find: () => findingsOf('knip', '--no-progress', '--no-config-hints'),
  },
  { name: 'snippets', rule: 'the code in the documentation compiles', find: checkSnippets },
  {
    name: 'packages',
    rule: 'what would be published resolves, with its types',
    find: checkPackages,
  },
];

/** A check that cannot run has not passed. */
async function findingsOfCheck({ find }: Check): Promise<readonly string[]> {
  try {
    return await find();
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { report: { type: 'string' } },
});
const unknown = positionals.filter((name) => !CHECKS.some((check) => check.name === name));
if (unknown.length > 0) {
  console.error(`no check is called ${unknown.join(', ')}`);
  console.error(`there are: ${CHECKS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const chosen = CHECKS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
let failed = 0;
for (const check of chosen) {
  const findings = await findingsOfCheck(check);
  if (findings.length === 0) {
    console.log(`ok      ${check.name}: ${check.rule}`);
    continue;
  }
  failed += 1;
  console.log(`FAILED  ${check.name}: not so: ${check.rule}`);
  for (const line of findings.join('\n').split('\n')) console.log(`        ${line}`.trimEnd());
}
const passed = chosen.length - failed;
if (values.report !== undefined) writeFileSync(values.report, JSON.stringify({ passed, failed }));
console.log(`${passed} of ${chosen.length} checks passed`);
process.exitCode = failed === 0 ? 0 : 1;
