#!/usr/bin/env node
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);

if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(
    `taper: needs Node.js 24 or later, and this is ${process.version}\n  Install it from https://nodejs.org and run taper again.\n`,
  );
  process.exitCode = 3;
} else if (existsSync(main)) {
  const { runProcess } = await import(main.href);
  process.exitCode = await runProcess();
} else {
  process.stderr.write(
    'taper: has not been built yet: dist/main.js is missing\n  Run `npm run build` in the root of the repository, or install a released package.\n',
  );
  process.exitCode = 3;
}
