import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createTaperFetch } from '@taper/http';
import { createLogHandler } from '@taper/log';
import { createFileTileSource, readFileCheckpoint } from '@taper/log/file';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { listen } from '../../src/serve/listener.ts';
import { type JsonResult, Workspace } from '../workspace.ts';
import { Desk } from './desk.ts';
import { World } from './world.ts';

let world: World;
let desk: Desk;

/** An authority that has enrolled, rotated and revoked, and does not run. */
beforeEach(async () => {
  world = await new World().start();
  desk = new Desk(world);
  await desk.enrol();
  await desk.root('before.json');
  const dir = ['--dir', world.folder];
  await desk.done('agent', 'enrol', 'thief', '--tenant', 'acme', '--key', 'thief.jwk', ...dir);
  await desk.done('agent', 'compromise', 'thief', '--tenant', 'acme', ...dir);
  await desk.done('key', 'new', '--out', 'desk-2.jwk');
  const turn = ['--key', 'desk.jwk', '--new-key', 'desk-2.jwk', '--overlap', '0'];
  await desk.done('agent', 'rotate', ...turn, '--authority', world.url);
  await world.stop();
}, 30_000);

function removeStore(): void {
  for (const name of readdirSync(world.folder))
    if (name.startsWith('authority.sqlite')) rmSync(join(world.folder, name));
}

/** All files of the authority with what is in them, but for locks, and the state that a start saves. */
function everything(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(world.folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !entry.name.endsWith('lock')) found[path] = readFileSync(path, 'base64');
  }
  return found;
}

function restore(...more: readonly string[]): Promise<JsonResult> {
  return desk.json('restore', '--dir', world.folder, ...more);
}

/** Whether an agent gets a root with this key. */
async function getsRoot(key: string): Promise<string | undefined> {
  const asked = ['--grant', 'tickets', '--key', key, '--authority', world.url];
  const { error } = await desk.json(
    ...[
      'token',
      'request',
      ...asked,
      '--tools',
      '{"read_ticket":{"id":{"constraint_type":"exact","value":"42"}}}',
    ],
    ...['--out', 'after.json', '--force'],
  );
  return error === undefined ? 'issued' : (error.field ?? error.code);
}

describe('an authority whose store is lost', () => {
  it('Z07: is not started beside its log, goes on when it was restored, and has forgotten nothing that counts', async () => {
    removeStore();
    const { error } = await desk.json('up', '--dir', world.folder);
    expect(error).toMatchObject({ code: 'store_unusable', exit_code: 3 });
    expect(readdirSync(world.folder)).not.toContain('authority.sqlite');

    // What was left by one that was cut short is nothing.
    mkdirSync(join(world.folder, '.restoring'));
    writeFileSync(join(world.folder, '.restoring/authority.sqlite'), 'half of it');
    const restored = await restore();
    expect(restored.error).toBeUndefined();
    expect(readdirSync(world.folder)).not.toContain('.restoring');
    expect(restored.result).toMatchObject({
      agents: 2,
      brought_log: false,
      by_hand: [{ event: 'grants.applied', count: 1, subject: { version: 1 } }],
    });
    await world.start();
    expect((await fetch(`${world.node.managementUrl}/ready`)).status).toBe(200);
    // The administrator's chain is the one of before; what the log does not hold is not guessed.
    expect(await getsRoot('desk-2.jwk')).toBe('grant_none');
    await desk.done('grant', 'apply', 'grants.yaml', '--dir', world.folder);
    expect(await getsRoot('desk-2.jwk')).toBe('issued');
    expect(await getsRoot('desk.jwk')).not.toBe('issued');
    expect(await getsRoot('thief.jwk')).not.toBe('issued');
    const again = ['--tenant', 'acme', '--key', 'thief.jwk', '--dir', world.folder];
    const enrolled = await desk.json('agent', 'enrol', 'another', ...again);
    expect(enrolled.error).toMatchObject({ field: 'key_in_use' });
    // What was published goes on from where it was, and so does the log.
    expect(JSON.parse(world.read('anchors.json')).sequence).toBe(1);
    const listed = ['token', 'list', '--tenant', 'acme', '--agent', 'desk', '--dir', world.folder];
    expect((await desk.done(...listed)).result.issuances).toHaveLength(2);
    await world.stop();
    await world.start();
  }, 30_000);

  it('keeps every administrator who was there, and none who was removed', async () => {
    await world.start();
    const ada = await world.administrator('ada', 'acme');
    const eve = await world.administrator('eve');
    await world.client().DELETE('/admin/administrators/{name}', {
      params: { path: { name: 'eve' } },
    });
    const before = await world.node.authority.administrators.list();
    await world.stop();
    removeStore();
    expect((await restore()).error).toBeUndefined();
    await world.start();
    expect(await world.node.authority.administrators.list()).toEqual(before);
    const agents = (who: typeof ada) =>
      world
        .client(who)
        .GET('/admin/tenants/{tenant}/agents', { params: { path: { tenant: 'acme' } } });
    expect((await agents(ada)).response.status).toBe(200);
    expect((await agents(eve)).error?.code).toBe('revoked');
  }, 30_000);

  it('Z07: takes no call of an administrator again that it took before', async () => {
    await world.start();
    const taper = createTaperFetch({
      ...world.first,
      origin: world.url,
      audience: `${world.url}/admin`,
      clock: { now: world.clock },
    });
    const headers = { ...(await taper.headersFor('taper:admin/administrator.list', {})) };
    const call = async (): Promise<string> => {
      const response = await fetch(`${world.url}/admin/administrators`, { headers });
      const { code } = (await response.json()) as { code?: string };
      return code ?? 'ok';
    };
    expect([await call(), await call()]).toEqual(['ok', 'proof_replayed']);
    await world.stop();
    world.ahead += 1;
    removeStore();
    expect((await restore()).error).toBeUndefined();
    await world.start();
    expect(await call()).toBe('proof_replayed');
    expect((await world.client().GET('/admin/administrators')).response.status).toBe(200);
  }, 30_000);

  it('Z07: knows that it has a log, and begins no other where that one is lost, too', async () => {
    removeStore();
    expect((await restore()).error).toBeUndefined();
    rmSync(join(world.folder, 'log'), { recursive: true });
    await expect(world.start()).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(existsSync(join(world.folder, 'log/tiles/tile'))).toBe(false);
  });

  it('does not go back to before the last entry where the clock of the machine does', async () => {
    world.ahead = 500;
    await world.start();
    const who = ['later', '--tenant', 'acme', '--key', 'later.jwk', '--dir', world.folder];
    await desk.done('agent', 'enrol', ...who);
    const last = world.node.authority.clock();
    await world.stop();
    removeStore();
    expect((await restore()).error).toBeUndefined();
    world.ahead = 0;
    await world.start();
    expect(world.node.authority.clock()).toBeGreaterThanOrEqual(last - 2);
    const ready = await fetch(`${world.node.managementUrl}/ready`);
    expect(await ready.json()).toMatchObject({ problems: expect.arrayContaining(['clock']) });
  }, 30_000);

  it('says what it restored and what is to be done by hand', async () => {
    removeStore();
    const { exitCode, stdout } = await desk.workspace.taper(['restore', '--dir', world.folder], {
      clock: world.clock,
    });
    expect(exitCode).toBe(0);
    expect(stdout).toContain('taper grant apply');
    expect(stdout).toContain(`taper up --dir ${world.folder}`);
  });
});

