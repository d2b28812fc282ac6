import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openKeyFile, passphraseFile } from '@taper/authority/keys';
import { createSigner, issue, type Signer } from '@taper/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { Desk } from './desk.ts';
import { World } from './world.ts';

const DAY = 86_400;

let world: World;
let desk: Desk;

beforeEach(async () => {
  world = await new World().start();
  desk = new Desk(world);
  await desk.enrol();
});

/** A root for the agent that its thief signs with a root key. */
async function forge(signer: Signer, file: string): Promise<void> {
  const key = JSON.parse(desk.workspace.read('desk.jwk'));
  const { tokens } = await issue({
    issuer: world.url,
    signer,
    holder: createSigner(key).publicKey,
    tools: { read_ticket: { id: { constraint_type: 'wildcard' } } },
    caveats: { tenant: 'acme' },
    now: world.clock(),
    id: file,
    lifetime: DAY,
    maxDepth: 1,
  });
  const chain = tokens.map(({ compact }) => compact);
  desk.workspace.write(file, JSON.stringify({ aat_chain: chain }));
}

/** Opens a root key file, as somebody does who has copied the folder. */
function steal(name: string): Promise<Signer> {
  const passphrase = passphraseFile(join(world.folder, 'passphrase'));
  return openKeyFile({ path: join(world.folder, 'keys', name), passphrase });
}

describe('Z10: while the root key of an authority that runs is replaced', () => {
  it('no healthy call is denied, at verifiers that fetch and at one that fetched last when the key was announced', async () => {
    const old = world.node.root.thumbprint;
    await desk.root('first.json');
    await desk.fetchAnchors('fetching.json');
    expect(await desk.call('first.json', 'fetching.json')).toBe('permit');

    const announced = await desk.rotate('announce');
    expect(announced.result.anchors.map(({ state }: { state: string }) => state)).toEqual([
      'current',
      'next',
    ]);
    await world.node.refresh();
    expect((await desk.fetchAnchors('fetching.json')).error).toBeUndefined();
    await desk.fetchAnchors('slow.json');
    await desk.root('second.json');
    for (const chain of ['first.json', 'second.json'])
      for (const anchors of ['fetching.json', 'slow.json'])
        expect(await desk.call(chain, anchors)).toBe('permit');

    world.ahead += 2 * DAY;
    await desk.root('third.json');
    expect((await desk.rotate('promote')).result.key).toBe(announced.result.key);
    // Until the node has noticed, it signs with the old key, which verifies.
    await desk.root('fourth.json');
    await world.node.refresh();
    expect(world.node.root.thumbprint).toBe(announced.result.key);
    await desk.root('fifth.json');
    expect((await desk.fetchAnchors('fetching.json')).error).toBeUndefined();
    for (const chain of ['third.json', 'fourth.json', 'fifth.json'])
      for (const anchors of ['fetching.json', 'slow.json'])
        expect(await desk.call(chain, anchors)).toBe('permit');

    expect((await desk.rotate('retire')).error).toBeUndefined();
    await world.stop();
    await world.start();
    expect(world.node.root.thumbprint).not.toBe(old);
    await desk.root('sixth.json');
    for (const chain of ['third.json', 'sixth.json'])
      expect(await desk.call(chain, 'slow.json')).toBe('permit');
  });

  it('administrators, exchanges and revocations go on, under roots of the old key and of the new one', async () => {
    const before = world.first;
    await desk.root('old.json');
    await desk.rotate('announce');
    await desk.rotate('promote', '--early');
    await world.node.refresh();
    await desk.root('new.json');
    const { data } = await world.client(before).GET('/admin/administrators');
    expect(data?.administrators).toHaveLength(1);
    const ada = await world.administrator('ada');
    expect((await world.client(ada).GET('/admin/administrators')).response.status).toBe(200);

    const origin = JSON.parse(world.read('taper.json')).log_origin;
    for (const chain of ['old.json', 'new.json']) {
      const exchange = ['token', 'exchange', '--key', 'desk.jwk', '--authority', world.url];
      await desk.done(...exchange, '--chain', chain, '--out', 'exchanged.json', '--force');
      const revoke = ['revoke', chain, '--key', 'desk.jwk', '--origin', origin];
      await desk.done(...revoke, '--to', `${world.url}/log`);
    }
  });
});

describe('Q01: a root key', () => {
  it('is nothing before it is published, though the authority has it', async () => {
    await desk.fetchAnchors('pinned.json');
    await desk.rotate('announce');
    await forge(await steal('root-2.json'), 'early.json');
    expect(await desk.call('early.json', 'own-anchors.json')).toBe('permit');
    expect(await desk.verdict('call.json', 'pinned.json')).toBe('signature_invalid');
    await world.node.refresh();
    await desk.root('healthy.json');
    expect(await desk.call('healthy.json', 'pinned.json')).toBe('permit');
  });

  it('is not taken over before verifiers know it, and then is', async () => {
    expect((await desk.rotate('promote')).error?.code).toBe('rotation_refused');
    await desk.rotate('announce');
    world.ahead += 2 * DAY - 10;
    expect((await desk.rotate('promote')).error?.code).toBe('rotation_refused');
    expect((await desk.rotate('retire')).error?.code).toBe('rotation_refused');
    world.ahead += 20;
    expect((await desk.rotate('promote')).error).toBeUndefined();
  });

  it('that was replaced verifies until its tokens have ended, and then no more', async () => {
    const thief = await steal('root.json');
    await desk.rotate('announce');
    await desk.rotate('promote', '--early');
    await world.node.refresh();
    await desk.fetchAnchors('pinned.json');
    world.ahead += 90 * DAY;
    await forge(thief, 'last.json');
    expect(await desk.call('last.json', 'pinned.json')).toBe('permit');
    world.ahead += 3601;
    expect(await desk.verdict('call.json', 'pinned.json')).toBe('signature_invalid');
    await world.node.refresh();
    const exchange = ['token', 'exchange', '--key', 'desk.jwk', '--authority', world.url];
    const { error } = await desk.json(...exchange, '--chain', 'last.json');
    expect(error).toMatchObject({ code: 'server_refused', field: 'subject_refused' });
    await desk.root('healthy.json');
    expect(await desk.call('healthy.json', 'pinned.json')).toBe('permit');
  });
});

