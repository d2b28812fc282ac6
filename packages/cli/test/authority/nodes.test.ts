import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAdministratorClient } from '@taper/cli/administrator-client';
import { HOME_FILES, makeHome } from '@taper/cli/authority';
import {
  createSigner,
  createVerifier,
  generateKeyPair,
  importPublicKey,
  type JsonObject,
  parseNoteKey,
  type Signer,
  verifyCheckpoint,
  verifyDirectoryStatement,
} from '@taper/core';
import { auditRevocations, createHttpTileSource, createLogReader } from '@taper/log';
import { startPostgres } from '@taper/testkit/postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** Three nodes of one authority, each a process with a folder of its own, on one PostgreSQL. */
let root: string;
let postgres: Awaited<ReturnType<typeof startPostgres>>;
const nodes: { process: ChildProcess; url: string; folder: string }[] = [];

async function startNode(folder: string): Promise<void> {
  const script = join(import.meta.dirname, '../taper-process.ts');
  const child = spawn(process.execPath, ['--conditions=@taper/source', script, 'up', '--json'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  for await (const chunk of child.stderr) {
    said += String(chunk);
    const line = said.split('\n').find((each) => each.startsWith('{"listening"'));
    if (line === undefined) continue;
    nodes.push({ process: child, url: JSON.parse(line).listening, folder });
    child.stderr.resume();
    return;
  }
  throw new Error(said);
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'taper-nodes-'));
  postgres = await startPostgres();
  const first = join(root, 'a');
  mkdirSync(first);
  const config = await makeHome(first, { port: 0, database: await postgres.createDatabase() });
  for (const name of ['b', 'c']) {
    const folder = join(root, name);
    cpSync(first, folder, { recursive: true });
    const own = await makeHome(join(root, `${name}-ports`), { port: 0 });
    const text = JSON.parse(readFileSync(join(folder, HOME_FILES.config), 'utf8'));
    text.listen = own.listen;
    text.management_listen = own.managementListen;
    writeFileSync(join(folder, HOME_FILES.config), JSON.stringify(text));
  }
  expect(config.witnessListen).toBeUndefined();
  for (const name of ['a', 'b', 'c']) await startNode(join(root, name));
}, 60_000);

afterAll(async () => {
  for (const { process: child } of nodes) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  await postgres.stop();
  rmSync(root, { recursive: true, force: true });
}, 60_000);

const clock = (): number => Math.floor(Date.now() / 1000);

function read(name: string): string {
  return readFileSync(join(root, 'a', name), 'utf8');
}

/** The first administrator, calling through one node: proofs name the authority, whichever node takes them. */
function clientOf(url: string): ReturnType<typeof createAdministratorClient> {
  const issuer = JSON.parse(read(HOME_FILES.config)).issuer as string;
  const document = JSON.parse(read(HOME_FILES.anchors));
  const anchors = [{ issuer, key: importPublicKey(document.anchors[0].jwk) }];
  const verdict = createVerifier({ anchors, profile: {} }).verifyChain(
    JSON.parse(read(HOME_FILES.administratorChain)).aat_chain,
    clock(),
  );
  if (verdict.verdict !== 'verified') throw new Error('the administrator has no chain');
  const signer = createSigner(JSON.parse(read(HOME_FILES.administratorKey)));
  const through: typeof fetch = (input, init) => {
    const request = new Request(input, init);
    const { pathname, search } = new URL(request.url);
    return fetch(new Request(url + pathname + search, request));
  };
  return createAdministratorClient(issuer, { chain: verdict.chain, signer }, clock, through);
}

/** Asks a node for something as the holder of a key; the proof names the authority. */
async function askAs(
  signer: Signer,
  url: string,
  path: string,
  body: URLSearchParams | object,
): Promise<JsonObject> {
  const issuer = JSON.parse(read(HOME_FILES.config)).issuer as string;
  const encode = (value: object): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url');
  let nonce = '';
  for (let attempt = 0; ; attempt += 1) {
    const { jwk, alg } = signer.publicKey;
    const claims = {
      htm: 'POST',
      htu: issuer + path,
      iat: clock(),
      jti: crypto.randomUUID(),
      nonce,
    };
    const input = `${encode({ typ: 'dpop+jwt', alg, jwk })}.${encode(claims)}`;
    const signature = await signer.sign(new TextEncoder().encode(input));
    const response = await fetch(url + path, {
      method: 'POST',
      headers: {
        DPoP: `${input}.${Buffer.from(signature).toString('base64url')}`,
        ...(body instanceof URLSearchParams ? {} : { 'content-type': 'application/json' }),
      },
      body: body instanceof URLSearchParams ? body : JSON.stringify(body),
    });
    if (response.ok || attempt > 0) return (await response.json()) as JsonObject;
    nonce = response.headers.get('dpop-nonce') ?? '';
  }
}

