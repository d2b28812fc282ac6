import { spawn, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeHome } from '@taper/cli/authority';
import type { JsonObject } from '@taper/core';
import { createPkcs11Key, pinFile } from '@taper/signer-pkcs11';
import { KmsServer } from '@taper/testkit/kms-server';
import { PIN, SoftHsm, softHsm } from '@taper/testkit/soft-hsm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Desk } from './desk.ts';
import { World } from './world.ts';

/** Starts an authority whose keys are kept there. */
async function worldWith(keys: JsonObject): Promise<World> {
  const world = new World();
  await makeHome(world.folder, { port: 0, keys });
  return world.start();
}

/** What a start ends with: the problem, and what was said. */
async function refusalOf(world: World, keys: JsonObject): Promise<string> {
  const failed = await world
    .start((config) => ({ ...config, keys }))
    .then(
      () => undefined,
      (cause) => cause,
    );
  expect(failed).toMatchObject({ code: 'key_store_unusable' });
  expect(failed.options.hint.length).toBeGreaterThan(10);
  expect(JSON.stringify([failed.message, failed.options])).not.toContain(PIN);
  return failed.options.field;
}

describe.skipIf(softHsm === undefined)('an authority whose root key is in a token', () => {
  let hsm: SoftHsm;
  let pin: string;

  beforeAll(async () => {
    hsm = new SoftHsm();
    hsm.addToken('authority');
    pin = hsm.path('pin');
    writeFileSync(pin, `${PIN}\n`, { mode: 0o600 });
    const device = { module: softHsm as string, token: { label: 'authority' }, pin: pinFile(pin) };
    for (const label of ['root', 'root 2', 'identity']) await createPkcs11Key({ ...device, label });
  });
  afterAll(() => hsm.remove());

  const place = (label: string, more: JsonObject = {}): JsonObject => ({
    driver: 'pkcs11',
    module: softHsm as string,
    token: 'authority',
    label,
    pin_file: pin,
    ...more,
  });

  it('issues roots that verify, and finds everything when it is started again', async () => {
    const world = await worldWith({ root: place('root'), identity: place('identity') });
    const desk = new Desk(world);
    await desk.enrol();
    await desk.fetchAnchors('pinned.json');
    await desk.root('chain.json');
    expect(await desk.call('chain.json', 'pinned.json')).toBe('permit');
    const { thumbprint } = world.node.root;
    await world.stop();
    await world.start();
    expect(world.node.root.thumbprint).toBe(thumbprint);
    await desk.root('again.json');
    expect(await desk.call('again.json', 'pinned.json')).toBe('permit');
  });

  it('Q05: issues nothing while the device is gone, and again when it is back; nothing else signs', async () => {
    const world = await worldWith({ root: place('root') });
    const desk = new Desk(world);
    await desk.enrol();
    await desk.fetchAnchors('pinned.json');
    hsm.unplug();
    try {
      // SoftHSM keeps what it has read: the session is taken away as by a reset.
      await hsm.raw('authority', ({ library }) => library.C_Finalize()).catch(() => undefined);
      await expect(desk.root('none.json')).rejects.toThrow();
      expect(desk.workspace.files()).not.toContain('none.json');
      expect((await fetch(`${world.url}/jwks`)).status).toBe(200);
    } finally {
      hsm.plugIn();
    }
    await desk.root('chain.json');
    expect(await desk.call('chain.json', 'pinned.json')).toBe('permit');
  });

  it('Q05: does not start without its device, its PIN, its key, or with a key of another kind; and then does', async () => {
    const world = await worldWith({ root: place('root') });
    await world.stop();
    const wrong = hsm.path('wrong-pin');
    writeFileSync(wrong, '00000000\n', { mode: 0o600 });
    const open = hsm.path('open-pin');
    writeFileSync(open, `${PIN}\n`, { mode: 0o644 });
    const cases: [string, JsonObject][] = [
      ['device', place('root', { module: '/nonexistent/library.so' })],
      ['device', place('root', { token: 'another token' })],
      ['pin', place('root', { pin_file: wrong })],
      ['missing', place('root', { pin_file: hsm.path('no-pin') })],
      ['permissions', place('root', { pin_file: open })],
      ['key_missing', place('no such key')],
      ['key_mismatch', place('root 2')],
    ];
    for (const [problem, root] of cases)
      expect([root, await refusalOf(world, { root })]).toEqual([root, problem]);
    // The key in a file that lies there takes nobody's place.
    expect(await refusalOf(world, {})).toBe('missing');
    await world.start();
  });

  it('Q04: does not start with one key for two purposes', async () => {
    const world = await worldWith({ root: place('root') });
    await world.stop();
    const keys = { root: place('root'), identity: place('root') };
    const failed = await world.start((config) => ({ ...config, keys })).catch((cause) => cause);
    expect(failed).toMatchObject({ code: 'key_store_unusable' });
  });

  it('a root key in a file is followed by one in a token, while it runs', async () => {
    const world = await new World().start();
    const desk = new Desk(world);
    await desk.enrol();
    await desk.fetchAnchors('pinned.json');
    await desk.root('before.json');
    const config = JSON.parse(world.read('taper.json'));
    const keys = { next_root: place('root 2') };
    writeFileSync(join(world.folder, 'taper.json'), JSON.stringify({ ...config, keys }));
    const { result } = await desk.rotate('announce');
    await desk.rotate('promote', '--early');
    await world.node.refresh();
    expect(world.node.root.thumbprint).toBe(result.key);
    await desk.fetchAnchors('pinned.json');
    await desk.root('after.json');
    for (const chain of ['before.json', 'after.json'])
      expect(await desk.call(chain, 'pinned.json')).toBe('permit');
    expect((await desk.rotate('retire')).error).toBeUndefined();
    await world.stop();
    await world.start();
    expect(world.node.root.thumbprint).toBe(result.key);
  });
});

