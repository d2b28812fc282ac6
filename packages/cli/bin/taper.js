#!/usr/bin/env node
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 24;
const main = new URL('../dist/main.js', import.meta.url);

/**
 * The Node that a checkout of the repository pins as an npm package; undefined anywhere else.
 * @returns {string | undefined}
 */
function pinnedNode() {
  const require = createRequire(import.meta.url);
  const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  for (const name of [`node-${platform}`, `node-bin-${platform}`]) {
    try {
      const executable = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node';
      const path = fileURLToPath(
        new URL(executable, `file://${require.resolve(`${name}/package.json`)}`),
      );
      if (existsSync(path)) return path;
    } catch {
      // Not installed: this is no checkout, or another platform's.
    }
  }
  return undefined;
}

/**
 * @param {string} problem
 * @param {string} remedy
 */
function refuse(problem, remedy) {
  process.stderr.write(`taper: ${problem}\n  ${remedy}\n`);
  process.exitCode = 3;
}

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  const node = pinnedNode();
  if (node === undefined) {
    refuse(
      `needs Node.js ${OLDEST_NODE} or later, and this is ${process.version}`,
      'Install it from https://nodejs.org and run taper again.',
    );
  } else {
    const argv = [fileURLToPath(import.meta.url), ...process.argv.slice(2)];
    const { status } = spawnSync(node, argv, { stdio: 'inherit' });
    process.exitCode = status ?? 3;
  }
} else if (existsSync(main)) {
  const { runProcess } = await import(main.href);
  process.exitCode = await runProcess();
} else {
  refuse(
    'has not been built yet: dist/main.js is missing',
    'Run `npm run build` in the root of the repository, or install a released package.',
  );
}
