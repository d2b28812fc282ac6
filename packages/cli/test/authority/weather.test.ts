import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Failure } from '@taper/cli';
import { makeHome } from '@taper/cli/authority';
import { createHolderClient, type HolderClient } from '@taper/cli/holder-client';
import { createSigner } from '@taper/core';
import { startPostgres, type TestPostgres } from '@taper/testkit/postgres';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Workspace } from '../workspace.ts';
import { Desk } from './desk.ts';
import { World } from './world.ts';

/** Milliseconds in which an authority finds by itself that what it needs is back. */
const RECOVERY = 30_000;

/** The change cannot be stored, or that its proof was used cannot, or that it was permitted. */
const UNSTORED: ReadonlySet<string | undefined> = new Set([
  'unavailable',
  'replay_store_unavailable',
  'audit_unavailable',
]);

async function ready(world: World): Promise<{ status: number; problems: readonly string[] }> {
  const response = await fetch(`${world.node.managementUrl}/ready`);
  const { problems } = (await response.json()) as { problems: readonly string[] };
  return { status: response.status, problems };
}

async function untilReady(world: World): Promise<void> {
  for (const deadline = Date.now() + RECOVERY; Date.now() < deadline; await pause(200))
    if ((await ready(world)).status === 200) return;
  expect(await ready(world)).toEqual({ status: 200, problems: [] });
}

/** A node that follows the log of a shared database admits no administrator before it knows what is revoked. */
async function untilServing(world: World): Promise<void> {
  for (const deadline = Date.now() + RECOVERY; Date.now() < deadline; await pause(200))
    if ((await world.client().GET('/admin/administrators')).response.ok) return;
  expect((await world.client().GET('/admin/administrators')).error).toBeUndefined();
}

/** What the authority answers to an administrator who makes an enrolment token. */
async function makeEnrolment(
  world: World,
  agent: string,
): Promise<{ readonly status: number; readonly code?: string }> {
  const { response, error } = await world.client().POST('/admin/tenants/{tenant}/enrolments', {
    params: { path: { tenant: 'acme' } },
    body: { agent },
  });
  return { status: response.status, ...(error === undefined ? {} : { code: error.code }) };
}

/** Names of all agents, as the authority lists them. */
async function agents(desk: Desk): Promise<readonly string[]> {
  const where = ['--tenant', 'acme', '--dir', desk.world.folder];
  const { result } = await desk.done('agent', 'list', ...where);
  return result.agents.map(({ name }: { name: string }) => name).sort();
}

function holder(desk: Desk): HolderClient {
  const signer = createSigner(JSON.parse(desk.workspace.read('desk.jwk')));
  const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
  return createHolderClient(desk.world.url, signer, desk.world.clock, random);
}

/** How the token endpoint answers an agent whose request has no fault. */
async function tokenStatus(
  desk: Desk,
  identity: unknown,
): Promise<{ readonly status: number | undefined; readonly code: string | undefined }> {
  const { kty, crv, x } = JSON.parse(desk.workspace.read('desk.jwk'));
  const tools = { read_ticket: { id: { constraint_type: 'wildcard' } } };
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe',
    client_assertion: String(identity),
    req_cnf: JSON.stringify({ jwk: { kty, crv, x } }),
    authorization_details: JSON.stringify([{ type: 'attenuating_agent_token', tools }]),
    grant: 'tickets',
  });
  const wire = vi.spyOn(globalThis, 'fetch');
  try {
    const failure = await holder(desk)
      .send({ path: '/oauth/token', body })
      .then(
        () => undefined,
        (cause: Failure) => cause,
      );
    const last = (await wire.mock.results.at(-1)?.value) as Response | undefined;
    return { status: last?.status, code: failure?.options.field };
  } finally {
    wire.mockRestore();
  }
}

function enrol(desk: Desk, name: string) {
  const who = [name, '--tenant', 'acme', '--key', `${name}.jwk`];
  return desk.json('agent', 'enrol', ...who, '--dir', desk.world.folder);
}

