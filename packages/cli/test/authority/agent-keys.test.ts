import { randomUUID } from 'node:crypto';
import {
  createSigner,
  generateKeyPair,
  importPublicKey,
  type JsonObject,
  parseNoteKey,
  prove,
  type Signer,
  type VerifiedChain,
} from '@taper/core';
import { createEnforcementPoint, type EnforcementPoint } from '@taper/enforce';
import { openRevocationFollower, type RevocationFollower } from '@taper/log';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Desk } from './desk.ts';
import { World } from './world.ts';

const AUDIENCE = 'https://tickets.example';
const ARGS = '{"id":"42"}';

let world: World;
let desk: Desk;
let follower: RevocationFollower;
let point: EnforcementPoint;

/** The CI system that the authority trusts. */
const ci = generateKeyPair();

/** A fresh token of a job, in a file. */
async function jobToken(file: string, claims: JsonObject = {}): Promise<string> {
  const encode = (value: JsonObject): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = encode({ alg: 'Ed25519', kid: 'ci' });
  const now = world.clock();
  const payload = encode({
    iss: 'https://ci.example',
    sub: 'job-desk',
    aud: 'taper-test',
    iat: now,
    exp: now + 300,
    jti: file,
    ...claims,
  });
  const input = `${header}.${payload}`;
  const signature = await createSigner(ci.privateJwk).sign(Buffer.from(input));
  return desk.workspace.write(file, `${input}.${Buffer.from(signature).toString('base64url')}`);
}

beforeEach(async () => {
  world = await new World().start((config) => ({
    ...config,
    trustedIssuers: [
      {
        use: 'workload',
        issuer: 'https://ci.example',
        audience: 'taper-test',
        algorithms: ['Ed25519'],
        jwks: { keys: [{ ...ci.publicKey.jwk, kid: 'ci' }] },
        bindings: ['job-desk', 'job-other'].map((sub) => ({
          where: { sub },
          tenant: 'acme',
          name: 'desk',
          returning: 'replace_key',
        })),
      },
    ],
  }));
  desk = new Desk(world);
  const { log, authority_keys } = JSON.parse(world.read('anchors.json'));
  const key = parseNoteKey(log.key);
  if (key === undefined) throw new Error('no key of the log');
  follower = await openRevocationFollower({
    source: `${world.url}/log`,
    trust: { origin: log.origin, keys: [key], witnesses: [], quorum: 0 },
    authority: (authority_keys as unknown[]).map(importPublicKey),
    agents: true,
  });
  point = createEnforcementPoint({
    audience: AUDIENCE,
    tenant: 'acme',
    anchors: world.anchors,
    clock: { now: world.clock },
    revocation: follower,
  });
});

afterEach(() => follower?.close());

async function settled(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await isSo()) return;
    await follower.poll();
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('The follower does not come to know it.');
}

function signerOf(file: string): Signer {
  return createSigner(JSON.parse(desk.workspace.read(file)));
}

const thumbprintOf = (file: string): string => signerOf(file).publicKey.thumbprint;

/** A root for the agent that has this key; or the authority's refusal. */
async function rootFor(key: string, file: string): Promise<VerifiedChain | string> {
  const { error } = await desk.json(
    ...['token', 'request', '--key', key, '--authority', world.url, '--grant', 'tickets'],
    ...['--tools', '{"read_ticket":{"id":{"constraint_type":"wildcard"}}}', '--out', file],
  );
  if (error !== undefined) return error.field;
  return world.verify(JSON.parse(desk.workspace.read(file)).aat_chain);
}

/** What the server of tickets says to a call under the chain. */
async function call(
  chain: VerifiedChain,
  key: string,
  rotation: readonly string[] = [],
): Promise<string> {
  const presented = await prove(chain, {
    signer: signerOf(key),
    tool: 'read_ticket',
    args: ARGS,
    now: world.clock(),
    audience: AUDIENCE,
    id: randomUUID(),
    ...(rotation.length === 0 ? {} : { rotation }),
  });
  const decision = await point.authorize(presented, 'read_ticket', ARGS);
  return decision.verdict === 'permit' ? 'permit' : decision.denial.code;
}