describe('Q14: a root key that was stolen', () => {
  it('is replaced at once, verifies nothing any more, and nobody but the administrators asks anew', async () => {
    const thief = await steal('root.json');
    await desk.fetchAnchors('pinned.json');
    await desk.rotate('announce');
    await desk.root('before.json');
    expect((await desk.rotate('promote', '--compromised')).error).toBeUndefined();
    world.ahead += 1;
    await world.node.refresh();
    const fetched = await desk.fetchAnchors('pinned.json');
    expect(fetched.error).toBeUndefined();
    await forge(thief, 'forged.json');
    await desk.root('after.json');
    expect(await desk.call('after.json', 'pinned.json')).toBe('permit');
    const exchange = ['token', 'exchange', '--key', 'desk.jwk', '--authority', world.url];
    for (const chain of ['forged.json', 'before.json']) {
      const { error } = await desk.json(...exchange, '--chain', chain);
      expect(error).toMatchObject({ code: 'server_refused', field: 'subject_refused' });
    }

    // The first administrator's token was under the stolen key; starting again writes another one.
    await world.stop();
    await world.start();
    expect((await world.client().GET('/admin/administrators')).response.status).toBe(200);
  });

  it('Q02: publishes no next document by itself once it is retired', async () => {
    await desk.fetchAnchors('pinned.json');
    await desk.rotate('announce');
    await desk.rotate('promote', '--early');
    const { documents } = JSON.parse(await (await fetch(`${world.url}/anchors`)).text());
    expect(documents).toHaveLength(1);
    await world.node.refresh();
    await desk.fetchAnchors('pinned.json');
    const latest = JSON.parse(desk.workspace.read('pinned.json'));
    const current = latest.anchors.find(({ state }: { state: string }) => state === 'current');
    const signers = latest.signatures.map(({ key }: { key: string }) => key);
    expect(signers).toHaveLength(2);
    // As the new key alone would sign it, and as the old one would.
    for (const signature of latest.signatures) {
      const alone = { ...latest, signatures: [signature] };
      desk.workspace.write('alone.json', JSON.stringify(alone));
      desk.workspace.write('first.json', JSON.stringify(documents[0]));
      const pin = ['anchors', 'pin', 'alone.json', '--pin', 'first.json', '--out', 'taken.json'];
      expect((await desk.json(...pin)).error?.code).toBe('anchors_refused');
    }
    expect(current).toBeDefined();
  });
});

describe('a rotation', () => {
  it('Q13: destroys the private half of the old key, and keeps its public half for good', async () => {
    const old = world.node.root.thumbprint;
    await desk.rotate('announce');
    await desk.rotate('promote', '--early');
    await desk.rotate('retire');
    expect(readdirSync(join(world.folder, 'keys')).sort()).toEqual([
      'audit.json',
      'authority.json',
      'identity.json',
      'log.json',
      'root-2.json',
      'witness.json',
    ]);
    await world.stop();
    await world.start();
    await desk.fetchAnchors('pinned.json');
    const shown = await desk.json('anchors', 'show', join(world.folder, 'anchors.json'));
    expect(JSON.stringify(shown.result)).toContain(old);
  });

  it('Q03: loses no key when it is done twice, or by several at once, while nodes publish', async () => {
    const announced = await Promise.all([
      desk.rotate('announce'),
      world.node.refresh(),
      world.node.refresh(),
    ]);
    const again = await desk.rotate('announce');
    expect(again.result).toEqual(announced[0].result);
    const [first, second] = await Promise.all([
      desk.rotate('promote', '--early'),
      desk.rotate('promote', '--early'),
    ]);
    expect(first.result).toEqual(second.result);
    expect(first.result.anchors).toHaveLength(2);
  });

  it('can be done again and again, and the thumbprint that was pinned first leads to the newest', async () => {
    await desk.fetchAnchors('pinned.json');
    for (let round = 0; round < 3; round++) {
      for (const stage of ['announce', 'promote', 'retire'])
        expect(
          (await desk.rotate(stage, ...(stage === 'promote' ? ['--early'] : []))).error,
        ).toBeUndefined();
      await world.node.refresh();
    }
    expect((await desk.fetchAnchors('pinned.json')).error).toBeUndefined();
    await desk.root('chain.json');
    expect(await desk.call('chain.json', 'pinned.json')).toBe('permit');
  });

  it('leaves a node without the new key unready, and it issues nothing', async () => {
    await desk.rotate('announce');
    const config = world.read('taper.json');
    await desk.rotate('promote', '--early');
    const without = JSON.parse(config);
    delete without.keys;
    writeFileSync(join(world.folder, 'taper.json'), JSON.stringify(without));
    await world.node.refresh().catch(() => undefined);
    const ready = await fetch(`${world.node.managementUrl}/ready`);
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('root')]);
    await expect(desk.root('none.json')).rejects.toThrow();

    writeFileSync(join(world.folder, 'taper.json'), config);
    await world.node.refresh();
    expect((await fetch(`${world.node.managementUrl}/ready`)).status).toBe(200);
    await desk.root('again.json');
  });
});
