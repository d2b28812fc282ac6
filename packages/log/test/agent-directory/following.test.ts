import {
  createSigner,
  generateKeyPair,
  noteKey,
  type Signer,
  signAuthorityEntry,
  writeAuthorityEntryBody,
} from '@taper/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  captureDirectory,
  createAgentRegister,
  createHttpRevocationSource,
  createMemoryCheckpointStore,
  createMemoryRevocationStateStore,
  createMemoryTileStore,
  createMemoryViewStore,
  createRevocationService,
  type FollowerProblem,
  type Log,
  type LoggedRegister,
  openLog,
  openLoggedRegister,
  openRevocationAuthority,
  openRevocationFollower,
  type RevocationAuthority,
  type RevocationFollower,
  type RevocationFollowerOptions,
  restoreDirectory,
} from '../../src/index.ts';
import { query, until } from '../revocation-view/scene.ts';
import { serveHere } from '../served.ts';

const ORIGIN = 'authority.example/log';
const [anchor, writer, signer] = Array.from({ length: 3 }, () =>
  createSigner(generateKeyPair().privateJwk),
) as [Signer, Signer, Signer];
const trust = {
  origin: ORIGIN,
  keys: [noteKey(ORIGIN, writer.publicKey, 1)],
  witnesses: [],
  quorum: 0,
};
const now = (): number => Math.floor(Date.now() / 1000);
const key = (name: string): string => name.padEnd(43, 'A');
const id = (name: string): string => `spiffe://example.org/acme/agent/${name}`;

let log: Log;
let authority: RevocationAuthority;
let agents: LoggedRegister;
let url: string;
let sequence = 0;
const closing: (() => Promise<unknown>)[] = [];

type Event = Parameters<typeof writeAuthorityEntryBody>[0]['event'];

async function write(
  event: Event,
  name: string,
  details: { [member: string]: string | number } = {},
  by: Signer = signer,
): Promise<void> {
  sequence += 1;
  const body = writeAuthorityEntryBody({
    time: now(),
    event,
    tenant: 'acme',
    by: { kind: 'administrator', id: 'ada' },
    subject: { spiffe_id: id(name), agent: name, name },
    details,
  });
  await authority.append(await signAuthorityEntry(body, { log: ORIGIN, sequence, signer: by }));
}

async function enrol(name: string): Promise<void> {
  await write('agent.enrolled', name, { key: key(name) });
}