describe('an authority whose root key is in AWS KMS', () => {
  const kms = new KmsServer();
  const before = { ...process.env };

  beforeEach(async () => {
    process.env['AWS_ACCESS_KEY_ID'] = 'AKIAIOSFODNN7EXAMPLE';
    process.env['AWS_SECRET_ACCESS_KEY'] = 'made up for this test';
    await kms.start();
  });
  afterEach(async () => {
    kms.override = undefined;
    await kms.stop();
    process.env = { ...before };
  });

  const place = (keyId: string, more: JsonObject = {}): JsonObject => ({
    driver: 'aws-kms',
    key_id: keyId,
    region: 'eu-central-1',
    endpoint: kms.endpoint,
    ...more,
  });

  it('issues roots that verify, and finds everything when it is started again', async () => {
    const world = await worldWith({ root: place(kms.addKey().arn) });
    const desk = new Desk(world);
    await desk.enrol();
    await desk.fetchAnchors('pinned.json');
    await desk.root('chain.json');
    expect(await desk.call('chain.json', 'pinned.json')).toBe('permit');
    await world.stop();
    await world.start();
    await desk.root('again.json');
    expect(await desk.call('again.json', 'pinned.json')).toBe('permit');
  });

  it('Q05: issues nothing while KMS is gone, and again when it is back; nothing else signs', async () => {
    const world = await worldWith({ root: place(kms.addKey().arn) });
    const desk = new Desk(world);
    await desk.enrol();
    await desk.fetchAnchors('pinned.json');
    await kms.stop();
    await expect(desk.root('none.json')).rejects.toThrow();
    expect(desk.workspace.files()).not.toContain('none.json');
    await kms.start();
    await desk.root('chain.json');
    expect(await desk.call('chain.json', 'pinned.json')).toBe('permit');
  });

  it('Q06: does not start when the alias leads to another key, nor with one of another kind', async () => {
    const { arn } = kms.addKey();
    kms.aliases.set('alias/root', arn);
    const world = await worldWith({ root: place('alias/root') });
    await world.stop();
    kms.aliases.set('alias/root', kms.addKey().arn);
    expect(await refusalOf(world, { root: place('alias/root') })).toBe('key_mismatch');
    const rsa = kms.addKey({ spec: 'RSA_2048' }).arn;
    expect(await refusalOf(world, { root: place(rsa) })).toBe('unsupported');
    const imported = kms.addKey({ origin: 'EXTERNAL' }).arn;
    expect(await refusalOf(world, { root: place(imported) })).toBe('key_exportable');
    kms.aliases.set('alias/root', arn);
    await world.start();
  });

  it('Q06: a key that signs in place of another is noticed, and its signature goes nowhere', async () => {
    const key = kms.addKey();
    const world = await worldWith({ root: place(key.arn) });
    const desk = new Desk(world);
    await desk.enrol();
    const { privateKey } = key;
    key.privateKey = kms.addKey().privateKey;
    await expect(desk.root('none.json')).rejects.toThrow();
    expect(desk.workspace.files()).not.toContain('none.json');
    key.privateKey = privateKey;
    await desk.root('chain.json');
  });
});

