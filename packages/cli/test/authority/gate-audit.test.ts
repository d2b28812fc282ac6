import { appendFileSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { makeHome } from '@taper/cli/authority';
import {
  constraint,
  createSigner,
  derive,
  generateKeyPair,
  type JsonObject,
  type Signer,
  type VerifiedChain,
} from '@taper/core';
import { verifyAuditLog } from '@taper/enforce';
import { createTaperFetch } from '@taper/http';
import { createHttpTileSource, createLogReader } from '@taper/log';
import { createPostgresAuditSink, openPostgres } from '@taper/store-postgres';
import { startPostgres } from '@taper/testkit/postgres';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Workspace } from '../workspace.ts';
import { World } from './world.ts';

// biome-ignore lint/suspicious/noExplicitAny: events have many shapes
type Event = any;

const LIST = '/admin/administrators';
const LIST_TOOL = 'taper:admin/administrator.list';

function events(world: World, name = 'audit.log'): Event[] {
  return world
    .read(name)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** What the command says of the audit log of an authority. */
async function verify(world: World, name = 'audit.log', more: readonly string[] = []) {
  const workspace = new Workspace('empty');
  const key = ['--key', join(world.folder, 'audit.public.json')];
  const { exitCode, result } = await workspace.json(
    ['audit', 'verify', join(world.folder, name), ...key, ...more],
    { clock: world.clock },
  );
  return { exitCode, ...result };
}

/** Entries of an event that the log has, once there are so many; what was acknowledged comes there soon after. */
async function entriesOf(world: World, event: string, count: number): Promise<Event[]> {
  const source = createHttpTileSource({ url: `${world.url}/log` });
  for (const deadline = Date.now() + 10_000; ; ) {
    const note = new TextDecoder().decode(await source.read('checkpoint'));
    const [, size = '0', root = ''] = note.split('\n');
    const head = { size: Number(size), root: new Uint8Array(Buffer.from(root, 'base64')) };
    const found: Event[] = [];
    for await (const { entry } of createLogReader({ source, head: () => head }).entries(0)) {
      const value = JSON.parse(new TextDecoder().decode(entry));
      if (value.event === event) found.push(value);
    }
    if (found.length >= count || Date.now() > deadline) return found;
  }
}

/** Somebody to whom the first administrator hands on what makes enrolments in one tenant. */
async function delegate(world: World): Promise<{ signer: Signer; chain: VerifiedChain }> {
  const { first } = world;
  const { privateJwk, publicKey } = generateKeyPair();
  const [tool = ''] = [...first.chain.leaf.claims.capabilities.keys()].filter((each) =>
    each.startsWith('taper:admin/enrolment.'),
  );
  expect(tool).not.toBe('');
  const chain = await derive(first.chain, {
    signer: first.signer,
    holder: publicKey,
    tools: { [tool]: { tenant: constraint.exact('acme'), '*': constraint.wildcard() } } as never,
    now: world.clock(),
    id: 'a-pipeline',
  });
  return { signer: createSigner(privateJwk), chain };
}

/** Headers of a call without arguments, as its holder makes them. */
async function headersFor(
  world: World,
  tool: string,
  credential = world.first,
): Promise<Record<string, string>> {
  const taper = createTaperFetch({
    ...credential,
    origin: world.url,
    audience: `${world.url}/admin`,
    clock: { now: world.clock },
  });
  return { ...(await taper.headersFor(tool, {})) };
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { code: string }).code;
}