describe('an authority whose disk is lost', () => {
  /** What stands in a backup of keys and configuration, and what a mirror has. */
  function lose(): string {
    const mirror = new Workspace('empty').folder;
    cpSync(join(world.folder, 'log'), join(mirror, 'log'), { recursive: true });
    removeStore();
    for (const name of ['log', 'witness.sqlite', 'audit.log', 'audit.log.salts', 'log.json'])
      rmSync(join(world.folder, name), { recursive: true });
    for (const name of readdirSync(world.folder))
      if (name.startsWith('witness.sqlite')) rmSync(join(world.folder, name));
    return join(mirror, 'log');
  }

  it('Z07: is restored from a server that has the log, and goes on with it', async () => {
    const copy = lose();
    const note = (await readFileCheckpoint(join(copy, 'state')))?.note;
    const server = await listen({
      fetch: createLogHandler({
        tiles: createFileTileSource(join(copy, 'tiles')),
        checkpoint: async () => note,
        onFailure: () => undefined,
      }),
      hostname: '127.0.0.1',
      port: 0,
      field: 'listen',
    });
    onTestFinished(() => server.close(0));
    expect((await restore()).error).toMatchObject({ code: 'log_unavailable' });
    const restored = await restore('--from', server.url);
    expect(restored.error).toBeUndefined();
    expect(restored.result).toMatchObject({ agents: 2, brought_log: true });
    await world.start();
    await desk.done('grant', 'apply', 'grants.yaml', '--dir', world.folder);
    expect(await getsRoot('desk-2.jwk')).toBe('issued');
    expect(await getsRoot('thief.jwk')).not.toBe('issued');
    const fsck = [
      'log',
      'fsck',
      join(world.folder, 'log'),
      '--log',
      join(world.folder, 'log.json'),
    ];
    await world.stop();
    expect((await desk.json(...fsck)).result.verdict).toBe('intact');
  }, 30_000);

  it('is restored from a folder that has it', async () => {
    const copy = lose();
    expect((await restore('--from', copy)).result).toMatchObject({ agents: 2, brought_log: true });
  }, 30_000);
});

