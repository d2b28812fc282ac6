import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkLayers, LAYERS } from './check-layers.ts';

/** A repository with one sound package for each kind. */
let root: string;

function write(path: string, content: string | object): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content));
}

interface PackageOptions {
  readonly dependencies?: readonly string[];
  readonly peers?: readonly string[];
  readonly optional?: boolean;
  readonly references?: readonly string[];
}

function writePackage(folder: string, name: string, options: PackageOptions = {}): void {
  const { dependencies = [], peers = [], optional = true, references = [] } = options;
  write(`${folder}/package.json`, {
    name,
    exports: { '.': './src/index.ts' },
    dependencies: Object.fromEntries(dependencies.map((one) => [one, '1.0.0'])),
    peerDependencies: Object.fromEntries(peers.map((one) => [one, '1.0.0'])),
    peerDependenciesMeta: Object.fromEntries(peers.map((one) => [one, { optional }])),
  });
  write(`${folder}/tsconfig.json`, { references: references.map((path) => ({ path })) });
}

const CORE = 'packages/core';
const ENFORCE = 'packages/enforce';
const LOG = 'packages/log';
const MCP = 'packages/adapters/mcp';
const CLI = 'packages/cli';

/** The places of the findings: `path` or `path:line`. */
function places(): string[] {
  return checkLayers(root).map((finding) => /^[^:]+(:\d+)?/.exec(finding)?.[0] ?? finding);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'taper-layers-'));
  write('package.json', { workspaces: ['packages/*', 'packages/adapters/*', 'examples/*'] });
  const folders = [CORE, ENFORCE, LOG, MCP, CLI, 'packages/testkit'];
  write('tsconfig.json', { references: folders.map((path) => ({ path })) });
  const core = { dependencies: ['@taper/core'], references: ['../core'] };
  writePackage(CORE, '@taper/core', { peers: ['sodium-native'] });
  writePackage(ENFORCE, '@taper/enforce', core);
  writePackage(LOG, '@taper/log', core);
  writePackage('packages/testkit', '@taper/testkit', core);
  writePackage(MCP, '@taper/mcp', {
    dependencies: ['@taper/core', '@taper/enforce'],
    peers: ['framework'],
    references: ['../../core', '../../enforce'],
  });
  writePackage(CLI, '@taper/cli', {
    dependencies: ['@taper/core', '@taper/enforce', '@taper/mcp'],
    references: ['../core', '../enforce', '../adapters/mcp'],
  });
  write('examples/desk/package.json', { name: '@taper/example-desk' });
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

test('the table itself lets nothing depend on its own layer or a higher one', () => {
  for (const { layer, mayImport } of Object.values(LAYERS)) {
    for (const name of mayImport) expect(LAYERS[name]?.layer).toBeLessThan(layer);
  }
});

describe('a sound repository', () => {
  test('has no finding', () => {
    write(`${CORE}/src/index.ts`, "export * from './chain.ts';\nimport { x } from '#crypto';\n");
    write(`${CORE}/src/crypto/node.ts`, "import 'node:crypto';\nimport 'sodium-native';\n");
    write(`${ENFORCE}/src/index.ts`, "import 'node:fs';\nexport type { A } from '@taper/core';\n");
    write(`${ENFORCE}/test/a.test.ts`, "import '@taper/testkit';\nimport '../src/index.ts';\n");
    write(`${MCP}/src/index.ts`, "import 'framework/part';\nimport '@taper/enforce';\n");
    write(`${CLI}/src/index.ts`, "import '@taper/mcp';\n");
    write('examples/desk/run.ts', "import '@taper/mcp';\nimport './tools.ts';\n");
    write('examples/desk/run.test.ts', "import '@taper/testkit';\n");
    write('vectors/generate.ts', "import '@taper/testkit';\n");
    expect(checkLayers(root)).toEqual([]);
  });

  test('has tests that wire packages of any layer together', () => {
    write(`${ENFORCE}/test/a.test.ts`, "import '@taper/log';\nimport '@taper/mcp';\n");
    expect(checkLayers(root)).toEqual([]);
  });
});