describe('the audit log of the gate', () => {
  it('has every decision: a call that only reads, one that was refused, one of a delegate; with the whole chain', async () => {
    const world = await new World().start();
    const root = world.first.chain.leaf.claims.holder.thumbprint;
    const headers = await headersFor(world, LIST_TOOL);
    expect((await fetch(world.url + LIST, { headers })).status).toBe(200);
    expect(await codeOf(await fetch(world.url + LIST, { headers }))).toBe('proof_replayed');
    const other = await headersFor(world, 'taper:admin/administrator.renew');
    const mismatch = await fetch(world.url + LIST, { headers: other });
    expect(await codeOf(mismatch)).toBe('proof_tool_mismatch');
    const pipeline = await delegate(world);
    const { response } = await world.client(pipeline).POST('/admin/tenants/{tenant}/enrolments', {
      params: { path: { tenant: 'acme' } },
      body: { agent: 'desk' },
    });
    expect(response.status).toBe(201);

    const found = events(world);
    const ofTool = (tool: string) => found.filter((each) => each.tool === tool);
    const [read, outcome] = ofTool(LIST_TOOL);
    expect(read).toMatchObject({
      event_type: 'decision',
      decision: 'permit',
      agent_id: root,
      delegation_chain: [world.url, root],
      resource: LIST,
      enforcement_point: `${world.url}/admin`,
    });
    expect(outcome).toMatchObject({
      event_type: 'outcome',
      decision: 'executed',
      decision_event_id: read.event_id,
    });
    const denied = (code: string) => found.find((each) => each.denial_code === code);
    expect(denied('proof_replayed')).toMatchObject({
      decision: 'deny',
      tool: LIST_TOOL,
      agent_id: root,
      delegation_chain: [world.url, root],
    });
    // Nobody has proved to make this call: a chain was shown, and nobody is named.
    expect(denied('proof_tool_mismatch')).toMatchObject({
      decision: 'deny',
      tool: LIST_TOOL,
      presented_chain: { delegation_chain: [world.url, root] },
    });
    expect(denied('proof_tool_mismatch').agent_id).toBeUndefined();
    const permitted = found.find((each) => each.delegation_chain?.length === 3);
    const own = pipeline.chain.leaf.claims.holder.thumbprint;
    expect(permitted).toMatchObject({
      decision: 'permit',
      agent_id: own,
      delegation_chain: [world.url, root, own],
      resource: '/admin/tenants/acme/enrolments',
    });
    expect(await verify(world)).toMatchObject({ exitCode: 0, verdict: 'intact' });
  });

  it('says what became of a call: done, or refused by the authority after the gate had let it through', async () => {
    const world = await new World().start();
    const { publicKey } = generateKeyPair();
    const body = { name: 'first', key: { ...publicKey.jwk } };
    const { error } = await world.client().POST('/admin/administrators', { body });
    expect(error?.code).toBe('administrator_exists');
    await world.client().POST('/admin/administrators', { body: { ...body, name: 'second' } });
    const put = { params: { query: { expected: '7' } }, body: { type: 'taper-grants' } as never };
    expect((await world.client().PUT('/admin/grants', put)).error?.code).toBe('grant_malformed');
    const outcomes = events(world).filter(({ event_type: type }) => type === 'outcome');
    expect(outcomes.map(({ tool, decision }) => [tool, decision])).toEqual([
      ['taper:admin/administrator.add', 'not_executed'],
      ['taper:admin/administrator.add', 'executed'],
      ['taper:admin/grant.apply', 'not_executed'],
    ]);
    expect((await verify(world)).verdict).toBe('intact');
  });

  it('holds no token and no proof, and its owner alone can read it', async () => {
    const world = await new World().start();
    const { data } = await world.client().POST('/admin/tenants/{tenant}/enrolments', {
      params: { path: { tenant: 'acme' } },
      body: { agent: 'desk' },
    });
    const text = world.read('audit.log');
    expect(text).not.toContain('eyJ');
    expect(text).not.toContain(data?.token as string);
    for (const name of ['audit.log', 'audit.log.salts', 'keys/audit.json'])
      expect(statSync(join(world.folder, name)).mode & 0o077).toBe(0);
  });

  it('goes on over a restart, and what was changed in it is found', async () => {
    const world = await new World().start();
    await world.client().GET('/admin/administrators');
    await world.stop();
    await world.start();
    await world.client().GET('/admin/administrators');
    const found = events(world);
    expect(new Set(found.map(({ emitter }) => emitter)).size).toBe(1);
    expect(found.map(({ sequence }) => sequence)).toEqual(found.map((_, index) => index + 1));
    expect((await verify(world)).verdict).toBe('intact');
    await world.stop();
    const path = join(world.folder, 'audit.log');
    const changed = new Workspace('empty').write(
      'changed.log',
      readFileSync(path, 'utf8').replace(LIST_TOOL, 'taper:admin/agent.list'),
    );
    expect((await verify(world, relative(world.folder, changed))).exitCode).toBe(1);
  });

  it('begins anew under another name when the file was put aside, and both verify', async () => {
    const world = await new World().start();
    await world.client().GET('/admin/administrators');
    await world.stop();
    for (const suffix of ['', '.salts'])
      renameSync(
        join(world.folder, `audit.log${suffix}`),
        join(world.folder, `audit-1.log${suffix}`),
      );
    await world.start();
    await world.client().GET('/admin/administrators');
    const [before, after] = [events(world, 'audit-1.log'), events(world)];
    expect(after[0].sequence).toBe(1);
    expect(after[0].emitter).not.toBe(before[0].emitter);
    for (const name of ['audit-1.log', 'audit.log'])
      expect((await verify(world, name)).verdict).toBe('intact');
  });

  it('denies, and does nothing, where the event cannot be written', async () => {
    const world = await new World().start();
    await world.client().GET('/admin/administrators');
    appendFileSync(join(world.folder, 'audit.log'), 'x');
    const { publicKey } = generateKeyPair();
    const body = { name: 'eve', key: { ...publicKey.jwk } };
    const added = await world.client().POST('/admin/administrators', { body });
    expect([added.response.status, added.error?.code]).toEqual([503, 'audit_unavailable']);
    const read = await world.client().GET('/admin/administrators');
    expect([read.response.status, read.error?.code]).toEqual([503, 'audit_unavailable']);
    const names = (await world.node.authority.administrators.list()).map(({ name }) => name);
    expect(names).toEqual(['first']);
    const ready = await fetch(`${world.node.managementUrl}/ready`);
    expect(((await ready.json()) as JsonObject)['problems']).toContain('audit');
  });

  it('does not start after a file in which somebody else has written', async () => {
    const world = await new World().start();
    await world.client().GET('/admin/administrators');
    await world.stop();
    appendFileSync(join(world.folder, 'audit.log'), 'x\n');
    await expect(world.start()).rejects.toMatchObject({ code: 'store_unusable' });
  });

  it('is not filled by denials: so many are written, all permits are, and the others are counted', async () => {
    const world = await new World().start((config) => ({ ...config, requestsPerSecond: 1000 }));
    const headers = await headersFor(world, LIST_TOOL);
    await fetch(world.url + LIST, { headers });
    for (let index = 0; index < 150; index += 1)
      expect(await codeOf(await fetch(world.url + LIST, { headers }))).toBe('proof_replayed');
    const { response } = await world.client().GET('/admin/administrators');
    expect(response.status).toBe(200);
    const found = events(world);
    const denied = found.filter(({ decision }) => decision === 'deny');
    expect(denied.length).toBeGreaterThanOrEqual(100);
    expect(denied.length).toBeLessThan(150);
    expect(found.filter(({ decision }) => decision === 'permit')).toHaveLength(2);
    const metrics = await (await fetch(`${world.node.managementUrl}/metrics`)).text();
    const counted = /^taper_authority_unrecorded_denials_total (\d+)$/m.exec(metrics)?.[1];
    expect(Number(counted)).toBe(150 - denied.length);
    expect((await verify(world)).verdict).toBe('intact');
  });

  it('is not filled by one who hands on to ever new keys', async () => {
    const world = await new World().start((config) => ({ ...config, requestsPerSecond: 1000 }));
    const { first } = world;
    for (let index = 0; index < 130; index += 1) {
      const { privateJwk, publicKey } = generateKeyPair();
      const chain = await derive(first.chain, {
        signer: first.signer,
        holder: publicKey,
        tools: { [LIST_TOOL]: {} },
        now: world.clock(),
        id: `slice-${index}`,
      });
      const own = { signer: createSigner(privateJwk), chain };
      const headers = await headersFor(world, LIST_TOOL, own);
      // For another call than the proof is for.
      const response = await fetch(`${world.url}/admin/tenants/acme/agents`, { headers });
      expect(response.status).toBeGreaterThanOrEqual(400);
      await response.body?.cancel();
    }
    expect(events(world).length).toBeLessThan(130);
  }, 30_000);

  it('of several nodes lies in their database, in a sequence for each', async () => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.stop());
    const url = await postgres.createDatabase();
    const world = new World();
    await makeHome(world.folder, { port: 0, database: url });
    await world.start();
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; )
      if ((await world.client().GET('/admin/administrators')).response.ok) break;
    const database = await openPostgres({ url });
    onTestFinished(() => database.close());
    const { listen } = JSON.parse(world.read('taper.json'));
    const emitter = `${world.url}/admin ${listen}`;
    const lines: { text: string }[] = [];
    for await (const text of createPostgresAuditSink(database).lines(emitter)) lines.push({ text });
    expect(lines.some(({ text }) => JSON.parse(text).decision === 'permit')).toBe(true);
    const verdict = await verifyAuditLog(lines, { key: world.node.auditKey, emitter });
    expect(verdict.verdict).toBe('intact');
  }, 60_000);
});

describe('the authority’s log', () => {
  it('names the key of a delegate beside the administrator, and nobody beside who called alone', async () => {
    const world = await new World().start();
    const pipeline = await delegate(world);
    for (const credential of [world.first, pipeline])
      await world.client(credential).POST('/admin/tenants/{tenant}/enrolments', {
        params: { path: { tenant: 'acme' } },
        body: { agent: 'desk' },
      });
    const made = await entriesOf(world, 'enrolment.created', 2);
    expect(made.map(({ by }) => by)).toEqual([
      { kind: 'administrator', id: 'first' },
      {
        kind: 'administrator',
        id: 'first',
        delegate: pipeline.chain.leaf.claims.holder.thumbprint,
      },
    ]);
  });
});