beforeEach(async () => {
  sequence = 0;
  log = await openLog({
    origin: ORIGIN,
    signer: writer,
    tiles: createMemoryTileStore(),
    checkpoints: createMemoryCheckpointStore(),
    create: true,
  });
  const anchors = [{ issuer: 'https://issuer.example', key: anchor.publicKey }];
  authority = await openRevocationAuthority({ log, signer, anchors, clock: now });
  await authority.publishEpoch();
  agents = await openLoggedRegister({ authority, signer });
  const service = createRevocationService({ log, authority, agents, prefix: '/log' });
  const served = await serveHere(service);
  url = `${served.url}/log`;
  closing.push(
    () => log.close(),
    () => authority.close(),
    () => agents.close(),
    () => served.close(),
  );
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function follow(
  options: Partial<RevocationFollowerOptions> = {},
): Promise<{ follower: RevocationFollower; problems: FollowerProblem[] }> {
  const problems: FollowerProblem[] = [];
  const follower = await openRevocationFollower({
    source: url,
    trust,
    authority: [signer.publicKey],
    pollInterval: 60_000,
    agents: true,
    report: (problem) => problems.push(problem),
    ...options,
  });
  closing.push(() => follower.close());
  return { follower, problems };
}

const find = ({ agents: directory }: RevocationFollower, name: string, tenant = 'acme') =>
  directory?.find(key(name), tenant, now());

describe('a follower of agents', () => {
  test('has none unless it was asked to', async () => {
    const { follower } = await follow({ agents: false });
    expect(follower.agents).toBeUndefined();
  });

  test('knows who is enrolled, as of the last epoch, and learns of changes as they are made', async () => {
    await enrol('bob');
    await authority.publishEpoch();
    const { follower } = await follow();
    await follower.ready;
    expect(find(follower, 'bob')).toMatchObject({
      verdict: 'known',
      agent: { id: id('bob'), state: 'active' },
      standing: 'unlisted',
    });
    expect(find(follower, 'bob')?.asOf).toBe(follower.status().asOf);
    expect(find(follower, 'eve')).toMatchObject({ verdict: 'unknown' });
    await until(() => follower.status().pushed);
    await write('agent.suspended', 'bob');
    await write('peer.blocked', 'bob');
    await until(() => find(follower, 'bob')?.verdict === 'known');
    await until(() => {
      const found = find(follower, 'bob');
      return found?.verdict === 'known' && found.agent.state === 'suspended';
    });
    await until(() => {
      const found = find(follower, 'bob');
      return found?.verdict === 'known' && found.standing === 'blocked';
    });
    const elsewhere = follower.agents?.find(key('bob'), 'other', now());
    expect(elsewhere).toMatchObject({ standing: 'unlisted' });
  });

  test('that did not read the log from its beginning knows nothing before it has a directory', async () => {
    await enrol('bob');
    await authority.publishEpoch();
    const store = createMemoryViewStore();
    const first = await follow({ store, agents: false });
    await first.follower.ready;
    await first.follower.close();
    const source = createHttpRevocationSource(url);
    const { agents: _, ...without } = source;
    const { follower, problems } = await follow({ store, source: without });
    await follower.poll();
    expect(find(follower, 'bob')).toEqual({ verdict: 'unknown', asOf: 0 });
    expect(problems.map(({ code }) => code)).toContain('agents_invalid');
    const { follower: other } = await follow({ store });
    await other.poll();
    expect(find(other, 'bob')).toMatchObject({ verdict: 'known' });
    await authority.publishEpoch();
    await other.poll();
    expect(find(other, 'bob')?.asOf).toBeGreaterThan(0);
  });

  test('that began at a snapshot of revocations asks for a directory that covers it', async () => {
    await enrol('bob');
    for (let each = 0; each < 1100; each += 1) await authority.append(`{"n":${each},"type":"x"}`);
    await authority.publishEpoch();
    await write('agent.suspended', 'bob');
    await authority.publishEpoch();
    const { follower } = await follow({ snapshotFrom: 100 });
    await follower.poll();
    await follower.poll();
    const found = find(follower, 'bob');
    expect(found).toMatchObject({ verdict: 'known', agent: { state: 'suspended' } });
    expect(found?.asOf).toBeGreaterThan(0);
  });

  test('Q01 that began at a snapshot knows by the directory which keys were replaced before it', async () => {
    await enrol('eve');
    const ends = now() - 5;
    await write('agent.key_rotated', 'eve', { key: key('e2'), old: key('eve'), old_until: ends });
    for (let each = 0; each < 1100; each += 1) await authority.append(`{"n":${each},"type":"x"}`);
    await authority.publishEpoch();
    const { follower } = await follow({ snapshotFrom: 100 });
    await follower.poll();
    await follower.poll();
    const verdict = (name: string, at?: number): string =>
      follower.check(query({ tokens: [], acting: [{ key: key(name), at }] }), now()).verdict;
    expect(verdict('eve')).toBe('rotated');
    expect(verdict('eve', ends - 1)).toBe('good');
    expect(verdict('e2')).toBe('good');
  });

  test('Q01 M04 that has no directory yet of what was before its snapshot does not call anything fresh', async () => {
    await enrol('eve');
    const ends = now() - 5;
    await write('agent.key_rotated', 'eve', { key: key('e2'), old: key('eve'), old_until: ends });
    for (let each = 0; each < 1100; each += 1) await authority.append(`{"n":${each},"type":"x"}`);
    await authority.publishEpoch();
    const source = createHttpRevocationSource(url);
    let isKeptBack = true;
    const { follower } = await follow({
      snapshotFrom: 100,
      source: {
        ...source,
        agents: (size, signal) => {
          if (isKeptBack) throw new Error('kept back');
          return (source.agents as NonNullable<typeof source.agents>)(size, signal);
        },
      },
    });
    let isReady = false;
    void follower.ready.then(() => {
      isReady = true;
    });
    await follower.poll();
    const asked = query({ tokens: [], acting: [{ key: key('eve'), at: undefined }] });
    const other = query({ tokens: [], acting: [{ key: key('e2'), at: undefined }] });
    expect(follower.status().asOf).toBeGreaterThan(0);
    expect(follower.check(asked, now())).toEqual({ verdict: 'good', asOf: 0 });
    expect(isReady).toBe(false);
    isKeptBack = false;
    await follower.poll();
    await follower.ready;
    expect(follower.check(asked, now()).verdict).toBe('rotated');
    expect(follower.check(other, now())).toEqual({
      verdict: 'good',
      asOf: follower.status().asOf,
    });
  });

  test('does not trust a log in which somebody else signed an entry of the authority', async () => {
    await write('agent.enrolled', 'eve', { key: key('eve') }, writer);
    await authority.publishEpoch();
    const { follower, problems } = await follow();
    await follower.poll();
    expect(find(follower, 'eve')).toEqual({ verdict: 'unknown', asOf: 0 });
    expect(follower.status().faulty).toBe(true);
    expect(problems.map(({ code }) => code)).toContain('entry_signature_invalid');
  });

  test('knows nothing surely any more after an entry about agents that it does not understand', async () => {
    const { follower, problems } = await follow();
    await follower.ready;
    await write('agent.enrolled', 'bob');
    await authority.publishEpoch();
    await follower.poll();
    expect(find(follower, 'bob')?.asOf).toBe(0);
    expect(problems.map(({ code }) => code)).toContain('authority_entry_malformed');
  });
});

describe('a directory', () => {
  const anchors = { log: ORIGIN, authority: [signer.publicKey] };

  async function lines(): Promise<string[]> {
    const register = createAgentRegister();
    for (const name of ['bob', 'eve'])
      for (const fact of [
        ['agent', id(name), 'acme', 'active', 1],
        ['key', key(name), id(name), 1],
      ])
        register.restore(fact);
    const { statement, facts } = await captureDirectory(register, { log: ORIGIN, size: 9, signer });
    return [statement, ...facts];
  }

  async function isTaken(given: readonly string[], atLeast = 9, known = anchors): Promise<boolean> {
    const register = createAgentRegister();
    const taken = await restoreDirectory(
      register,
      (async function* () {
        yield* given;
      })(),
      known,
      atLeast,
    );
    if (!taken) expect(register.agents).toBe(0);
    return taken;
  }

  test('is that of the moment in which it was asked for, however long its lines take', async () => {
    const register = createAgentRegister();
    for (let number = 0; number < 10_000; number += 1)
      register.restore(['agent', id(`agent-${number}`), 'acme', 'active', 1]);
    const capturing = captureDirectory(register, { log: ORIGIN, size: 9, signer });
    register.restore(['agent', id('late'), 'acme', 'active', 2]);
    register.restore(['agent', id('agent-9999'), 'acme', 'retired', 2]);
    const { statement, facts } = await capturing;
    expect(facts).toHaveLength(10_000);
    expect(facts.filter((line) => line.includes('retired'))).toEqual([]);
    expect(await isTaken([statement, ...facts])).toBe(true);
  });

  test('is taken as the authority signed it, and for no greater size', async () => {
    expect(await isTaken(await lines())).toBe(true);
    expect(await isTaken(await lines(), 10)).toBe(false);
  });

  test('is refused whole when anything of it is not the authority’s', async () => {
    const whole = await lines();
    const [statement = '', ...facts] = whole;
    const asSuspended = facts.map((line) => line.replace('"active"', '"suspended"'));
    expect(await isTaken([])).toBe(false);
    expect(await isTaken([statement])).toBe(false);
    expect(await isTaken(facts)).toBe(false);
    expect(await isTaken(whole.slice(0, -1))).toBe(false);
    expect(await isTaken([...whole, facts[0] as string])).toBe(false);
    expect(await isTaken([statement, ...asSuspended])).toBe(false);
    expect(await isTaken([statement, ...facts.toReversed()])).toBe(false);
    expect(await isTaken([statement.replace('"size":9', '"size":99'), ...facts], 99)).toBe(false);
    expect(await isTaken(whole, 9, { ...anchors, log: 'another.example/log' })).toBe(false);
    expect(await isTaken(whole, 9, { ...anchors, authority: [writer.publicKey] })).toBe(false);
  });

  test('is made of what was saved and what came after it, and of the log alone where that is damaged', async () => {
    const state = createMemoryRevocationStateStore();
    const first = await openLoggedRegister({ authority, signer, state });
    await enrol('bob');
    await first.close();
    await write('agent.suspended', 'bob');
    const failures: unknown[] = [];
    const onFailure = (cause: unknown): void => void failures.push(cause);
    const second = await openLoggedRegister({ authority, signer, state, onFailure });
    expect(second.register.agentOfKey(key('bob'))?.state).toBe('suspended');
    expect(failures).toEqual([]);
    await second.close();
    const saved: string[] = [];
    for await (const line of (await state.load()) ?? []) saved.push(line);
    await state.save(saved.map((line) => line.replace('suspended', 'active')));
    const third = await openLoggedRegister({ authority, signer, state, onFailure });
    expect(third.register.agentOfKey(key('bob'))?.state).toBe('suspended');
    expect(failures).toHaveLength(1);
    await third.close();
  });

  test('is answered by the service for a size that the log has, and for nothing else', async () => {
    const status = async (query: string): Promise<number> =>
      (await fetch(`${url}/agents${query}`)).status;
    expect(await status('')).toBe(200);
    expect(await status(`?size=${authority.feed.end}`)).toBe(200);
    expect(await status(`?size=${authority.feed.end + 1}`)).toBe(503);
    expect(await status('?size=-1')).toBe(400);
    expect(await status('?size=1e3')).toBe(400);
    const without = createRevocationService({ log, authority });
    expect((await without(new Request('http://127.0.0.1/agents'))).status).toBe(404);
  });
});
