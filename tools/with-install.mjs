/**
 * Runs a command with everything in place that it needs:
 *
 *   node tools/with-install.mjs [--no-build] [command [arguments…]]
 *
 * 1. installs what package-lock.json names, when node_modules does not hold exactly that;
 * 2. brings dist/ up to date (not with --no-build);
 * 3. runs the command with node_modules/.bin first on PATH, so that `node` is the pinned Node 24.
 *
 * This file itself runs on whatever Node the machine has (20 or later), before anything is
 * installed, so it is plain JavaScript and imports nothing but Node.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './install-lock.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const onWindows = process.platform === 'win32';
const REQUIRED_NODE = 24;

/** @param {string} text */
function say(text) {
  process.stderr.write(`taper: ${text}\n`);
}

/**
 * @param {string} path
 * @returns {Record<string, any>} what a lockfile says of each folder below a node_modules
 */
function lockedPackages(path) {
  const { packages } = JSON.parse(readFileSync(path, 'utf8'));
  return Object.fromEntries(
    Object.entries(packages).filter(([folder]) => folder.includes('node_modules/')),
  );
}

/**
 * @param {string | string[] | undefined} list the `os` or `cpu` of a package: names, or names with `!`
 * @param {string} name
 */
function allows(list, name) {
  if (list === undefined) return true;
  const names = [list].flat();
  return names.includes(name) || (names[0]?.startsWith('!') && !names.includes(`!${name}`));
}

/**
 * Compares what package-lock.json names with npm's own record of what it installed, so that it
 * does not matter who ran npm. Packages for other platforms are optional and may be absent, but
 * none may be there: that is a node_modules from another machine.
 *
 * @returns {string | undefined} why an install is needed, if it is
 */
function reasonToInstall() {
  const record = join(modules, '.package-lock.json');
  if (!existsSync(record)) return 'node_modules is not there yet';
  const wanted = lockedPackages(join(root, 'package-lock.json'));
  const installed = lockedPackages(record);
  const changed = 'node_modules does not match package-lock.json';
  for (const [folder, found] of Object.entries(installed)) {
    const entry = wanted[folder];
    if (entry === undefined || entry.version !== found.version) return changed;
    if (entry.integrity !== found.integrity) return changed;
    if (found.link && entry.resolved !== found.resolved) return changed;
    if (!allows(found.os, process.platform) || !allows(found.cpu, process.arch)) {
      return 'node_modules was installed for another platform';
    }
  }
  return Object.keys(wanted).some((folder) => !installed[folder] && !wanted[folder].optional)
    ? changed
    : undefined;
}

/**
 * Starts a program and waits for it, passing on the signals that this process gets.
 *
 * @param {string} command
 * @param {string[]} parameters
 * @param {{ env: NodeJS.ProcessEnv, quiet: boolean }} options quiet: collect what it prints
 * @returns {Promise<{ code: number, output: string }>} code: 128 plus its number after a signal, as
 * in a shell
 */
function run(command, parameters, { env, quiet }) {
  /** @type {import('node:child_process').SpawnOptions} */
  const options = { cwd: root, env, stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit' };
  // On Windows the commands in node_modules/.bin are scripts, which only a shell can start.
  const throughShell = onWindows && !command.endsWith('.exe');
  const quoted = parameters.map((value) => `"${value.replaceAll('"', '""')}"`);
  const child = throughShell
    ? spawn([command, ...quoted].join(' '), { ...options, shell: true })
    : spawn(command, parameters, options);
  /** @param {NodeJS.Signals} signal */
  const forward = (signal) => {
    // A terminal sends Ctrl-C to the child as well; twice would cut its tidying up short.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
  for (const signal of signals) process.on(signal, forward);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
    });
  }
  return new Promise((settle, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) => {
      for (const name of signals) process.off(name, forward);
      settle({ code: code ?? 128 + (signal ? constants.signals[signal] : 0), output });
    });
  });
}

/**
 * Runs a program that says something only when it fails.
 *
 * @param {string} command
 * @param {string[]} parameters
 * @param {NodeJS.ProcessEnv} env
 * @param {string} onFailure
 */
async function runQuietly(command, parameters, env, onFailure) {
  const { code, output } = await run(command, parameters, { env, quiet: true });
  if (code === 0) return;
  process.stderr.write(output);
  throw new Error(onFailure);
}

/** The Node that runs npm: unlike this process's own, never one inside node_modules. */
const machineNode = process.env['npm_node_execpath'] ?? process.execPath;

async function installWhenNeeded() {
  const reason = reasonToInstall();
  if (reason === undefined) return;
  say(`installing the dependencies with npm ci, because ${reason}. This can take a minute.`);
  // No dependency needs an install script, so none may run one. NODE_ENV=production must not
  // leave out the development dependencies.
  const parameters = ['ci', '--ignore-scripts', '--include=dev', '--include=optional'];
  parameters.push('--no-audit', '--no-fund', '--loglevel=error');
  const npm = process.env['npm_execpath'] ?? '';
  const onFailure = 'npm ci failed; what it said is above. Mend that and run the same again.';
  await (/^npm-cli\.c?js$/.test(basename(npm))
    ? runQuietly(machineNode, [npm, ...parameters], process.env, onFailure)
    : runQuietly('npm', parameters, process.env, onFailure));
}

/** @param {string} node */
function isRecent(node) {
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return Number.parseInt(String(stdout).slice(1), 10) >= REQUIRED_NODE;
}

/**
 * Looks for the program itself, because npm 10 does not link it into node_modules/.bin when several
 * packages could bring one.
 *
 * @returns {string} the folder of the Node that runs the sources: the pinned one that npm ci
 * brought, or the machine's own where there is none for its platform
 */
function nodeFolder() {
  const platform = onWindows ? 'win' : process.platform;
  const program = join('bin', onWindows ? 'node.exe' : 'node');
  const node = [
    join(modules, `node-${platform}-${process.arch}`, program),
    join(modules, `node-bin-${platform}-${process.arch}`, program),
    process.execPath,
    machineNode,
  ].find(isRecent);
  if (node !== undefined) return dirname(node);
  throw new Error(
    `this needs Node ${REQUIRED_NODE} or later. There is none on npm that runs on this machine ` +
      `(${process.platform}-${process.arch}), and its own is ${process.version}. ` +
      'Install one from https://nodejs.org and run the same again.',
  );
}

/** @returns {NodeJS.ProcessEnv} this process's, with the right Node and node_modules/.bin first */
function environment() {
  const name = Object.keys(process.env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH';
  const folders = [nodeFolder(), join(modules, '.bin'), process.env[name] ?? ''];
  return { ...process.env, [name]: folders.join(delimiter) };
}

/** @param {string[]} parameters */
async function main(parameters) {
  const wantsBuild = parameters[0] !== '--no-build';
  const [command, ...rest] = wantsBuild ? parameters : parameters.slice(1);
  await withLock(
    join(root, '.cache', 'install.lock'),
    async () => {
      await installWhenNeeded();
      if (!wantsBuild) return;
      const onFailure = 'the packages do not compile; what the compiler said is above.';
      await runQuietly('tsc', ['-b'], environment(), onFailure);
      const noPage = 'the page for evidence was not made; why is above.';
      await runQuietly('node', [join('tools', 'build-page.ts')], environment(), noPage);
    },
    () => say('waiting for another run, which is installing or building.'),
  );
  if (command === undefined) return 0;
  return (await run(command, rest, { env: environment(), quiet: false })).code;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