describe('a key that was stolen and replaced by its thief', () => {
  let own: VerifiedChain;
  let stolen: VerifiedChain;
  let statement: string;

  beforeEach(async () => {
    await desk.enrol();
    own = (await rootFor('desk.jwk', 'own.json')) as VerifiedChain;
    await desk.done('key', 'new', '--out', 'thief.jwk', '--public-out', 'thief.pub.jwk');
    await desk.done(
      ...['agent', 'rotate', '--key', 'desk.jwk', '--new-key', 'thief.jwk'],
      ...['--authority', world.url, '--out', 'rotation.jwt'],
    );
    statement = desk.workspace.read('rotation.jwt').trim();
    stolen = (await rootFor('thief.jwk', 'stolen.json')) as VerifiedChain;
    await settled(async () => (await call(stolen, 'thief.jwk')) === 'permit');
  });

  function compromise(...more: readonly string[]): ReturnType<Desk['json']> {
    const who = ['desk', '--tenant', 'acme', '--agent-key', thumbprintOf('desk.jwk')];
    return desk.json('agent', 'compromise', ...who, '--dir', world.folder, ...more);
  }

  test('is revoked with what it was replaced by, and no statement from before helps (M16)', async () => {
    expect(await call(own, 'thief.jwk', [statement])).toBe('permit');
    const { result } = await compromise();
    const keys = [thumbprintOf('desk.jwk'), thumbprintOf('thief.jwk')];
    expect(result).toMatchObject({ marked: keys, kept: [], revocations: [{}] });
    await settled(() => follower.status().revoked >= 2);
    expect(await call(own, 'desk.jwk')).toBe('revoked');
    expect(await call(own, 'thief.jwk', [statement])).toBe('revoked');
    expect(await call(stolen, 'thief.jwk')).toBe('revoked');
    expect(await rootFor('thief.jwk', 'again.json')).toBe('key_not_current');
    expect((await compromise()).result).toEqual(result);
  });

  test('leaves what followed where the operator says so, until the operator thinks again', async () => {
    const { result } = await compromise('--keep-successors');
    expect(result).toMatchObject({
      marked: [thumbprintOf('desk.jwk')],
      kept: [thumbprintOf('thief.jwk')],
    });
    await settled(() => follower.status().revoked >= 1);
    expect(await call(stolen, 'thief.jwk')).toBe('permit');
    // What the stolen key held is lost all the same.
    expect(await call(own, 'thief.jwk', [statement])).toBe('revoked');
    await compromise();
    await settled(() => follower.status().revoked >= 2);
    expect(await call(stolen, 'thief.jwk')).toBe('revoked');
  });

  test('is revoked with them too where a client says in so many words that none is kept', async () => {
    const answer = await world.client().POST('/admin/tenants/{tenant}/agents/{agent}/compromise', {
      params: { path: { tenant: 'acme', agent: 'desk' } },
      body: { key: thumbprintOf('desk.jwk'), keep_successors: false },
    });
    expect(answer.error).toBeUndefined();
    expect(answer.data?.marked).toHaveLength(2);
  });

  test('names no key of another agent or tenant', async () => {
    const who = ['desk', '--tenant', 'globex', '--agent-key', thumbprintOf('desk.jwk')];
    const { error } = await desk.json('agent', 'compromise', ...who, '--dir', world.folder);
    expect(error).toMatchObject({ code: 'server_refused', field: 'agent_unknown' });
    expect(await call(stolen, 'thief.jwk')).toBe('permit');
  });
});