describe('taper restore refuses, and leaves everything as it was,', () => {
  async function refused(code: string, ...more: readonly string[]): Promise<JsonResult> {
    const before = everything();
    const { error, exitCode, result, ...rest } = await restore(...more);
    expect(error).toMatchObject({ code, hint: expect.stringMatching(/\w/) });
    expect(exitCode).toBeGreaterThan(0);
    expect(everything()).toEqual(before);
    return { error, exitCode, result, ...rest };
  }

  it('where there is a store, or an authority that runs', async () => {
    await refused('file_exists');
    await world.start();
    const { error } = await restore();
    expect(error?.code).toBe('file_exists');
    await world.stop();
  });

  it('where the write-ahead log of a store is left, which would be written over the new one', async () => {
    await world.start();
    const who = ['later', '--tenant', 'acme', '--key', 'later.jwk', '--dir', world.folder];
    await desk.done('agent', 'enrol', ...who);
    const left = join(world.folder, 'authority.sqlite-wal');
    const kept = readFileSync(left);
    expect(kept.length).toBeGreaterThan(0);
    await world.stop();
    removeStore();
    writeFileSync(left, kept);
    await refused('file_exists');
    rmSync(left);
    expect((await restore()).result).toMatchObject({ agents: 3 });
    await world.start();
  }, 30_000);

  it('where there is no configuration', async () => {
    const { error } = await desk.json('restore', '--dir', desk.workspace.folder);
    expect(error).toMatchObject({ code: 'usage', field: '--dir' });
    expect(existsSync(join(desk.workspace.folder, '.restoring'))).toBe(false);
  });

  it('where there is a log already that it was not asked to use', async () => {
    removeStore();
    await refused('file_exists', '--from', join(world.folder, 'log'));
    // What is left of one is somebody's, too.
    rmSync(join(world.folder, 'log/state'), { recursive: true });
    await refused('file_exists', '--from', join(world.folder, 'log'));
  });

  it.each(['entries', '0'])('N09: a log that was changed, in its %s', async (level) => {
    removeStore();
    // Beside it may be partial ones of earlier sizes, which count for nothing any more.
    const path = join(world.folder, `log/tiles/tile/${level}/000.p`);
    const width = Math.max(...readdirSync(path).map(Number));
    const name = join(path, String(width));
    const bytes = readFileSync(name);
    bytes[bytes.length - 5] = (bytes[bytes.length - 5] as number) ^ 1;
    rmSync(name);
    writeFileSync(name, bytes);
    await refused('log_damaged');
  });

  it('M05, N10: a checkpoint that its witness did not sign, or that another log did', async () => {
    removeStore();
    const mirror = new Workspace('empty').folder;
    cpSync(join(world.folder, 'log/tiles'), mirror, { recursive: true });
    const note = (await readFileCheckpoint(join(world.folder, 'log/state')))?.note ?? '';
    const kept = join(new Workspace('empty').folder, 'log');
    cpSync(join(world.folder, 'log'), kept, { recursive: true });
    rmSync(join(world.folder, 'log'), { recursive: true });
    const signatures = note.split('\n').filter((line) => line.startsWith('— '));
    expect(signatures).toHaveLength(2);
    writeFileSync(join(mirror, 'checkpoint'), note.replace(`${signatures[1]}\n`, ''));
    const { error } = await refused('log_unverified', '--from', mirror);
    expect(error?.field).toBe('quorum_unmet');
    writeFileSync(join(mirror, 'checkpoint'), note.replace(`${signatures[0]}\n`, ''));
    expect((await refused('log_unverified', '--from', mirror)).error?.field).toBe(
      'signature_missing',
    );
    // The nearest that must pass: the same folder with the note as it was signed.
    writeFileSync(join(mirror, 'checkpoint'), note);
    expect((await restore('--from', mirror)).error).toBeUndefined();
  }, 30_000);

  it('N02, N13: a copy of the log from before what its witness has cosigned', async () => {
    const old = join(new Workspace('empty').folder, 'log');
    cpSync(join(world.folder, 'log'), old, { recursive: true });
    await world.start();
    const who = ['later', '--tenant', 'acme', '--key', 'later.jwk', '--dir', world.folder];
    await desk.done('agent', 'enrol', ...who);
    await world.stop();
    removeStore();
    rmSync(join(world.folder, 'log'), { recursive: true });
    const before = readdirSync(world.folder).filter((name) => !name.startsWith('witness'));
    const { error } = await restore('--from', old);
    expect(error?.code).toBe('log_rolled_back');
    expect(readdirSync(world.folder).filter((name) => !name.startsWith('witness'))).toEqual(before);
  }, 30_000);

  it('Z10: trust anchors that are missing, or older than those that were published last', async () => {
    const first = world.read('anchors.json');
    await world.start();
    await desk.rotate('announce');
    await world.node.refresh();
    const second = await (await fetch(`${world.url}/anchors`)).text();
    await world.stop();
    removeStore();
    writeFileSync(join(world.folder, 'anchors.json'), first);
    const { error } = await restore();
    expect([error?.code, error?.field]).toEqual(['anchors_refused', 'outdated']);
    expect(readdirSync(world.folder)).not.toContain('authority.sqlite');
    rmSync(join(world.folder, 'anchors.json'));
    expect((await restore()).error?.code).toBe('file_missing');
    const newest = desk.workspace.write('newest.json', second);
    expect((await restore('--anchors', newest)).error).toBeUndefined();
    await world.start();
    expect(JSON.parse(world.read('anchors.json')).sequence).toBe(2);
  }, 30_000);
});