it('says at every node how far the log had come when a root was issued (N02, M06)', async () => {
  const { log_origin: log } = JSON.parse(read(HOME_FILES.config));
  const [first] = nodes;
  const client = clientOf(first?.url as string);
  const { data } = await client.POST('/admin/tenants/{tenant}/enrolments', {
    params: { path: { tenant: 'acme' } },
    body: { agent: 'epochs' },
  });
  const signer = createSigner(generateKeyPair().privateJwk);
  const enrolled = await askAs(signer, first?.url as string, '/agents', { enrolment: data?.token });
  const any = { '*': { constraint_type: 'wildcard' } };
  const grant = {
    ...{
      name: 'epochs',
      tenant: 'acme',
      agents: ['epochs'],
      tools: { read: any },
      audience: 'any',
    },
    ...{ max_depth: 0, max_depth_reason: 'none', lifetime: 60, ends: '2099-01-01T00:00:00Z' },
    caveats: { revocation: { log, max_staleness: 60 } },
  };
  await client.PUT('/admin/grants', {
    params: { query: { expected: '0' } },
    body: { type: 'taper-grants', version: 1, grants: [grant] } as never,
  });
  for (const { url } of nodes) {
    let epoch = 0;
    // A node that follows comes to know of the first epoch within seconds.
    for (const deadline = Date.now() + 10_000; epoch === 0 && Date.now() < deadline; ) {
      const form = new URLSearchParams({
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe',
        client_assertion: String(enrolled['identity']),
        req_cnf: JSON.stringify({ jwk: signer.publicKey.jwk }),
        authorization_details: JSON.stringify([
          { type: 'attenuating_agent_token', tools: { read: any } },
        ]),
      });
      const { access_token: token } = await askAs(signer, url, '/oauth/token', form);
      const [, payload = ''] = String(token).split('.');
      epoch = JSON.parse(Buffer.from(payload, 'base64url').toString()).taper.revocation.epoch;
      if (epoch === 0) await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(epoch).toBeGreaterThan(0);
  }
}, 60_000);

it('serves the directory of agents at every node, signed by the authority', async () => {
  const { authority_keys: keys, log } = JSON.parse(read(HOME_FILES.anchors));
  const trust = { log: log.origin as string, authority: (keys as unknown[]).map(importPublicKey) };
  for (const { url } of nodes) {
    const [statement = '', ...facts] = (await (await fetch(`${url}/log/agents`)).text())
      .trimEnd()
      .split('\n');
    expect(verifyDirectoryStatement(statement, trust)?.members).toBe(facts.length);
    expect(facts.some((line) => line.includes('/acme/agent/epochs'))).toBe(true);
  }
});

it('takes every request at every node, and goes on when the one that writes the log is killed', async () => {
  const acknowledged: string[] = [];
  let stopped = false;
  const work = async (worker: number): Promise<void> => {
    for (let index = 0; !stopped; index++) {
      const alive = nodes.filter(({ process: child }) => child.signalCode === null);
      const { url } = alive[(worker + index) % alive.length] as (typeof nodes)[number];
      const agent = `w${worker}-${index}`;
      try {
        const { data } = await clientOf(url).POST('/admin/tenants/{tenant}/enrolments', {
          params: { path: { tenant: 'acme' } },
          body: { agent },
        });
        if (data !== undefined) acknowledged.push(data.hash);
      } catch {
        // The node was killed while it answered: nothing is known of this one.
      }
    }
  };
  const working = [work(0), work(1), work(2)];
  const pause = (milliseconds: number) =>
    new Promise((resolve) => setTimeout(resolve, milliseconds));
  await pause(1500);
  const before = acknowledged.length;
  expect(before).toBeGreaterThan(0);
  // The first to start writes the log.
  nodes[0]?.process.kill('SIGKILL');
  await pause(6000);
  const [second] = nodes.slice(1);
  const revoked = await clientOf(second?.url as string).POST(
    '/admin/tenants/{tenant}/revocations',
    {
      params: { path: { tenant: 'other' } },
      body: {},
    },
  );
  expect(revoked.response.status).toBe(201);
  stopped = true;
  await Promise.all(working);
  expect(acknowledged.length).toBeGreaterThan(before);

  // Every acknowledged change stands in the log, once; and the log is one history.
  await pause(2500);
  const config = JSON.parse(read(HOME_FILES.config));
  const { log } = JSON.parse(read(HOME_FILES.anchors));
  const source = createHttpTileSource({ url: `${second?.url}/log` });
  const note = new TextDecoder().decode((await source.read('checkpoint')) as Uint8Array);
  const key = parseNoteKey(log.key);
  if (key === undefined) throw new Error('no key');
  const trust = { origin: config.log_origin, keys: [key], witnesses: [], quorum: 0 };
  const verdict = verifyCheckpoint(note, trust, { now: clock() });
  if (!verdict.ok) throw new Error(verdict.problem);
  const { size, root: hash } = verdict.checkpoint;
  const reader = createLogReader({ source, head: () => ({ size, root: hash }) });
  const found: string[] = [];
  const sequences: number[] = [];
  for await (const { entry } of reader.entries(0)) {
    const value = JSON.parse(new TextDecoder().decode(entry));
    if (value.type !== 'authority') continue;
    sequences.push(value.sequence);
    if (value.event === 'enrolment.created') found.push(value.subject.enrolment);
  }
  expect(sequences).toEqual(sequences.map((_, index) => index + 1));
  expect(acknowledged.filter((each) => !found.includes(each))).toEqual([]);
  expect(new Set(found).size).toBe(found.length);
  const document = JSON.parse(read(HOME_FILES.anchors));
  const report = await auditRevocations(reader, {
    log: config.log_origin,
    authority: document.authority_keys.map((jwk: object) => importPublicKey(jwk)),
    anchors: [{ issuer: config.issuer, key: importPublicKey(document.anchors[0].jwk) }],
  });
  expect(report.problems).toEqual([]);
}, 90_000);
