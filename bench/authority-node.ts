// A node of the authority in a process of its own, as `taper up` starts it: its argument is the folder. Does what it is ordered beside.

import { flushCompileCache } from 'node:module';
import { readHome, startAuthority, writeStandingFiles } from '@taper/cli/authority';
import { generateKeyPair, importPublicKey, type PublicJwk } from '@taper/core';
import type { Answers, NodeOrder, NodeReady } from './authority-messages.ts';

const TENANT = 'acme';
const BENCH = { kind: 'operator', id: 'bench' } as const;

/** Enrolments under way at the same time. */
const WIDTH = 64;

/** Milliseconds that the modules took. */
const loaded = performance.now();

const [folder = ''] = process.argv.slice(2);
const config = await readHome(folder);
if (config === undefined) throw new Error(`${folder} holds no authority`);
const running = await startAuthority({ folder, config });
// What is timed ends where clients are answered.
const ready = performance.timeOrigin + performance.now();
await writeStandingFiles(folder, running, Math.floor(Date.now() / 1000));
const { authority } = running;

async function enrol(names: readonly string[]): Promise<Answers['enrol']> {
  const made: Answers['enrol'][number][] = [];
  for (const name of names) {
    const { privateJwk, publicKey } = generateKeyPair();
    const { agent, document } = await authority.agents.enrol({
      possession: { key: publicKey },
      admission: { kind: 'operator', tenant: TENANT, name, by: BENCH },
    });
    made.push({ privateJwk, identity: document, spiffeId: agent.spiffeId });
  }
  return made;
}

/** Many agents, whose keys nobody will ever use. @returns thumbprints of some. */
async function fill(from: number, to: number): Promise<readonly string[]> {
  let next = from;
  const some: string[] = [];
  const line = async (): Promise<void> => {
    while (next < to) {
      const name = `agent-${next++}`;
      const { publicKey } = generateKeyPair();
      if (next % 97 === 0) some.push(publicKey.thumbprint);
      await authority.agents.enrol({
        possession: { key: importPublicKey(publicKey.jwk as PublicJwk) },
        admission: { kind: 'operator', tenant: TENANT, name, by: BENCH },
      });
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, line));
  return some;
}

async function list(): Promise<number> {
  let count = 0;
  let after: string | undefined;
  for (;;) {
    const page = await authority.agents.list({
      tenant: TENANT,
      limit: 1000,
      ...(after === undefined ? {} : { after }),
    });
    count += page.length;
    if (page.length < 1000) return count;
    after = page.at(-1)?.id;
  }
}

/** The memory of the process after garbage collection, MB. */
function memory(): Answers['memory'] {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { resident: rss / 1e6, heap: heapUsed / 1e6 };
}

async function obey(order: NodeOrder): Promise<unknown> {
  switch (order.do) {
    case 'enrol':
      return enrol(order.names);
    case 'fill':
      return fill(order.from, order.to);
    case 'apply': {
      const applied = await authority.grants.current();
      return authority.grants.apply(order.grants, applied?.version ?? 0, BENCH).then(() => null);
    }
    case 'list': {
      const begun = performance.now();
      const count = await list();
      return { count, milliseconds: performance.now() - begun };
    }
    case 'find': {
      const begun = performance.now();
      for (const key of order.keys) await authority.agents.agentOfKey(key);
      return ((performance.now() - begun) * 1000) / order.keys.length;
    }
    case 'memory':
      return memory();
    case 'processor': {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    }
    case 'close':
      await running.close();
      return null;
  }
}

process.on('message', ({ id, order }: { id: number; order: NodeOrder }) => {
  obey(order).then(
    (answer) => process.send?.({ id, answer }),
    (cause: unknown) => {
      console.error(cause);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());
const { url, anchors } = running;
process.send?.({
  url,
  anchors: anchors.map(({ issuer, key }) => ({ issuer, jwk: key.jwk })),
  ready,
  loaded,
} satisfies NodeReady);
// It is written at the end of a process, and this one will be killed.
flushCompileCache();
