import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeHome } from '@taper/cli/authority';
import { describe, expect, it } from 'vitest';
import { type Result, Workspace } from '../workspace.ts';
import { World } from './world.ts';

const GRANTS = `type: taper-grants
version: 1
grants:
  - name: tickets
    tenant: acme
    agents: [desk]
    tools: {read_ticket: {id: {constraint_type: wildcard}}}
    audience: any
    max_depth: 2
    max_depth_reason: the desk hands on to a reader
    lifetime: 3600
    ends: 2027-01-01T00:00:00Z
`;

const ONE = '{"read_ticket":{"id":{"constraint_type":"exact","value":"42"}}}';

/** `taper up` in the background, until the work is done. */
async function whileUp(
  workspace: Workspace,
  work: (listening: Record<string, string>) => Promise<void>,
): Promise<Result> {
  const stop = new AbortController();
  const up = Promise.withResolvers<Record<string, string>>();
  const running = workspace.taper(['up', '--json', '--dir', 'authority', ...portOf(workspace)], {
    stopped: stop.signal,
    onStderr: (text) => {
      for (const line of text.split('\n').filter((each) => each.startsWith('{"listening"')))
        up.resolve(JSON.parse(line));
    },
  });
  void running.then(({ stderr }) => up.reject(new Error(stderr)));
  try {
    await work(await up.promise);
  } finally {
    stop.abort();
  }
  return running;
}

function portOf(workspace: Workspace): readonly string[] {
  return workspace.files().includes('authority') ? [] : ['--port', '0'];
}

async function done(workspace: Workspace, ...argv: readonly string[]): Promise<Result> {
  const result = await workspace.taper(argv);
  expect(result.stderr).not.toContain('taper:');
  expect(result.exitCode).toBe(0);
  return result;
}

const DIR = ['--dir', 'authority'];

describe('taper up', () => {
  it('makes an authority in an empty folder, which enrols, grants, issues and revokes', async () => {
    const workspace = new Workspace('empty');
    const { exitCode } = await whileUp(workspace, async ({ issuer }) => {
      await done(
        workspace,
        'agent',
        'enrol',
        'desk',
        '--tenant',
        'acme',
        '--key',
        'desk.jwk',
        ...DIR,
      );
      workspace.write('grants.yaml', GRANTS);
      await done(workspace, 'grant', 'apply', 'grants.yaml', ...DIR);
      const request = ['token', 'request', '--key', 'desk.jwk', '--tools', ONE];
      await done(workspace, ...request, '--authority', issuer as string, '--out', 'chain.json');
      const anchors = ['--anchors', 'authority/anchors.json'];
      const args = ['--tool', 'read_ticket', '--args', '{"id":"42"}'];
      await done(
        workspace,
        ...['prove', 'chain.json', '--key', 'desk.jwk', '--out', 'call.json', ...anchors, ...args],
      );
      const verdict = await workspace.json([
        ...['verify', 'call.json', '--tenant', 'acme', ...anchors, ...args],
      ]);
      expect(verdict.result.verdict).toBe('permit');

      const { log_origin: origin } = JSON.parse(workspace.read('authority/taper.json'));
      const revoke = ['revoke', 'chain.json', '--key', 'desk.jwk', '--origin', origin];
      await done(workspace, ...revoke, '--to', `${issuer}/log`);
      const exchange = ['token', 'exchange', '--key', 'desk.jwk', '--chain', 'chain.json'];
      const refused = await workspace.json([...exchange, '--authority', issuer as string]);
      expect(refused.error).toMatchObject({ code: 'server_refused', field: 'subject_refused' });
    });
    expect(exitCode).toBe(0);
  });

  it('finds everything as it was when it is started again', async () => {
    const workspace = new Workspace('empty');
    await whileUp(workspace, async () => {
      await done(
        workspace,
        'agent',
        'enrol',
        'desk',
        '--tenant',
        'acme',
        '--key',
        'desk.jwk',
        ...DIR,
      );
    });
    const before = ['taper.json', 'administrator.key.json', 'administrator.chain.json'].map(
      (name) => workspace.read(`authority/${name}`),
    );
    await whileUp(workspace, async () => {
      const { result } = await workspace.json(['agent', 'list', '--tenant', 'acme', ...DIR]);
      expect(result.agents).toMatchObject([{ name: 'desk', state: 'active' }]);
    });
    const after = ['taper.json', 'administrator.key.json', 'administrator.chain.json'].map((name) =>
      workspace.read(`authority/${name}`),
    );
    expect(after).toEqual(before);
  });

  it('says in five lines what to do next', async () => {
    const workspace = new Workspace('empty');
    const { stderr } = await workspace.taper(['up', '--port', '0', '--dir', 'authority']);
    const lines = stderr.split('\n').filter((line) => line !== '');
    expect(lines).toHaveLength(6);
    expect(lines.at(-1)).toBe('stopped');
  });

  it('makes what is secret for its owner alone', async () => {
    const workspace = new Workspace('empty');
    await workspace.taper(['up', '--port', '0']);
    const secret = ['passphrase', 'administrator.key.json', 'authority.sqlite'];
    const keys = readdirSync(join(workspace.folder, 'keys')).map((name) => `keys/${name}`);
    expect(keys).toHaveLength(6);
    for (const name of [...secret, ...keys])
      expect([name, statSync(join(workspace.folder, name)).mode & 0o077]).toEqual([name, 0]);
  });

  it('loses nothing that was acknowledged when it is killed', async () => {
    const workspace = new Workspace('empty').keep();
    try {
      const names: string[] = [];
      for (let round = 0; round < 3; round++) {
        const child = await startChild(workspace.folder);
        const work = enrolMany(workspace, names, round);
        await new Promise((resolve) => setTimeout(resolve, 400));
        child.kill('SIGKILL');
        await once(child, 'exit');
        await work;
      }
      expect(names.length).toBeGreaterThan(0);
      const child = await startChild(workspace.folder);
      const { result } = await workspace.json(['agent', 'list', '--tenant', 'acme'], {
        clock: realClock,
      });
      const found = result.agents.map(({ name }: { name: string }) => name);
      expect(names.filter((name) => !found.includes(name))).toEqual([]);
      child.kill('SIGTERM');
      await once(child, 'exit');
    } finally {
      workspace.remove();
    }
  });
});

