import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HOME_FILES, makeHome } from '@taper/cli/authority';
import { importPublicKey, type TrustAnchor } from '@taper/core';
import type { Answers, NodeOrder, NodeReady } from './authority-messages.ts';

/** A node in a process of its own. */
export interface NodeProcess {
  readonly url: string;
  readonly anchors: readonly TrustAnchor[];
  /** Milliseconds from the start of the process until it took requests. */
  readonly started: number;
  /** The part of it in which modules were loaded. */
  readonly loaded: number;
  ask<Name extends NodeOrder['do']>(
    order: Extract<NodeOrder, { do: Name }>,
  ): Promise<Answers[Name]>;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** Lets it end what it is doing. */
  close(): Promise<void>;
}

/** Makes the folder of an authority that one client may load as it likes. */
export async function makeBenchHome(folder: string, database?: string): Promise<void> {
  await makeHome(folder, { port: 0, ...(database === undefined ? {} : { database }) });
  const path = join(folder, HOME_FILES.config);
  const config: object = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify({ ...config, requests_per_second: 1_000_000 }), {
    mode: 0o600,
  });
}

/** @throws when the node ends before it takes requests. */
export async function startNode(folder: string): Promise<NodeProcess> {
  const begun = performance.timeOrigin + performance.now();
  const child = fork(fileURLToPath(new URL('authority-node.ts', import.meta.url)), [folder], {
    execArgv: [...process.execArgv, '--expose-gc'],
  });
  const waiting = new Map<number, (answer: never) => void>();
  let asked = 0;
  const { url, anchors, ready, loaded } = await new Promise<NodeReady>((resolve, reject) => {
    child.once('message', (message) => resolve(message as NodeReady));
    child.once('exit', (code, signal) => reject(new Error(`a node ended: ${signal ?? code}`)));
  });
  child.on('message', ({ id, answer }: { id: number; answer: never }) => {
    waiting.get(id)?.(answer);
    waiting.delete(id);
  });
  const ended = once(child, 'exit');
  const ask: NodeProcess['ask'] = (order) =>
    new Promise((resolve) => {
      asked += 1;
      waiting.set(asked, resolve);
      child.send({ id: asked, order });
    });
  return {
    url,
    anchors: anchors.map(({ issuer, jwk }) => ({ issuer, key: importPublicKey(jwk) })),
    started: ready - begun,
    loaded,
    ask,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    async close() {
      await ask({ do: 'close' });
      child.disconnect();
      await ended;
    },
  };
}
