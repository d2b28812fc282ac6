import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  createFrontier,
  leafHash,
  noteKey,
  parseCheckpoint,
  readAuthorityLogEntry,
  verifyAuthorityEntry,
} from '@taper/core';
import { checkLog, createLogReader } from '@taper/log';
import { afterEach, describe, expect, test } from 'vitest';
import {
  createPostgresAuthorityStore,
  createPostgresLease,
  createPostgresTileSource,
  openPostgres,
  type PostgresDatabase,
  readPostgresCheckpoint,
} from '../../src/index.ts';
import { testServer } from '../server.ts';
import { AUTHORITY_KEY, LOG_KEY, ORIGIN } from './log.ts';

const PROGRAM = fileURLToPath(new URL('./program.ts', import.meta.url));
/** Milliseconds; this machine may be busy. */
const PATIENCE = 2000;
const WAIT = { timeout: 20_000, interval: 50 };

const context = testServer();
const running = new Set<ChildProcess>();
afterEach(async () => {
  for (const child of running) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  running.clear();
});

interface Node {
  readonly child: ChildProcess;
  readonly address: string;
}

async function startNode(url: string): Promise<Node> {
  const child = spawn(
    process.execPath,
    ['--conditions=@taper/source', PROGRAM, url, String(PATIENCE)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  running.add(child);
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [address] = (await once(lines, 'line')) as [string];
  return { child, address };
}

/** Clients that each ask for one thing after the other, and ask another node for the same thing where one fails. */
function startClients(nodes: readonly Node[]) {
  const issued = new Map<string, number | undefined>();
  const doubled: string[] = [];
  let stop = false;
  async function ask(name: string, node: Node): Promise<boolean> {
    try {
      const response = await fetch(`${node.address}/${encodeURIComponent(name)}`, {
        method: 'POST',
        signal: AbortSignal.timeout(3000),
      });
      const body = (await response.json().catch(() => ({}))) as { sequence?: number };
      if (response.status === 200) {
        if (issued.has(name)) doubled.push(name);
        issued.set(name, body.sequence);
        return true;
      }
      if (response.status !== 409) return false;
      // Issued when it was asked for before, and the answer was lost.
      if (!issued.has(name)) issued.set(name, undefined);
      return true;
    } catch {
      return false;
    }
  }
  const clients = Array.from({ length: 6 }, async (_, client) => {
    for (let number = 0; !stop; number += 1) {
      const name = `client ${client}, request ${number}`;
      for (let attempt = client; !(await ask(name, nodes[attempt % nodes.length] as Node)); )
        attempt += 1;
      // The same once more, at another node: it must not be issued again.
      if (number % 7 === 0) await ask(name, nodes[(client + 1) % nodes.length] as Node);
    }
  });
  return {
    issued,
    doubled,
    async stop() {
      stop = true;
      await Promise.all(clients);
    },
  };
}

/** Keeps every checkpoint that can be seen. */
function watchCheckpoints(database: PostgresDatabase) {
  const notes = new Set<string>();
  const timer = setInterval(() => {
    readPostgresCheckpoint(database, 'authority').then(
      (stored) => stored?.note !== undefined && notes.add(stored.note),
      () => undefined,
    );
  }, 20);
  return { notes, stop: () => clearInterval(timer) };
}

/** That the log is whole, that every checkpoint which anybody saw is one of its past, and what it says. */
async function readLog(database: PostgresDatabase, notes: ReadonlySet<string>) {
  const stored = await readPostgresCheckpoint(database, 'authority');
  const note = stored?.note as string;
  const source = createPostgresTileSource(database, 'authority');
  const trust = {
    origin: ORIGIN,
    keys: [noteKey(ORIGIN, LOG_KEY.publicKey, 1)],
    witnesses: [],
    quorum: 0,
  };
  const report = await checkLog({ source, note, trust });
  deepStrictEqual([report.verdict, report.problems], ['intact', []]);
  const head = parseCheckpoint(note.slice(0, note.indexOf('\n\n') + 1));
  ok(head !== undefined);
  const reader = createLogReader({ source, head: () => head });
  const frontier = createFrontier();
  const roots = [Buffer.from(frontier.root()).toString('base64')];
  const said: { sequence: number; name: unknown }[] = [];
  for await (const { entry } of reader.entries(0, head.size)) {
    frontier.append(leafHash(entry));
    roots.push(Buffer.from(frontier.root()).toString('base64'));
    const read = readAuthorityLogEntry(entry);
    ok(read.type !== 'malformed');
    if (read.type === 'other') continue;
    const trust = { log: ORIGIN, authority: [AUTHORITY_KEY.publicKey] };
    const verdict = verifyAuthorityEntry(read.entry, trust);
    ok(verdict.ok);
    said.push({ sequence: verdict.entry.sequence, name: verdict.entry.subject['jti'] });
  }
  for (const each of notes) {
    const [origin, size, root] = each.split('\n');
    strictEqual(origin, ORIGIN);
    strictEqual(root, roots[Number(size)], `a checkpoint of ${size} entries is of another log`);
  }
  return said;
}

async function open(url: string) {
  const database = await openPostgres({ url });
  const store = createPostgresAuthorityStore(database);
  const lease = createPostgresLease(database, {
    name: 'authority log',
    address: '',
    patience: PATIENCE,
  });
  const holderAmong = async (nodes: readonly Node[], but?: Node): Promise<Node> => {
    let found: Node | undefined;
    await expect
      .poll(async () => {
        const holder = await lease.holder().catch(() => undefined);
        found = nodes.find((node) => node !== but && node.address === holder?.address);
        return found;
      }, WAIT)
      .toBeDefined();
    return found as Node;
  };
  const allInLog = () =>
    expect
      .poll(async () => {
        const marked = (await store.lastMarked())?.sequence;
        return marked === (await store.lastSequence());
      }, WAIT)
      .toBe(true);
  return { database, store, holderAmong, allInLog };
}

async function grows(what: () => number, by: number): Promise<void> {
  const before = what();
  await expect.poll(what, WAIT).toBeGreaterThan(before + by);
}

describe('three nodes on one PostgreSQL', () => {
  test('Z06: the one that writes the log is killed under load: nothing acknowledged is lost, nothing is issued twice, the log does not fork, and clients go on', async () => {
    const url = await context.server.createDatabase();
    const nodes = await Promise.all([startNode(url), startNode(url), startNode(url)]);
    const { database, store, holderAmong, allInLog } = await open(url);
    const watch = watchCheckpoints(database);
    const first = await holderAmong(nodes);
    const clients = startClients(nodes);
    await grows(() => clients.issued.size, 60);

    first.child.kill('SIGKILL');
    await holderAmong(nodes, first);
    await grows(() => clients.issued.size, 60);
    await grows(() => watch.notes.size, 2);

    await clients.stop();
    await allInLog();
    await grows(() => watch.notes.size, 2);
    watch.stop();
    const said = await readLog(database, watch.notes);
    deepStrictEqual(
      said.map(({ sequence }) => sequence),
      said.map((_, index) => index + 1),
    );
    const names = said.map(({ name }) => name);
    strictEqual(new Set(names).size, names.length, 'something stands in the log twice');
    deepStrictEqual(clients.doubled, []);
    deepStrictEqual(
      [...clients.issued.keys()].filter((name) => !names.includes(name)),
      [],
    );
    for (const [name, sequence] of clients.issued)
      if (sequence !== undefined) strictEqual(names[sequence - 1], name);
    await store.close();
    await database.close();
  });

  test('Z06: the one that writes the log is frozen and wakes up after another took over: it changes nothing', async () => {
    const url = await context.server.createDatabase();
    const nodes = await Promise.all([startNode(url), startNode(url), startNode(url)]);
    const { database, store, holderAmong, allInLog } = await open(url);
    const watch = watchCheckpoints(database);
    const first = await holderAmong(nodes);
    const others = nodes.filter((node) => node !== first);
    const clients = startClients(others);
    await grows(() => clients.issued.size, 40);

    first.child.kill('SIGSTOP');
    await holderAmong(nodes, first);
    await grows(() => clients.issued.size, 40);
    first.child.kill('SIGCONT');
    const served = await fetch(`${first.address}/woken`, { method: 'POST' });
    ok([200, 503].includes(served.status));
    await grows(() => clients.issued.size, 40);
    await grows(() => watch.notes.size, 3);

    await clients.stop();
    await allInLog();
    await grows(() => watch.notes.size, 2);
    watch.stop();
    const said = await readLog(database, watch.notes);
    deepStrictEqual(
      said.map(({ sequence }) => sequence),
      said.map((_, index) => index + 1),
    );
    const names = new Set(said.map(({ name }) => name));
    deepStrictEqual(
      [...clients.issued.keys()].filter((name) => !names.has(name)),
      [],
    );
    await store.close();
    await database.close();
  });

  test('Z06: the database is killed under load and comes back: nothing acknowledged is lost, and the nodes go on by themselves', async () => {
    const url = await context.server.createDatabase();
    const nodes = await Promise.all([startNode(url), startNode(url), startNode(url)]);
    const { database, store, holderAmong, allInLog } = await open(url);
    const watch = watchCheckpoints(database);
    await holderAmong(nodes);
    const clients = startClients(nodes);
    await grows(() => clients.issued.size, 40);
    await context.server.kill();
    await context.server.start();
    await grows(() => clients.issued.size, 40);
    await clients.stop();
    await allInLog();
    await grows(() => watch.notes.size, 2);
    watch.stop();
    const said = await readLog(database, watch.notes);
    const names = said.map(({ name }) => name);
    strictEqual(new Set(names).size, names.length);
    deepStrictEqual(
      [...clients.issued.keys()].filter((name) => !names.includes(name)),
      [],
    );
    deepStrictEqual(clients.doubled, []);
    await store.close();
    await database.close();
  });
});