const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0;
if (!hasPython) console.warn('skipped: no python3, which gives a terminal to type a passphrase at');

/** Runs a command at a terminal of its own, types one answer, and presses Ctrl-C once it listens. */
const TYPIST = `
import json, os, pty, sys
argv, answer, folder = json.loads(sys.argv[1]), sys.argv[2].encode(), sys.argv[3]
pid, fd = pty.fork()
if pid == 0:
    os.chdir(folder)
    os.execv(argv[0], argv)
seen, typed, stopped = b'', False, False
while True:
    try:
        part = os.read(fd, 4096)
    except OSError:
        break
    if not part:
        break
    seen += part
    if not typed and b'keys: ' in seen:
        os.write(fd, answer + b'\\n')
        typed = True
    if not stopped and b'"listening"' in seen:
        os.write(fd, b'\\x03')
        stopped = True
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(seen + b'exit=%d;' % status)
`;

describe.skipIf(!hasPython)('an authority whose passphrase lies nowhere', () => {
  async function type(folder: string, passphrase: string): Promise<string> {
    const script = join(import.meta.dirname, '../taper-process.ts');
    const argv = [process.execPath, '--conditions=@taper/source', script, 'up', '--json'];
    const child = spawn('python3', ['-c', TYPIST, JSON.stringify(argv), passphrase, folder]);
    let seen = '';
    child.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1');
    });
    await new Promise((resolve) => child.on('close', resolve));
    return seen;
  }

  it('asks for it once, at a terminal, shows nothing of it, and starts with the right one alone', async () => {
    const world = new World();
    await makeHome(world.folder, { port: 0 });
    const { passphrase_file: _, ...config } = JSON.parse(world.read('taper.json'));
    const passphrase = world.read('passphrase').trim();
    rmSync(join(world.folder, 'passphrase'));
    writeFileSync(join(world.folder, 'taper.json'), JSON.stringify(config));

    const refused = await type(world.folder, 'not the passphrase');
    expect(refused).toContain('"key_store_unusable"');
    expect(refused).toContain('exit=1;');
    const started = await type(world.folder, passphrase);
    expect(started).toContain('exit=0;');
    expect(started.split('keys: ')).toHaveLength(2);
    expect(started).not.toContain(passphrase);
  }, 60_000);

  it('does not start where nobody can be asked', async () => {
    const world = new World();
    await makeHome(world.folder, { port: 0 });
    const config = { passphraseFile: undefined };
    const failed = await world.start((same) => ({ ...same, ...config })).catch((cause) => cause);
    expect(failed).toMatchObject({ code: 'key_store_unusable', options: { field: 'passphrase' } });
  });
});
