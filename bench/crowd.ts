import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { HOME_FILES } from '@taper/cli/authority';
import { createSigner, generateKeyPair, importPublicKey, parseNoteKey } from '@taper/core';
import {
  type AgentRegister,
  captureDirectory,
  createAgentDirectory,
  createAgentRegister,
  createMemoryViewStore,
  openRevocationFollower,
  restoreDirectory,
} from '@taper/log';
import { makeBenchHome, type NodeProcess, startNode } from './authority-process.ts';
import { median } from './measure.ts';

/** What a node costs that has so many agents. */
export interface CrowdFigure {
  readonly store: string;
  readonly agents: number;
  /** Agents enrolled a second, 64 at a time, without sockets; `undefined` for those there were. */
  readonly enrolledPerSecond: number | undefined;
  /** MB right after it was started. */
  readonly resident: number;
  readonly heap: number;
  /** Milliseconds from the start of the process until it took requests, after SIGKILL. */
  readonly started: number;
  /** Milliseconds for the list of all, 1000 at a time. */
  readonly listed: number;
  /** Microseconds to find one by its key. */
  readonly found: number;
  /** Milliseconds until a follower that knows nothing has all agents, by the snapshot or entry by entry. */
  readonly followed: number;
  /** Bytes of the snapshot of all agents. */
  readonly snapshot: number;
}

/** Milliseconds that a follower gets to know all agents, at most. */
const PATIENCE = 120_000;

/** A node with a few agents, then with many: each time it is killed, started anew and asked. */
export async function measureCrowd(
  sizes: readonly number[],
  store: string,
  database: string | undefined,
  restarts: number,
): Promise<readonly CrowdFigure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'taper-bench-crowd-'));
  await makeBenchHome(folder, database);
  const figures: CrowdFigure[] = [];
  const keys: string[] = [];
  let node = await startNode(folder);
  let enrolled = 0;
  try {
    for (const agents of sizes) {
      const begun = performance.now();
      keys.push(...(await node.ask({ do: 'fill', from: enrolled, to: agents })));
      const enrolledPerSecond = (agents - enrolled) / ((performance.now() - begun) / 1000);
      enrolled = agents;
      await untilFollowed(node, folder, agents);
      const starts: NodeProcess['started'][] = [];
      for (let start = 0; start < restarts; start += 1) {
        await node.kill();
        node = await startNode(folder);
        starts.push(node.started);
      }
      const { resident, heap } = await node.ask({ do: 'memory' });
      const listed: number[] = [];
      const found: number[] = [];
      for (let round = 0; round < 5; round += 1) {
        const list = await node.ask({ do: 'list' });
        if (list.count !== agents) throw new Error(`${list.count} agents of ${agents}`);
        listed.push(list.milliseconds);
        found.push(await node.ask({ do: 'find', keys: keys.slice(-1000) }));
      }
      const { milliseconds, bytes } = await untilFollowed(node, folder, agents);
      figures.push({
        store,
        agents,
        enrolledPerSecond,
        resident,
        heap,
        started: median(starts),
        listed: median(listed),
        found: median(found),
        followed: milliseconds,
        snapshot: bytes,
      });
    }
  } finally {
    await node.kill();
    rmSync(folder, { recursive: true });
  }
  return figures;
}