/** As long as the authority answers. */
async function enrolMany(workspace: Workspace, names: string[], round: number): Promise<void> {
  for (let index = 0; ; index++) {
    const name = `a${round}-${index}`;
    const key = `${name}.jwk`;
    const enrolled = await workspace.taper(
      ['agent', 'enrol', name, '--tenant', 'acme', '--key', key],
      { clock: realClock },
    );
    if (enrolled.exitCode !== 0) return;
    names.push(name);
  }
}

const realClock = (): number => Math.floor(Date.now() / 1000);

async function startChild(folder: string): Promise<ChildProcess> {
  const script = join(import.meta.dirname, '../taper-process.ts');
  const made = readdirSync(folder).includes('taper.json');
  const child = spawn(
    process.execPath,
    ['--conditions=@taper/source', script, 'up', '--json', ...(made ? [] : ['--port', '0'])],
    { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  for await (const chunk of child.stderr) {
    said += String(chunk);
    if (said.includes('"listening"')) break;
    if (child.exitCode !== null) throw new Error(said);
  }
  return child;
}

describe('taper up refuses, and leaves everything as it was,', () => {
  const up = ['up', '--dir', 'authority'];

  it('a folder that holds something else', async () => {
    const workspace = new Workspace('empty');
    mkdirSync(join(workspace.folder, 'authority'));
    workspace.write('authority/notes.txt', 'mine');
    const { error } = await workspace.json(up);
    expect(error).toMatchObject({ code: 'folder_foreign', exit_code: 1 });
    expect(workspace.read('authority/notes.txt')).toBe('mine');
    expect(readdirSync(join(workspace.folder, 'authority')).sort()).toEqual(['notes.txt']);
  });

  it('a port that is taken', async () => {
    const workspace = new Workspace('empty');
    const config = await makeHome(join(workspace.folder, 'authority'), { port: 0 });
    for (const address of [config.listen, config.managementListen, config.witnessListen]) {
      const server = await occupy(address as string);
      const { error } = await workspace.json(up);
      expect([address, error?.code]).toEqual([address, 'port_taken']);
      await new Promise((resolve) => server.close(resolve));
    }
    const { exitCode } = await workspace.taper(up);
    expect(exitCode).toBe(0);
  });

  it('a second instance in one folder', async () => {
    const world = await new World().start();
    const workspace = new Workspace('empty');
    const { error } = await workspace.json(['up', '--dir', world.folder]);
    expect(error).toMatchObject({ code: 'instance_running', exit_code: 3 });
    expect((await fetch(`${world.url}/jwks`)).status).toBe(200);
  });

  it('a wrong passphrase, a missing key, a damaged key, a key that others can read', async () => {
    const workspace = new Workspace('empty');
    const folder = join(workspace.folder, 'authority');
    await makeHome(folder, { port: 0 });
    const [passphrase, key] = ['authority/passphrase', 'authority/keys/root.json'].map((name) => [
      name,
      workspace.read(name),
    ]) as [[string, string], [string, string]];
    const expectRefusal = async (field: string): Promise<void> => {
      const { error } = await workspace.json(up);
      expect(error).toMatchObject({ code: 'key_store_unusable', field });
    };
    workspace.write(passphrase[0], 'another passphrase, just as long\n', 0o600);
    await expectRefusal('passphrase');
    workspace.write(...passphrase, 0o600);
    workspace.write(key[0], key[1].slice(0, 60), 0o600);
    await expectRefusal('malformed');
    rmSync(join(workspace.folder, key[0]));
    await expectRefusal('missing');
    workspace.write(...key, 0o644);
    await expectRefusal('permissions');
    chmodSync(join(workspace.folder, key[0]), 0o600);
    expect((await workspace.taper(up)).exitCode).toBe(0);
  });

  it.each([
    ['is no JSON', (text: string) => text.slice(0, 40), 'json_invalid'],
    ['names a member twice', (text: string) => text.replace('{', '{"version":1,'), 'json_invalid'],
    [
      'has a member too many',
      (text: string) => text.replace('{', '{"debug":true,'),
      'config_malformed',
    ],
    [
      'is of a later version',
      (text: string) => text.replace('"version": 1', '"version": 2'),
      'config_malformed',
    ],
    [
      'lacks a member',
      (text: string) => text.replace(/ *"log_origin": .*\n/, ''),
      'config_malformed',
    ],
    [
      'has a remote issuer without TLS',
      (text: string) => text.replace('http://127.0.0.1', 'http://authority.example'),
      'config_malformed',
    ],
  ])('a configuration that %s', async (_, damage, code) => {
    const workspace = new Workspace('empty');
    await makeHome(join(workspace.folder, 'authority'), { port: 0 });
    const text = workspace.read('authority/taper.json');
    workspace.write('authority/taper.json', damage(text));
    const { error } = await workspace.json(up);
    expect(error?.code).toBe(code);
  });

  it('a store of a later version', async () => {
    const workspace = new Workspace('empty');
    await workspace.taper([...up, '--port', '0']);
    const db = new DatabaseSync(join(workspace.folder, 'authority/authority.sqlite'));
    const [table] = db
      .prepare("SELECT name FROM sqlite_schema WHERE name LIKE '%migration%'")
      .all() as { name: string }[];
    const columns = db
      .prepare(`SELECT * FROM ${table?.name} ORDER BY 1 DESC LIMIT 1`)
      .get() as object;
    const names = Object.keys(columns);
    const values = Object.values(columns).map((value, index) =>
      index === 0 ? Number(value) + 1000 : value,
    );
    db.prepare(
      `INSERT INTO ${table?.name} (${names.join()}) VALUES (${names.map(() => '?').join()})`,
    ).run(...(values as string[]));
    db.close();
    const { error } = await workspace.json(up);
    expect(error?.code).toBe('store_unusable');
  });

  it('a log that is missing: it makes no second one in its place', async () => {
    const workspace = new Workspace('empty');
    await workspace.taper([...up, '--port', '0']);
    rmSync(join(workspace.folder, 'authority/log'), { recursive: true });
    const { error } = await workspace.json(up);
    expect(error?.code).toBe('log_unavailable');
  });

  it('nothing that it broke off itself: it begins anew', async () => {
    const workspace = new Workspace('empty');
    const folder = join(workspace.folder, 'authority');
    mkdirSync(join(folder, 'keys'), { recursive: true });
    writeFileSync(join(folder, '.unfinished'), '');
    workspace.write('authority/passphrase', 'half', 0o600);
    const { exitCode } = await workspace.taper([...up, '--port', '0']);
    expect(exitCode).toBe(0);
    expect(readdirSync(folder)).not.toContain('.unfinished');
  });

  it('options that are for a new folder, in one that is there', async () => {
    const workspace = new Workspace('empty');
    await makeHome(join(workspace.folder, 'authority'), { port: 0 });
    const { error } = await workspace.json([...up, '--port', '9000']);
    expect(error).toMatchObject({ code: 'usage', field: '--port' });
  });
});

async function occupy(address: string): Promise<Server> {
  const [host, port] = address.split(':') as [string, string];
  const server = createServer();
  server.listen(Number(port), host);
  await once(server, 'listening');
  return server;
}