describe('an authority on PostgreSQL', () => {
  let postgres: TestPostgres;

  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres.stop(), 60_000);

  it('says that its database is down where it is to start, and starts when it is there', async () => {
    const workspace = new Workspace('empty');
    const database = await postgres.createDatabase();
    await makeHome(join(workspace.folder, 'authority'), { port: 0, database });
    const folder = join(workspace.folder, 'authority');
    const contents = () =>
      readdirSync(folder)
        .filter((name) => name !== '.lock')
        .sort();
    const before = contents();
    await postgres.kill();
    try {
      const { error, exitCode } = await workspace.json(['up', '--dir', 'authority']);
      expect(error).toMatchObject({ code: 'store_unusable', hint: expect.stringMatching(/\w/) });
      expect(exitCode).toBe(3);
      expect(JSON.stringify(error)).not.toContain(new URL(database).password);
      expect(contents()).toEqual(before);
    } finally {
      await postgres.start();
    }
    expect((await workspace.taper(['up', '--dir', 'authority'])).exitCode).toBe(0);
  }, 60_000);

  it('Z06: refuses with 503 while its database is gone, says so to who asks for readiness, goes on by itself, and has lost nothing', async () => {
    const world = new World();
    await makeHome(world.folder, { port: 0, database: await postgres.createDatabase() });
    await world.start();
    await untilServing(world);
    const desk = new Desk(world);
    await desk.enrol();
    await desk.root('before.json');
    const { identity } = await holder(desk).send({ path: '/identity', body: {} });
    // It is killed while agents are enrolled: each of them is acknowledged, or nothing is known of it.
    const acknowledged = ['desk'];
    const working = (async () => {
      for (let index = 0; ; index += 1) {
        const { error } = await enrol(desk, `a${index}`);
        if (error !== undefined) return error;
        acknowledged.push(`a${index}`);
      }
    })();
    while (acknowledged.length < 4) await pause(20);
    await postgres.kill();
    let started = false;
    try {
      expect((await working).code).toBe('server_refused');
      const { status: answered, code } = await makeEnrolment(world, 'a');
      expect([answered, UNSTORED.has(code)]).toEqual([503, true]);
      const { status, problems } = await ready(world);
      expect([status, problems.includes('store')]).toEqual([503, true]);
      expect((await fetch(`${world.node.managementUrl}/health`)).status).toBe(200);
      expect((await fetch(`${world.url}/jwks`)).status).toBe(200);
      expect(await tokenStatus(desk, identity)).toEqual({ status: 503, code: 'unavailable' });
      await postgres.start();
      started = true;
      await untilReady(world);
      await untilServing(world);
      expect(await tokenStatus(desk, identity)).toEqual({ status: 200, code: undefined });
      const found = await agents(desk);
      expect(acknowledged.filter((name) => !found.includes(name))).toEqual([]);
      expect((await enrol(desk, 'later')).error).toBeUndefined();
      await desk.root('after.json');
      const where = ['--tenant', 'acme', '--agent', 'desk', '--dir', world.folder];
      expect((await desk.done('token', 'list', ...where)).result.issuances).toHaveLength(3);
    } finally {
      if (!started) await postgres.start();
    }
  }, 90_000);
});

/** Mounts a disk of its own, of few MB; `undefined` where this user may not. */
function mountDisk(megabytes: number): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'taper-disk-'));
  const options = ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'tmpfs', folder];
  if (spawnSync('mount', options).status === 0) return folder;
  rmSync(folder, { recursive: true });
  return undefined;
}

function unmountDisk(folder: string): void {
  spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true });
}

/** Takes all room that is left. */
function fillDisk(file: string): void {
  for (let size = 1_048_576; size >= 1; size = Math.floor(size / 2))
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size), { flag: 'a' });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause;
    }
}

const probe = mountDisk(1);
if (probe === undefined) console.warn('skipped: no disk can be mounted here, to be filled up');
else unmountDisk(probe);

describe.skipIf(probe === undefined)('an authority whose disk is full', () => {
  function disk(megabytes: number): string {
    const folder = mountDisk(megabytes) as string;
    onTestFinished(() => unmountDisk(folder));
    return folder;
  }

  it('makes nothing in a new folder, says why, and begins anew when there is room', async () => {
    const mounted = disk(1);
    const folder = join(mounted, 'authority');
    mkdirSync(folder);
    fillDisk(join(mounted, 'filler'));
    const workspace = new Workspace('empty');
    const up = ['up', '--port', '0', '--dir', folder];
    const { error, result } = await workspace.json(up);
    expect(result).toBeUndefined();
    expect(error).toMatchObject({ code: 'file_unwritable', exit_code: 3 });
    expect(error.hint).toMatch(/\w/);
    rmSync(join(mounted, 'filler'));
    spawnSync('mount', ['-o', 'remount,size=16m', mounted]);
    expect((await workspace.taper(up)).exitCode).toBe(0);
    expect(readdirSync(folder)).not.toContain('.unfinished');
  });

  it('is not started, says why, and starts when there is room', async () => {
    const mounted = disk(16);
    const folder = join(mounted, 'authority');
    const workspace = new Workspace('empty');
    await makeHome(folder, { port: 0 });
    fillDisk(join(mounted, 'filler'));
    const { error, result } = await workspace.json(['up', '--dir', folder]);
    expect(result).toBeUndefined();
    expect(error).toMatchObject({ exit_code: 3, hint: expect.stringMatching(/\w/) });
    rmSync(join(mounted, 'filler'));
    expect((await workspace.taper(['up', '--dir', folder])).exitCode).toBe(0);
  });

  it('Z06: refuses changes with 503, keeps all that it acknowledged, and goes on by itself when there is room', async () => {
    const mounted = disk(24);
    const world = new World(join(mounted, 'authority'));
    await world.start();
    const desk = new Desk(world);
    await desk.enrol();
    await desk.root('before.json');
    const filler = join(mounted, 'filler');
    fillDisk(filler);
    const acknowledged = ['desk'];
    const codes = new Set<string | undefined>();
    for (let index = 0; index < 20; index += 1) {
      const name = `full-${index}`;
      const { error } = await enrol(desk, name);
      if (error === undefined) acknowledged.push(name);
      else codes.add(error.field);
    }
    // What room a file of the store had left may still be used; then every change is refused, and for no other reason.
    expect(codes.size).toBeGreaterThan(0);
    expect([...codes].filter((code) => !UNSTORED.has(code))).toEqual([]);
    expect((await makeEnrolment(world, 'more')).status).toBe(503);
    expect((await fetch(`${world.url}/jwks`)).status).toBe(200);
    rmSync(filler);
    await untilReady(world);
    expect((await enrol(desk, 'later')).error).toBeUndefined();
    expect(await agents(desk)).toEqual([...acknowledged, 'later'].sort());
    await desk.root('after.json');
    await world.stop();
    await world.start();
    expect(await agents(desk)).toEqual([...acknowledged, 'later'].sort());
  }, 90_000);
});