/** A follower that begins with nothing, until it knows all agents. @throws where it does not come to know them. */
async function untilFollowed(
  node: NodeProcess,
  folder: string,
  agents: number,
): Promise<{ milliseconds: number; bytes: number }> {
  const document = JSON.parse(readFileSync(join(folder, HOME_FILES.anchors), 'utf8'));
  const { log_origin: origin } = JSON.parse(readFileSync(join(folder, HOME_FILES.config), 'utf8'));
  const key = parseNoteKey(document.log.key);
  if (key === undefined) throw new Error('no key of the log');
  let last = 'nothing was followed';
  for (const deadline = performance.now() + PATIENCE; performance.now() < deadline; ) {
    const begun = performance.now();
    const follower = await openRevocationFollower({
      source: `${node.url}/log`,
      trust: { origin, keys: [key], witnesses: [], quorum: 0 },
      authority: document.authority_keys.map((jwk: object) => importPublicKey(jwk)),
      store: createMemoryViewStore(),
      agents: true,
      push: false,
      report: () => undefined,
    });
    const isReady = await Promise.race([
      follower.ready.then(() => true),
      pause(PATIENCE, false, { ref: false }),
    ]);
    const milliseconds = performance.now() - begun;
    const { size } = follower.status();
    await follower.close();
    if (!isReady) throw new Error(`a follower has read ${size} entries and is not ready`);
    // One is shared for a minute, unless more is asked for than it covers.
    const note = await (await fetch(`${node.url}/log/checkpoint`)).text();
    const snapshot = await fetch(`${node.url}/log/agents?size=${note.split('\n')[1]}`);
    const text = await snapshot.text();
    const known = text.split('\n').filter((line) => line.startsWith('["agent"')).length;
    if (known >= agents) return { milliseconds, bytes: text.length };
    last = `${known} of ${agents} agents in the snapshot (${snapshot.status}) at ${size} entries`;
    // What was enrolled a moment ago comes into the log in its own time.
    await pause(250);
  }
  throw new Error(`the directory is not whole: ${last}`);
}

/** The directory of agents as a follower has it, alone. */
export interface DirectoryFigure {
  readonly agents: number;
  /** MB of heap that it takes. */
  readonly heap: number;
  /** Milliseconds. */
  readonly capture: number;
  readonly restore: number;
  /** Nanoseconds to find the agent of a key, and to find that there is none. */
  readonly find: number;
  readonly miss: number;
}

const LOG = 'log.example.com/authority';

/** @param gc collects all garbage. */
export async function measureDirectory(agents: number, gc: () => void): Promise<DirectoryFigure> {
  const signer = createSigner(generateKeyPair().privateJwk);
  const trust = { log: LOG, authority: [signer.publicKey] };
  const keys: string[] = [];
  const whole = createAgentRegister();
  for (let index = 0; index < agents; index += 1) {
    const id = `spiffe://example.com/tenant-${index % 100}/agent/agent-${index}`;
    const key = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url');
    if (index % 97 === 0) keys.push(key);
    whole.restore(['agent', id, `tenant-${index % 100}`, 'active', 2 * index + 1]);
    whole.restore(['key', key, id, 2 * index + 2]);
  }
  const captures: number[] = [];
  const restores: number[] = [];
  let restored: AgentRegister = whole;
  let heap = 0;
  for (let round = 0; round < 5; round += 1) {
    const begun = performance.now();
    const { statement, facts } = await captureDirectory(whole, { log: LOG, size: 1, signer });
    captures.push(performance.now() - begun);
    const lines = [statement, ...facts];
    const next = createAgentRegister();
    gc();
    const before = process.memoryUsage().heapUsed;
    const started = performance.now();
    if (!(await restoreDirectory(next, received(lines), trust, 1)))
      throw new Error('a directory of our own is not believed');
    restores.push(performance.now() - started);
    gc();
    heap = (process.memoryUsage().heapUsed - before) / 1e6;
    restored = next;
  }
  const directory = createAgentDirectory(restored, () => 1);
  const strangers = keys.map((key) => `${key.slice(1)}A`);
  const nanoseconds = (asked: readonly string[], verdict: string): number => {
    const times = Array.from({ length: 21 }, () => {
      const fresh = asked.map((key) => Buffer.from(key).toString('latin1'));
      const begun = process.hrtime.bigint();
      for (const key of fresh)
        if (directory.find(key, 'tenant-1', 1).verdict !== verdict) throw new Error('not found');
      return Number(process.hrtime.bigint() - begun) / fresh.length;
    });
    return median(times);
  };
  return {
    agents,
    heap,
    capture: median(captures),
    restore: median(restores),
    find: nanoseconds(keys, 'known'),
    miss: nanoseconds(strangers, 'unknown'),
  };
}

/** Lines as they come from a socket: strings of their own. */
async function* received(lines: readonly string[]): AsyncGenerator<string> {
  for (const line of lines) yield Buffer.from(line).toString();
}
