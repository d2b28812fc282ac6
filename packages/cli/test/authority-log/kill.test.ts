import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEntryPump } from '@taper/authority';
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import { readAuthorityLogEntry, verifyAuthorityEntry } from '@taper/core';
import { afterEach, expect, test } from 'vitest';
import { AUTHORITY, ORIGIN, openStoredLog } from './stored-log.ts';

/** Times that the node that has the log is killed. */
const ROUNDS = 6;

const children = new Set<ChildProcess>();

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
});

interface Node {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  hasLog: boolean;
  said: string;
}

function startNode(folder: string, name: string): Node {
  const program = join(import.meta.dirname, 'node.ts');
  const child = spawn(
    process.execPath,
    ['--conditions=@taper/source', '--disable-warning=ExperimentalWarning', program, folder, name],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  children.add(child);
  const node: Node = {
    child,
    said: '',
    hasLog: false,
    ended: new Promise((resolve) => {
      child.on('close', () => {
        children.delete(child);
        resolve();
      });
    }),
  };
  child.stdout?.on('data', (chunk) => {
    node.said += chunk;
    node.hasLog ||= /^log$/m.test(node.said);
  });
  return node;
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** What a node was answered, before it was killed. A last line that was cut off was not read by anybody. */
function answered({ said }: Node): [number, string][] {
  return said
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => {
      const [word, sequence, agent = ''] = line.split(' ');
      return word === 'done' ? [[Number(sequence), agent] as [number, string]] : [];
    });
}

test('Z06: nodes that take turns and are killed at any point bring each entry into the log once, in order, and lose nothing that was answered', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'taper-authority-'));
  const nodes = [startNode(folder, 'node0')];
  for (let round = 0; round < ROUNDS; round += 1) {
    nodes.push(startNode(folder, `node${round + 1}`));
    const holder = () => nodes.find((node) => node.hasLog && children.has(node.child));
    await until(() => holder() !== undefined);
    const node = holder() as Node;
    const enough = answered(node).length + 20 + 37 * round;
    await until(() => answered(node).length >= enough);
    node.child.kill('SIGKILL');
    await node.ended;
  }
  for (const { child } of nodes) child.kill('SIGKILL');
  await Promise.all(nodes.map(({ ended }) => ended));

  const store = openSqliteAuthorityStore({ path: join(folder, 'authority.sqlite') });
  const { authority, close } = await openStoredLog(folder);
  const pump = createEntryPump({ store, log: authority, signer: AUTHORITY.signer });
  await pump.flush();
  const logged: [number, string][] = [];
  for await (const { text } of authority.scan(0)) {
    const read = readAuthorityLogEntry(text);
    if (read.type === 'other') continue;
    if (read.type === 'malformed') throw new Error(read.problem);
    const trust = { log: ORIGIN, authority: [AUTHORITY.publicKey] };
    expect(verifyAuthorityEntry(read.entry, trust)).toMatchObject({ ok: true });
    logged.push([read.entry.sequence, String(read.entry.subject['agent'])]);
  }
  expect(logged.map(([sequence]) => sequence)).toEqual(logged.map((_, place) => place + 1));
  const bySequence = new Map(logged);
  const done = nodes.flatMap(answered);
  expect(done.length).toBeGreaterThan(20 * ROUNDS);
  for (const [sequence, agent] of done) expect(bySequence.get(sequence)).toBe(agent);
  const stored = new Set<string>();
  for (let after = ''; ; ) {
    const page = await store.read((tx) => tx.listAgents({ limit: 1000, after }));
    if (page.length === 0) break;
    for (const { id } of page) stored.add(id);
    after = page.at(-1)?.id as string;
  }
  expect(new Set(logged.map(([, agent]) => agent))).toEqual(stored);
  expect(stored.size).toBe(logged.length);
  expect(await store.pendingEntries(10)).toEqual([]);
  await pump.close();
  await close();
  await store.close();
  rmSync(folder, { recursive: true });
});