describe('a workload that comes back with a new key', () => {
  async function start(key: string, token: string): Promise<ReturnType<Desk['json']>> {
    return desk.json(
      ...['agent', 'enrol', '--workload', token, '--key', key, '--authority', world.url],
    );
  }

  /** Applies the grants, with the agent of the CI job in the place of the one that an administrator enrols. */
  async function firstStart(): Promise<void> {
    await desk.done(
      ...['agent', 'enrol', '--workload', await jobToken('1.jwt'), '--key', 'one.jwk'],
      ...['--authority', world.url],
    );
    await desk.grants();
  }

  test('is the same agent; the former key ends everywhere, with what it held (Q01)', async () => {
    await firstStart();
    const before = (await rootFor('one.jwk', 'one.json')) as VerifiedChain;
    await settled(async () => (await call(before, 'one.jwk')) === 'permit');
    expect((await start('two.jwk', await jobToken('2.jwt'))).error).toBeUndefined();
    expect(await rootFor('one.jwk', 'none.json')).toBe('key_not_current');
    const after = (await rootFor('two.jwk', 'two.json')) as VerifiedChain;
    const id = follower.agents?.agentOf(thumbprintOf('one.jwk'));
    await settled(() => follower.agents?.agentOf(thumbprintOf('two.jwk')) === id);
    expect(await call(after, 'two.jwk')).toBe('permit');
    expect(await call(before, 'one.jwk')).toBe('key_rotated');
    const shown = await desk.done(
      ...['agent', 'show', 'desk', '--tenant', 'acme', '--dir', world.folder],
    );
    const stateOf = (file: string): string =>
      shown.result.keys.find(({ key }: { key: string }) => key === thumbprintOf(file)).state;
    expect([stateOf('one.jwk'), stateOf('two.jwk')]).toEqual(['former', 'current']);
  });

  test('is not somebody else: another subject, a used token, or the former key do not get in', async () => {
    await firstStart();
    const other = await jobToken('other.jwt', { sub: 'job-other' });
    expect((await start('other.jwk', other)).error).toMatchObject({ field: 'agent_exists' });
    const second = await jobToken('2.jwt');
    expect((await start('two.jwk', second)).error).toBeUndefined();
    expect((await start('thief.jwk', second)).error).toMatchObject({ field: 'replayed' });
    await desk.done('key', 'new', '--out', 'next.jwk', '--public-out', 'next.pub.jwk');
    const back = await desk.json(
      ...['agent', 'rotate', '--key', 'one.jwk', '--new-key', 'next.jwk'],
      ...['--authority', world.url],
    );
    expect(back.error).toMatchObject({ field: 'key_not_current' });
    expect(typeof (await rootFor('two.jwk', 'two.json'))).not.toBe('string');
  });
});

describe('an agent that has had more keys than one entry of the log revokes', () => {
  beforeEach(async () => {
    await desk.enrol();
    const { store, agents } = world.node.authority;
    const [agent] = await agents.list({ tenant: 'acme', limit: 1 });
    if (agent === undefined) throw new Error('no agent was enrolled');
    await store.transaction(async (tx) => {
      for (let count = 1; count <= 300; count += 1) {
        const { publicKey } = generateKeyPair();
        await tx.insertKey({
          thumbprint: publicKey.thumbprint,
          jwk: publicKey.jwk,
          purpose: 'agent',
          holder: agent.id,
          state: 'former',
          addedAt: count,
          endsAt: count,
        });
      }
    });
  });

  const who = ['--tenant', 'acme'] as const;

  test('has all of them revoked when it is retired, and the same again when that is repeated', async () => {
    const { result } = await desk.done('agent', 'retire', 'desk', ...who, '--dir', world.folder);
    expect(result.revocations).toHaveLength(2);
    await settled(() => follower.status().revoked === 301);
    const again = await desk.done('agent', 'retire', 'desk', ...who, '--dir', world.folder);
    expect(again.result).toEqual(result);
  });

  test('has all of them revoked by an administrator who names it', async () => {
    const revoke = ['admin', 'revoke', '--agent', 'desk', ...who, '--dir', world.folder];
    const { result } = await desk.done(...revoke);
    expect(result.further).not.toHaveLength(0);
    await settled(() => follower.status().revoked === 301);
    expect((await desk.done(...revoke)).result).toEqual(result);
  });
});
