import { beforeEach, describe, expect, it } from 'vitest';
import type { JsonResult } from '../workspace.ts';
import { Desk } from './desk.ts';
import { World } from './world.ts';

let world: World;
let desk: Desk;

beforeEach(async () => {
  world = await new World().start();
  desk = new Desk(world);
  await desk.enrol();
});

function revoke(...argv: readonly string[]): Promise<JsonResult> {
  return desk.json('admin', 'revoke', ...argv, '--dir', world.folder);
}

/** Hashes of all roots of the desk. */
async function roots(): Promise<readonly string[]> {
  const where = ['--tenant', 'acme', '--agent', 'desk', '--dir', world.folder];
  const { result } = await desk.done('token', 'list', ...where);
  return result.issuances.map(({ token_hash: hash }: { token_hash: string }) => hash);
}

/** `accepted`, or why the authority takes a chain for nothing: it knows what it has revoked at once. */
async function exchange(chain: string): Promise<string> {
  const { error } = await desk.json(
    ...['token', 'exchange', '--key', 'desk.jwk', '--chain', chain, '--authority', world.url],
  );
  return error === undefined ? 'accepted' : error.field;
}

/** Makes NAME.jwk and NAME.pub.jwk. */
async function newKey(name: string): Promise<void> {
  const files = ['--out', `${name}.jwk`, '--public-out', `${name}.pub.jwk`];
  await desk.done('key', 'new', ...files);
}

async function thumbprint(file: string): Promise<string> {
  return (await desk.done('key', 'show', file)).result.thumbprint;
}

