import { join } from 'node:path';
import { openKeyFile, passphraseFile } from '@taper/authority/keys';
import { makeHome, readHome } from '@taper/cli/authority';
import { createSigner, issue } from '@taper/core';
import { expect, it } from 'vitest';
import { Desk } from './desk.ts';
import { World } from './world.ts';

async function hybridWorld(): Promise<World> {
  const world = new World();
  await makeHome(world.folder, { port: 0, hybrid: true });
  return world.start();
}

/** The chain in a file, its root changed. */
function changeHeader(
  desk: Desk,
  from: string,
  to: string,
  change: (header: Record<string, unknown>) => void,
): void {
  const { aat_chain } = JSON.parse(desk.workspace.read(from));
  const [header, ...rest] = (aat_chain[0] as string).split('.');
  const members = JSON.parse(Buffer.from(header as string, 'base64url').toString());
  change(members);
  const segment = Buffer.from(JSON.stringify(members)).toString('base64url');
  desk.workspace.write(to, JSON.stringify({ aat_chain: [[segment, ...rest].join('.')] }));
}

it('roots of a hybrid authority carry both signatures, and verify under the anchors that it publishes', async () => {
  const world = await hybridWorld();
  const desk = new Desk(world);
  await desk.enrol();
  await desk.fetchAnchors('pinned.json');
  expect(JSON.parse(desk.workspace.read('pinned.json')).anchors).toMatchObject([
    { hybrid: { alg: 'ML-DSA-65' }, state: 'current' },
  ]);
  await desk.root('chain.json');
  expect(await desk.call('chain.json', 'pinned.json')).toBe('permit');

  await world.stop();
  await world.start();
  await desk.root('again.json');
  expect(await desk.call('again.json', 'pinned.json')).toBe('permit');
  expect((await world.client().GET('/admin/administrators')).response.status).toBe(200);
});

it('a root with one signature of the two is denied, whichever is left out', async () => {
  const world = await hybridWorld();
  const desk = new Desk(world);
  await desk.enrol();
  await desk.fetchAnchors('pinned.json');
  await desk.root('chain.json');
  expect(await desk.call('chain.json', 'pinned.json')).toBe('permit');
  const call = JSON.parse(desk.workspace.read('call.json'));
  const verdictOf = (file: string) => {
    const { aat_chain } = JSON.parse(desk.workspace.read(file));
    desk.workspace.write('stripped.json', JSON.stringify({ ...call, aat_chain }));
    return desk.verdict('stripped.json', 'pinned.json');
  };
  changeHeader(desk, 'chain.json', 'one.json', (header) => delete header['taper_hybrid']);
  expect(await verdictOf('one.json')).toBe('signature_invalid');

  // Who has broken the first algorithm, or has its key alone.
  const passphrase = passphraseFile(join(world.folder, 'passphrase'));
  const signer = await openKeyFile({ path: join(world.folder, 'keys/root.json'), passphrase });
  const { tokens } = await issue({
    issuer: world.url,
    signer,
    holder: createSigner(JSON.parse(desk.workspace.read('desk.jwk'))).publicKey,
    tools: { read_ticket: {} },
    caveats: { tenant: 'acme' },
    now: world.clock(),
    id: 'forged',
    lifetime: 3600,
    maxDepth: 1,
  });
  const chain = tokens.map(({ compact }) => compact);
  desk.workspace.write('forged.json', JSON.stringify({ aat_chain: chain }));
  expect(await verdictOf('forged.json')).toBe('hybrid_signature_missing');
  const exchange = ['token', 'exchange', '--key', 'desk.jwk', '--authority', world.url];
  const { error } = await desk.json(...exchange, '--chain', 'forged.json');
  expect(error).toMatchObject({ code: 'server_refused', field: 'subject_refused' });
});

it('a hybrid root key is followed by a hybrid one', async () => {
  const world = await hybridWorld();
  const desk = new Desk(world);
  await desk.enrol();
  await desk.fetchAnchors('pinned.json');
  const { result } = await desk.rotate('announce');
  expect(result.anchors.map(({ hybrid }: { hybrid: string }) => hybrid)).toEqual([
    'ML-DSA-65',
    'ML-DSA-65',
  ]);
  await desk.rotate('promote', '--early');
  await world.node.refresh();
  await desk.fetchAnchors('pinned.json');
  await desk.root('chain.json');
  expect(await desk.call('chain.json', 'pinned.json')).toBe('permit');
  await desk.rotate('retire');
  await world.stop();
  await world.start();
});

it('an authority whose second key is missing, or another one, does not start', async () => {
  const world = await hybridWorld();
  const { folder } = world;
  await world.stop();
  const config = JSON.parse(world.read('taper.json'));
  const { hybrid_file: file } = config.keys.root;
  const other = new World();
  await makeHome(other.folder, { port: 0, hybrid: true });
  const without = { ...(await readOf(world)), keys: {} };
  await expect(world.start(() => without)).rejects.toMatchObject({ code: 'key_store_unusable' });
  const foreign = { root: { driver: 'file', hybrid_file: join(other.folder, file) } };
  await expect(world.start((same) => ({ ...same, keys: foreign }))).rejects.toMatchObject({
    code: 'key_store_unusable',
  });
  const gone = { root: { driver: 'file', hybrid_file: join(folder, 'keys/none.json') } };
  await expect(world.start((same) => ({ ...same, keys: gone }))).rejects.toMatchObject({
    code: 'key_store_unusable',
    options: { field: 'missing' },
  });
  await world.start();
});

async function readOf(world: World) {
  const config = await readHome(world.folder);
  if (config === undefined) throw new Error('there is no configuration');
  return config;
}