describe('an import in a package', () => {
  test.each([
    ['a higher layer', `${ENFORCE}/src/a.ts`, "import '@taper/mcp';"],
    ['its own layer', `${ENFORCE}/src/a.ts`, "import '@taper/log';"],
    ['its own name', `${ENFORCE}/src/a.ts`, "import '@taper/enforce';"],
    [
      'only a type of a higher layer',
      `${ENFORCE}/src/a.ts`,
      "import type { A } from '@taper/mcp';",
    ],
    ['a type in place', `${ENFORCE}/src/a.ts`, "export type A = import('@taper/mcp').A;"],
    ['a higher layer at run time', `${ENFORCE}/src/a.ts`, "await import('@taper/mcp');"],
    [
      'what it re-exports from a higher layer',
      `${ENFORCE}/src/a.ts`,
      "export * from '@taper/mcp';",
    ],
    ['another package by its path', `${ENFORCE}/src/a.ts`, "import '../../core/src/index.ts';"],
    ['a file that is not shipped', `${ENFORCE}/src/a.ts`, "import '../test/clock.ts';"],
    ['a path inside a package', `${ENFORCE}/src/a.ts`, "import '@taper/core/src/chain.ts';"],
    ['a package that it does not name', `${ENFORCE}/src/a.ts`, "import 'left-pad';"],
    ['the testkit', `${ENFORCE}/src/a.ts`, "import '@taper/testkit';"],
    ['a computed name', `${ENFORCE}/src/a.ts`, "const x = 'y'; await import(x);"],
    ['a dependency of the root', `${CLI}/bin/taper.js`, "import 'vitest';"],
  ])('may not be of %s', (_, path, source) => {
    write(path, `// one\n${source}\n`);
    expect(new Set(places())).toEqual(new Set([`${path}:2`]));
  });

  test.each([
    ['another package by its path', 'packages/log/test/a.test.ts', '../../core/src/index.ts'],
    ['another package by its path', 'vectors/generate.ts', '../packages/core/src/index.ts'],
    ['the testkit', 'examples/desk/run.ts', '@taper/testkit'],
  ])('beside them may not be of %s', (_, path, specifier) => {
    write(path, `import '${specifier}';\n`);
    expect(places()).toEqual([`${path}:1`]);
  });
});

describe('core', () => {
  test.each([
    ['imports Node outside its platform file', 'src/chain.ts', "import 'node:crypto';"],
    ['imports any package', 'src/chain.ts', "import 'sodium-native';"],
    ['imports another package in its platform file', 'src/crypto/node.ts', "import 'left-pad';"],
    ['requires another package', 'src/crypto/node.ts', "createRequire('')('left-pad');"],
    ['asks for a module of Node', 'src/a.ts', "process.getBuiltinModule('node:fs');"],
    ['reads the clock', 'src/chain.ts', 'export const a: number = Date.now();'],
    ['reads the clock by a date', 'src/chain.ts', 'export const a: Date = new Date();'],
    ['reads the clock as text', 'src/chain.ts', 'export const a: string = Date();'],
    ['reads the clock through globalThis', 'src/a.ts', 'export const a = globalThis.Date.now();'],
    ['makes its own randomness', 'src/chain.ts', 'export const a: number = Math.random();'],
  ])('is refused when it %s', (_, path, source) => {
    write(`${CORE}/${path}`, `${source}\n`);
    expect(places()).toEqual([`${CORE}/${path}:1`]);
  });

  test('may turn a given time into a date', () => {
    write(`${CORE}/src/chain.ts`, 'export const a: Date = new Date(0);\n');
    expect(checkLayers(root)).toEqual([]);
  });

  test.each([
    ['a dependency', { dependencies: ['left-pad'] }],
    ['a peer dependency that is not optional', { peers: ['left-pad'], optional: false }],
  ])('is refused with %s', (_, options) => {
    writePackage(CORE, '@taper/core', options);
    expect(places()).toEqual([`${CORE}/package.json`]);
  });
});

describe('a package.json', () => {
  test('is refused when it names a package of its own layer', () => {
    writePackage(ENFORCE, '@taper/enforce', {
      dependencies: ['@taper/core', '@taper/log'],
      references: ['../core', '../log'],
    });
    expect(places()).toEqual([`${ENFORCE}/package.json`]);
  });

  test('is refused when an adapter brings its framework along', () => {
    writePackage(MCP, '@taper/mcp', { dependencies: ['framework'] });
    expect(places()).toEqual([`${MCP}/package.json`]);
  });

  test('is refused when the table does not name the package', () => {
    write('tsconfig.json', {
      references: [CORE, ENFORCE, LOG, MCP, CLI, 'packages/testkit', 'packages/extra'].map(
        (path) => ({ path }),
      ),
    });
    writePackage('packages/extra', '@taper/extra');
    expect(places()).toEqual(['packages/extra/package.json']);
  });
});

describe('a tsconfig.json', () => {
  test('is refused when it does not reference what its package depends on', () => {
    write(`${ENFORCE}/tsconfig.json`, { references: [] });
    expect(places()).toEqual([`${ENFORCE}/tsconfig.json`]);
  });

  test('is refused at the root when it leaves a package out', () => {
    write('tsconfig.json', {
      references: [CORE, ENFORCE, LOG, MCP, CLI].map((path) => ({ path })),
    });
    expect(places()).toEqual(['tsconfig.json']);
  });
});