describe('taper admin revoke', () => {
  it('revokes a root by its hash, and no other root', async () => {
    await desk.root('one.json');
    const [one] = await roots();
    await desk.root('two.json');
    expect(await exchange('one.json')).toBe('accepted');
    const { result } = await revoke('--token', one as string, '--tenant', 'acme');
    expect(result).toEqual({ index: expect.any(Number), entry: expect.any(String) });
    expect([await exchange('one.json'), await exchange('two.json')]).toEqual([
      'subject_refused',
      'accepted',
    ]);
  });

  it('says the entry that is there already when it is asked again', async () => {
    await desk.root('one.json');
    const [one] = await roots();
    const first = await revoke('--token', one as string, '--tenant', 'acme');
    expect(await revoke('--token', one as string, '--tenant', 'acme')).toEqual(first);
    expect(await revoke('one.json')).toEqual(first);
  });

  it('revokes no root of another tenant, and none that was not issued', async () => {
    await desk.root('one.json');
    const [one] = await roots();
    const unknown = { code: 'server_refused', field: 'issuance_unknown' };
    expect((await revoke('--token', one as string, '--tenant', 'other')).error).toMatchObject(
      unknown,
    );
    const { error } = await revoke('--token', 'A'.repeat(43), '--tenant', 'acme');
    expect(error).toMatchObject(unknown);
    expect(await exchange('one.json')).toBe('accepted');
  });

  it('revokes the last token of a chain, or the one at a hop, with what was derived from it', async () => {
    await desk.root('root.json');
    const anchors = desk.workspace.write('own-anchors.json', world.read('anchors.json'));
    await newKey('reader');
    await desk.done(
      ...['delegate', 'root.json', '--key', 'desk.jwk', '--holder', 'reader.pub.jwk'],
      ...['--anchors', anchors, '--lifetime', '1h', '--out', 'handed-on.json'],
      ...['--tools', '{"read_ticket":{"id":{"constraint_type":"exact","value":"42"}}}'],
    );
    expect((await revoke('handed-on.json')).error).toBeUndefined();
    expect(await exchange('root.json')).toBe('accepted');
    expect((await revoke('handed-on.json', '--hop', '2')).error).toMatchObject({
      code: 'usage',
      field: '--hop',
    });
    expect((await revoke('handed-on.json', '--hop', '0')).error).toBeUndefined();
    expect(await exchange('root.json')).toBe('subject_refused');
  });

  it.each([
    ['its thumbprint', () => thumbprint('desk.jwk')],
    ['a file', async () => 'desk.jwk'],
  ])('revokes a key by %s, with all that it holds', async (_, name) => {
    await desk.root('one.json');
    const { error } = await revoke('--key', await name(), '--reason', 'key_compromised');
    expect(error).toBeUndefined();
    expect(await exchange('one.json')).not.toBe('accepted');
  });

  it('revokes all keys of an agent, the earlier ones too, which stays for a new key', async () => {
    await desk.root('one.json');
    await newKey('new');
    await desk.done(
      ...['agent', 'rotate', '--key', 'desk.jwk', '--new-key', 'new.jwk', '--overlap', '1h'],
      ...['--authority', world.url],
    );
    const done = await revoke('--agent', 'desk', '--tenant', 'acme');
    expect(done.error).toBeUndefined();
    for (const file of ['desk.jwk', 'new.jwk']) {
      const repeated = await revoke('--key', await thumbprint(file));
      expect([file, repeated.result]).toEqual([file, done.result]);
    }
    expect(await exchange('one.json')).not.toBe('accepted');
    const where = ['--tenant', 'acme', '--dir', world.folder];
    expect((await desk.done('agent', 'show', 'desk', ...where)).result.state).toBe('active');
  });

  it('revokes the tokens of a tenant that are older than a time, and none that are as old or of another tenant', async () => {
    await desk.root('one.json');
    world.ahead = 20;
    await desk.root('two.json');
    const before = String(world.clock() - 10);
    expect((await revoke('--tenant', 'other', '--issued-before', before)).error).toBeUndefined();
    expect(await exchange('one.json')).toBe('accepted');
    expect((await revoke('--tenant', 'acme', '--issued-before', before)).error).toBeUndefined();
    expect([await exchange('one.json'), await exchange('two.json')]).toEqual([
      'subject_refused',
      'accepted',
    ]);
  });

  it('refuses what does not say exactly one thing, before it asks the authority', async () => {
    await world.stop();
    const hash = 'A'.repeat(43);
    for (const argv of [
      [],
      ['--tenant', 'acme'],
      ['--token', hash],
      ['--agent', 'desk'],
      ['--issued-before', '1'],
      ['--key', hash, '--tenant', 'acme'],
      ['--key', hash, '--agent', 'desk', '--tenant', 'acme'],
      ['--key', hash, '--hop', '0'],
      ['--token', 'chain.json', '--tenant', 'acme'],
      ['--tenant', 'acme', '--issued-before', 'yesterday'],
      ['--key', hash, '--reason', 'because'],
    ])
      expect([argv, (await revoke(...argv)).error?.code]).toEqual([argv, 'usage']);
    expect((await revoke('--key', hash)).error?.code).toBe('server_unreachable');
  });

  it('does for an administrator of one tenant what concerns this tenant alone', async () => {
    await desk.root('one.json');
    const [one] = await roots();
    const dir = ['--dir', world.folder];
    await newKey('ada');
    const added = ['--key', 'ada.pub.jwk', '--tenant', 'acme', '--out', 'ada.json', ...dir];
    await desk.done('admin', 'add', 'ada', ...added);
    const as = ['--as-key', 'ada.jwk', '--as-chain', 'ada.json'];
    for (const foreign of [
      ['--tenant', 'other', '--issued-before', '1'],
      ['--key', await thumbprint('ada.jwk')],
    ])
      expect((await revoke(...foreign, ...as)).error).toBeDefined();
    const done = await revoke('--token', one as string, '--tenant', 'acme', ...as);
    expect(done.error).toBeUndefined();
    expect(await exchange('one.json')).toBe('subject_refused');
  });
});

describe('taper token list', () => {
  it('lists every root of the agent once, and says when there is no such agent', async () => {
    expect(await roots()).toEqual([]);
    await desk.root('one.json');
    await desk.root('two.json');
    expect(new Set(await roots()).size).toBe(2);
    const where = ['--tenant', 'acme', '--agent', 'nobody', '--dir', world.folder];
    const { error } = await desk.json('token', 'list', ...where);
    expect(error).toMatchObject({ code: 'server_refused', field: 'agent_unknown' });
  });
});
