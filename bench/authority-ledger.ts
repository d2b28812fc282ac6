import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AdministratorClient } from '@taper/cli/administrator-client';
import { HOME_FILES } from '@taper/cli/authority';
import { importPublicKey, parseNoteKey, verifyCheckpoint } from '@taper/core';
import { auditRevocations, createHttpTileSource, createLogReader } from '@taper/log';
import type { NodeProcess } from './authority-process.ts';

/** The authority has lost something that it had acknowledged, or did something twice. */
export class Breach extends Error {}

/** All that the authority was asked and what it acknowledged, over all its lives. */
export class Ledger {
  /** SPIFFE IDs by key. */
  readonly enrolled: Map<string, string> = new Map();
  /** Hashes of roots. */
  readonly roots: Set<string> = new Set();
  /** Entries of the log by index. */
  readonly revocations: Map<number, string> = new Map();
  /** Proofs with which a root was asked for, each of which is good for one at most. */
  asked = 0;
}

/** What was found, counted. */
export interface Found {
  readonly agents: number;
  readonly roots: number;
  readonly revocations: number;
  readonly entries: number;
}

const TENANT = 'acme';

/** Milliseconds that the log has to take in what the store has handed over. */
const PATIENCE = 20_000;

/**
 * Compares what a node has, in store and log, with what was acknowledged: all of it is there, and nothing twice.
 * @param holder name of the agent that asked for the roots.
 * @throws {Breach}
 */
export async function compare(
  ledger: Ledger,
  node: NodeProcess,
  folder: string,
  client: AdministratorClient,
  holder: string,
): Promise<Found> {
  const stored = await storedRoots(client, holder);
  requireAll('root in the store', ledger.roots, stored);
  if (stored.size > ledger.asked)
    throw new Breach(`${stored.size} roots were issued for ${ledger.asked} proofs`);
  const agents = await storedAgents(client);
  requireAll('agent in the store', new Set(ledger.enrolled.values()), agents);
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const log = await readLog(node, folder);
    const isBehind = log.roots.length < stored.size || log.agents.length < agents.size;
    if (isBehind && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      continue;
    }
    requireOnce('root in the log', log.roots);
    requireOnce('agent in the log', log.agents);
    requireAll('root in the log', stored, new Set(log.roots));
    requireAll('stored root of the log', new Set(log.roots), stored);
    requireAll('agent in the log', agents, new Set(log.agents));
    for (const [index, entry] of ledger.revocations)
      if (log.texts.get(index) !== entry) throw new Breach(`revocation ${index} is not in the log`);
    return {
      agents: agents.size,
      roots: stored.size,
      revocations: log.texts.size,
      entries: log.size,
    };
  }
}

async function storedRoots(client: AdministratorClient, agent: string): Promise<Set<string>> {
  const found: string[] = [];
  let after: string | undefined;
  do {
    const { data } = await client.GET('/admin/tenants/{tenant}/agents/{agent}/issuances', {
      params: {
        path: { tenant: TENANT, agent },
        query: { limit: '1000', ...(after === undefined ? {} : { after }) },
      },
    });
    if (data === undefined) throw new Error('no issuances');
    found.push(...data.issuances.map(({ token_hash }) => token_hash));
    after = data.next;
  } while (after !== undefined);
  requireOnce('root in the store', found);
  return new Set(found);
}

async function storedAgents(client: AdministratorClient): Promise<Set<string>> {
  const found: string[] = [];
  let after: string | undefined;
  do {
    const { data } = await client.GET('/admin/tenants/{tenant}/agents', {
      params: {
        path: { tenant: TENANT },
        query: { limit: '1000', ...(after === undefined ? {} : { after }) },
      },
    });
    if (data === undefined) throw new Error('no agents');
    found.push(...data.agents.map(({ spiffe_id }) => spiffe_id));
    after = data.next;
  } while (after !== undefined);
  requireOnce('agent in the store', found);
  return new Set(found);
}

/** Everything in the log, under a checkpoint of its key, with what authority entries say. */
async function readLog(
  node: NodeProcess,
  folder: string,
): Promise<{ size: number; agents: string[]; roots: string[]; texts: Map<number, string> }> {
  const document = JSON.parse(readFileSync(join(folder, HOME_FILES.anchors), 'utf8'));
  const { log_origin: origin } = JSON.parse(readFileSync(join(folder, HOME_FILES.config), 'utf8'));
  const source = createHttpTileSource({ url: `${node.url}/log` });
  const note = new TextDecoder().decode((await source.read('checkpoint')) as Uint8Array);
  const key = parseNoteKey(document.log.key);
  if (key === undefined) throw new Error('no key of the log');
  const trust = { origin, keys: [key], witnesses: [], quorum: 0 };
  const verdict = verifyCheckpoint(note, trust, { now: Math.floor(Date.now() / 1000) });
  if (!verdict.ok) throw new Breach(`checkpoint: ${verdict.problem}`);
  const { size, root } = verdict.checkpoint;
  const reader = createLogReader({ source, head: () => ({ size, root }) });
  const agents: string[] = [];
  const roots: string[] = [];
  const texts = new Map<number, string>();
  let sequence = 0;
  for await (const { index, entry } of reader.entries()) {
    const text = new TextDecoder().decode(entry);
    const value = JSON.parse(text);
    if (value.type === 'revocation') texts.set(index, text);
    if (value.type !== 'authority') continue;
    sequence += 1;
    if (value.sequence !== sequence)
      throw new Breach(`entry ${index} has the sequence ${value.sequence}, not ${sequence}`);
    if (value.event === 'agent.enrolled') agents.push(value.subject.spiffe_id);
    if (value.event === 'root.issued') roots.push(value.details.token_hash);
  }
  const [anchor] = node.anchors;
  if (anchor === undefined) throw new Error('no anchor');
  const { problems } = await auditRevocations(reader, {
    log: origin,
    authority: document.authority_keys.map((jwk: object) => importPublicKey(jwk)),
    anchors: [anchor],
  });
  if (problems.length > 0) throw new Breach(`the log: ${JSON.stringify(problems.slice(0, 3))}`);
  return { size, agents, roots, texts };
}

function requireAll(what: string, wanted: ReadonlySet<string>, found: ReadonlySet<string>): void {
  const lost = [...wanted].filter((each) => !found.has(each));
  if (lost.length > 0) throw new Breach(`${lost.length} lost: ${what}, such as ${lost[0]}`);
}

function requireOnce(what: string, found: readonly string[]): void {
  if (new Set(found).size !== found.length) throw new Breach(`twice: ${what}`);
}
