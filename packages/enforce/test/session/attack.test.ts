import { inspect } from 'node:util';
import { issue, type Signer, type VerifiedChain } from '@taper/core';
import { describe, expect, test } from 'vitest';
import { createAuditRecorder } from '../../src/audit/recorder.ts';
import {
  createMemoryAuditSink,
  createMemoryRevocationView,
  type EnforcementPoint,
  type InitiatorSession,
  initiateSession,
} from '../../src/index.ts';
import {
  AUDIENCE,
  agent,
  authority,
  chainOf,
  childOf,
  codeOf,
  ISSUER,
  NOW,
  newSigner,
  nextId,
  orchestrator,
  PAYMENT,
  pointWith,
  rootOf,
} from '../judge/scene.ts';
import {
  handshake,
  type Message,
  open,
  overWire,
  responder,
  sessionPoint,
  TEXT,
  tableWith,
} from './parties.ts';

/** Something that is awaited, and comes when the test says so. */
function gate<Value = void>() {
  return Promise.withResolvers<Value>();
}

async function helloFor(chain: VerifiedChain, holder: Signer = agent): Promise<Message> {
  const { hello } = initiateSession({
    chains: [chain],
    signers: [holder],
    audience: AUDIENCE,
    responderKey: responder.publicKey,
  });
  return overWire(hello);
}

/** A hello, its welcome, and the finish that is still to be sent. */
async function unfinished(point: EnforcementPoint, chain: VerifiedChain) {
  const { hello, complete } = initiateSession({
    chains: [chain],
    signers: [agent],
    audience: AUDIENCE,
    responderKey: responder.publicKey,
  });
  return complete(await point.sessions?.hello(overWire(hello)), NOW);
}

const denied = (code: string, reason?: string) =>
  expect.objectContaining({ code, ...(reason === undefined ? {} : { facts: { reason } }) });

describe('between the steps of a handshake (X08)', () => {
  test('no session is live before it is in the audit log', async () => {
    const writing = gate();
    const written = gate();
    const recorder = createAuditRecorder({
      sink: createMemoryAuditSink(),
      signer: newSigner(),
      emitter: 'point',
    });
    const point = sessionPoint({
      audit: {
        ...recorder,
        async record(event) {
          if (event.type === 'session') {
            writing.resolve();
            await written.promise;
          }
          return recorder.record(event);
        },
      },
      portTimeout: 10_000,
    });
    const { finish, session } = await unfinished(point, await chainOf());
    const opened = point.sessions?.finish(finish);
    await writing.promise;
    const early = session.request('pay', TEXT);
    expect(codeOf(await point.authorize(early, 'pay', TEXT))).toBe('session_unknown');
    written.resolve();
    expect(await opened).toEqual({ session: session.id, expires: session.expiresAt });
    expect(codeOf(await point.authorize(early, 'pay', TEXT))).toBe('permit');
  });

  test.each<
    [string, (table: ReturnType<typeof tableWith>, chain: VerifiedChain, id: string) => void]
  >([
    ['its chain', (table, chain) => table.endFor(chain.leaf.hash)],
    ['its key', (table) => table.endFor(agent.publicKey.thumbprint)],
    ['its issuer', (table, chain) => table.endFor(chain.anchor.key.thumbprint)],
    ['itself', (table, _, id) => table.end(id)],
    ['the table', (table) => table.close()],
  ])('a session is not opened when %s is ended while it is confirmed', async (_what, end) => {
    const asked = gate();
    const answered = gate();
    let slow = false;
    const view = createMemoryRevocationView();
    const table = tableWith();
    const point = pointWith({
      sessions: table,
      portTimeout: 10_000,
      revocation: {
        async check(query, now) {
          if (slow) {
            asked.resolve();
            await answered.promise;
          }
          return view.check(query, now);
        },
      },
    });
    const chain = await chainOf();
    const { finish, session } = await unfinished(point, chain);
    slow = true;
    const opened = point.sessions?.finish(finish);
    await asked.promise;
    end(table, chain, session.id);
    answered.resolve();
    expect(await opened).toEqual(denied('session_handshake_refused', 'ended'));
    expect(codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe(
      'session_unknown',
    );
    expect(table.size).toBe(0);
  });

  test('a handshake that is ended while its welcome is signed is over', async () => {
    for (const end of ['endFor', 'close'] as const) {
      const signing = gate();
      const signed = gate();
      const slow: Signer = {
        publicKey: responder.publicKey,
        async sign(text) {
          signing.resolve();
          await signed.promise;
          return responder.sign(text);
        },
      };
      const table = tableWith({ signer: slow });
      const point = pointWith({ sessions: table, portTimeout: 10_000 });
      const welcome = point.sessions?.hello(await helloFor(await chainOf()));
      await signing.promise;
      if (end === 'close') table.close();
      else table.endFor(agent.publicKey.thumbprint);
      signed.resolve();
      expect(await welcome).toEqual(denied('session_handshake_refused', 'ended'));
    }
  });

  test('revocation between hello and finish opens nothing', async () => {
    const view = createMemoryRevocationView();
    const point = sessionPoint({ revocation: view });
    const chain = await chainOf();
    const { finish } = await unfinished(point, chain);
    view.revoke({ token: chain.leaf.hash }, NOW);
    expect(await point.sessions?.finish(finish)).toEqual(denied('revoked'));
  });

  test('a request that was authenticated is not permitted once its session has been ended', async () => {
    const table = tableWith();
    const point = pointWith({
      sessions: table,
      policy: {
        decide() {
          table.endFor(agent.publicKey.thumbprint);
          return {
            verdict: 'permit',
            approvals: [],
            policy: { id: 'p', version: '1' },
            reasons: [],
          };
        },
      },
    });
    const session = await open(point);
    expect(codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe(
      'session_unknown',
    );
  });
});

describe('a table of sessions', () => {
  test('that was closed opens nothing any more: its key has been given up', async () => {
    const table = tableWith();
    const point = pointWith({ sessions: table });
    const { finish } = await unfinished(point, await chainOf());
    table.close();
    expect(await point.sessions?.finish(finish)).toEqual(
      denied('session_handshake_refused', 'unknown'),
    );
    expect(await point.sessions?.hello(await helloFor(await chainOf()))).toEqual(
      denied('session_handshake_refused', 'closed'),
    );
  });

  test('is for one audience, which the enforcement point must have', () => {
    const sessions = tableWith({ audience: 'https://other.example' });
    expect(() => pointWith({ sessions })).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
    expect(() =>
      pointWith({ sessions, audience: [AUDIENCE, 'https://other.example'] }),
    ).not.toThrow();
  });

  test('shared by two enforcement points gives no chain of one to the other', async () => {
    const table = tableWith();
    const [one, other] = [
      pointWith({ sessions: table }),
      pointWith({ sessions: table, tenant: 't' }),
    ];
    const session = await open(one);
    expect(codeOf(await other.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe(
      'internal_error',
    );
    expect(codeOf(await one.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe('permit');
  });

  test('knows nothing of a second one with the same key (E17, V08)', async () => {
    const [one, other] = [sessionPoint(), sessionPoint()];
    const session = await open(one);
    const request = session.request('pay', TEXT);
    expect(codeOf(await other.authorize(request, 'pay', TEXT))).toBe('session_unknown');
    const { finish } = await unfinished(one, await chainOf());
    expect(await other.sessions?.finish(finish)).toEqual(
      denied('session_handshake_refused', 'unknown'),
    );
  });

  test.each<[string, object]>([
    ['no signer', { signer: undefined }],
    ['an audience with a lone surrogate', { audience: 'x\ud800' }],
    [
      'a tool with a lone surrogate, whose bytes are those of another name',
      { tools: ['pay\udfff'] },
    ],
    ['a tool whose name no initiator would read', { tools: ['x'.repeat(2049)] }],
    ['too many tools', { tools: Array.from({ length: 257 }, (_, index) => `t${index}`) }],
    ['tools that are no list', { tools: 'pay' }],
    ['a lifetime above an hour', { lifetime: 3601 }],
    ['no lifetime', { lifetime: 0 }],
    ['no number of sessions', { maxSessions: Number.NaN }],
    ['no number of handshakes', { maxHandshakes: 0.5 }],
  ])('is not made with %s', (_what, options) => {
    expect(() => tableWith(options)).toThrow(expect.objectContaining({ code: 'option_invalid' }));
  });
});

describe('room (R09)', () => {
  const hellos = (point: EnforcementPoint, hello: Message, count: number) =>
    Promise.all(Array.from({ length: count }, async () => point.sessions?.hello(hello)));
  const full = (answers: readonly unknown[]) =>
    answers.filter((answer) => Reflect.get(answer as object, 'code') === 'session_store_full')
      .length;

  test('one leaf has 16 open handshakes, and has them again after 10 seconds', async () => {
    let now = NOW;
    const point = sessionPoint({ clock: { now: () => now } });
    const hello = await helloFor(await chainOf());
    expect(full(await hellos(point, hello, 20))).toBe(4);
    // Others are not kept out.
    expect((await handshake({ point })).outcome).toBe('open');
    now += 9;
    expect(full(await hellos(point, hello, 1))).toBe(1);
    now += 1;
    expect(full(await hellos(point, hello, 17))).toBe(1);
  });

  test('is counted before the welcome is signed: a slow signer lets nobody past a limit', async () => {
    const signed = gate();
    let signing = 0;
    const slow: Signer = {
      publicKey: responder.publicKey,
      async sign(text) {
        signing += 1;
        await signed.promise;
        return responder.sign(text);
      },
    };
    const point = sessionPoint({ portTimeout: 10_000 }, { signer: slow });
    const answers = hellos(point, await helloFor(await chainOf()), 50);
    await expect.poll(() => signing).toBe(16);
    signed.resolve();
    expect(full(await answers)).toBe(34);
    expect(signing).toBe(16);
  });

  test('a signer that never answers refuses, and takes no place for ever', async () => {
    let now = NOW;
    let hangs = true;
    const hung: Signer = {
      publicKey: responder.publicKey,
      sign: (text) => (hangs ? new Promise<Uint8Array>(() => {}) : responder.sign(text)),
    };
    const point = sessionPoint(
      { clock: { now: () => now }, portTimeout: 20 },
      { signer: hung, maxHandshakes: 2 },
    );
    const hello = await helloFor(await chainOf());
    expect(await point.sessions?.hello(hello)).toEqual(denied('internal_error'));
    expect(await point.sessions?.hello(hello)).toEqual(denied('session_store_full'));
    hangs = false;
    now += 10;
    expect((await handshake({ point })).outcome).toBe('open');
  });

  test('what fails gives its place back', async () => {
    const failing: Signer = {
      publicKey: responder.publicKey,
      sign: () => {
        throw new Error('token device is gone');
      },
    };
    const point = sessionPoint({}, { signer: failing, maxHandshakes: 1 });
    const hello = await helloFor(await chainOf());
    const zero = { ...hello, share: 'A'.repeat(43) };
    for (const _ of [1, 2, 3]) {
      expect(await point.sessions?.hello(hello)).toEqual(denied('internal_error'));
      expect(await point.sessions?.hello(zero)).toEqual(
        denied('session_handshake_refused', 'share'),
      );
    }
  });

  test('nobody who has no key makes the responder sign without end: a handshake that fails keeps its place', async () => {
    let now = NOW;
    let signed = 0;
    const signer: Signer = {
      publicKey: responder.publicKey,
      sign(text) {
        signed += 1;
        return responder.sign(text);
      },
    };
    const point = sessionPoint({ clock: { now: () => now } }, { signer });
    const hello = await helloFor(await chainOf());
    const codes = new Set<unknown>();
    for (let count = 0; count < 50; count++) {
      const answer = await point.sessions?.hello(hello);
      if (answer === undefined || 'code' in answer) codes.add(answer?.code);
      else
        await point.sessions?.finish({
          session: answer.session,
          signatures: [answer.signature],
          mac: answer.mac,
        });
    }
    expect([signed, [...codes]]).toEqual([16, ['session_store_full']]);
    now += 10;
    expect(await point.sessions?.hello(hello)).not.toHaveProperty('code');
  });

  test('a handshake that succeeds gives its place to the session at once', async () => {
    const point = sessionPoint({}, { maxHandshakes: 1 });
    for (const _ of [1, 2, 3]) expect((await handshake({ point })).outcome).toBe('open');
  });

  test('long chains take as much of it as they hold in memory', async () => {
    const long = async () => {
      const order = { constraint_type: 'one_of' as const, values: ['o-1', 'x'.repeat(45_000)] };
      const tools = { pay: { order, amount: { constraint_type: 'wildcard' as const } } };
      const root = await issue({
        issuer: ISSUER,
        signer: authority,
        holder: orchestrator.publicKey,
        tools,
        now: NOW,
        id: nextId(),
        lifetime: 600,
        maxDepth: 3,
      });
      return childOf(root, undefined, agent, tools);
    };
    // 64 sessions may hold 1 MiB of tokens altogether, which is what one hello may carry.
    const point = sessionPoint({}, { maxSessions: 64 });
    const outcomes: string[] = [];
    for (let count = 0; count < 9; count++)
      outcomes.push((await handshake({ point, chains: [await long()] })).outcome);
    expect(outcomes).toEqual([...Array(8).fill('open'), 'session_store_full']);
    expect((await handshake({ point })).outcome).toBe('open');
  });

  test('the holder of one root takes an eighth, however many leaves it derives', async () => {
    const point = sessionPoint({}, { maxHandshakes: 16, maxSessions: 16 });
    const root = await rootOf();
    const answers = await Promise.all(
      [1, 2, 3].map(async () => point.sessions?.hello(await helloFor(await childOf(root)))),
    );
    expect(full(answers)).toBe(1);
    const other = await rootOf();
    const outcomes: string[] = [];
    for (const _ of [1, 2, 3])
      outcomes.push((await handshake({ point, chains: [await childOf(other)] })).outcome);
    expect(outcomes).toEqual(['open', 'open', 'session_store_full']);
    expect((await handshake({ point })).outcome).toBe('open');
  });

  test('there are no more sessions than there may be; one that ends makes room for one', async () => {
    let now = NOW;
    const table = tableWith({ maxSessions: 3, lifetime: 60 });
    const point = pointWith({ sessions: table, clock: { now: () => now } });
    const sessions: InitiatorSession[] = [];
    for (const _ of [1, 2, 3]) sessions.push(await open(point));
    expect((await handshake({ point })).outcome).toBe('session_store_full');
    table.end(sessions[0]?.id as string);
    table.end(sessions[0]?.id as string);
    expect((await handshake({ point })).outcome).toBe('open');
    expect((await handshake({ point })).outcome).toBe('session_store_full');
    now += 60;
    expect((await handshake({ point, now })).outcome).toBe('open');
    expect(table.size).toBe(1); // those that are over are forgotten, asked for or not
  });

  test('one leaf has 64 sessions', async () => {
    const point = sessionPoint();
    const chains = [await chainOf()];
    for (let count = 0; count < 64; count++)
      expect((await handshake({ point, chains })).outcome).toBe('open');
    expect((await handshake({ point, chains })).outcome).toBe('session_store_full');
    expect((await handshake({ point })).outcome).toBe('open');
  });

  test('arguments beyond the limit are refused before a code is computed over them', async () => {
    const point = sessionPoint({ limits: { maxProofSize: 1000 } });
    const session = await open(point);
    const long = JSON.stringify({ ...PAYMENT, note: 'x'.repeat(1000) });
    const request = { ...session.request('pay', TEXT), taper_mac: 'A'.repeat(43) };
    expect(codeOf(await point.authorize(request, 'pay', long))).toBe('arguments_malformed');
    expect(codeOf(await point.authorize(request, 'pay', JSON.parse(long)))).toBe(
      'arguments_malformed',
    );
    expect(codeOf(await point.authorize(request, 'pay', TEXT))).toBe('session_mac_invalid');
  });
});

describe('inputs that change between check and use (X06, X07, X12)', () => {
  test('arguments that read differently each time run as they were authenticated', async () => {
    const point = sessionPoint();
    const session = await open(point);
    const request = session.request('pay', PAYMENT);
    let passes = 0;
    const amount = () => (passes <= 1 ? '120.00' : '200.00');
    const args = new Proxy(
      { ...PAYMENT },
      {
        ownKeys(target) {
          passes += 1;
          return Reflect.ownKeys(target);
        },
        get: (target, name) => (name === 'amount' ? amount() : Reflect.get(target, name)),
        getOwnPropertyDescriptor(target, name) {
          const own = Reflect.getOwnPropertyDescriptor(target, name);
          return own === undefined || name !== 'amount' ? own : { ...own, value: amount() };
        },
      },
    );
    const decision = await point.authorize(request, 'pay', args);
    expect(decision).toMatchObject({ verdict: 'permit', args: PAYMENT });
    const proxy = new Proxy(
      { ...PAYMENT },
      {
        ownKeys: () => {
          throw new Error('mine');
        },
      },
    );
    expect(codeOf(await point.authorize(session.request('pay', PAYMENT), 'pay', proxy))).toBe(
      'arguments_malformed',
    );
  });

  test('a source of randomness may use its memory again', async () => {
    const pool = new Uint8Array(64);
    const random = (length: number): Uint8Array => crypto.getRandomValues(pool).subarray(0, length);
    const point = sessionPoint({}, { random });
    const sessions = [await open(point, { random }), await open(point, { random })];
    for (const session of sessions)
      expect(codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe(
        'permit',
      );
  });

  test('a source of randomness that gives too little opens nothing', async () => {
    for (const random of [
      () => new Uint8Array(4),
      () => new Uint8Array(33),
      () => 'x'.repeat(32),
    ]) {
      const bad = random as (length: number) => Uint8Array;
      await expect(handshake({ random: bad })).rejects.toMatchObject({ code: 'option_invalid' });
      expect((await handshake({ point: sessionPoint({}, { random: bad }) })).outcome).toBe(
        'internal_error',
      );
    }
  });

  test('a signer may use its memory again', async () => {
    const second = newSigner();
    const output = new Uint8Array(64);
    const reusing = (signer: Signer): Signer => ({
      publicKey: signer.publicKey,
      async sign(text) {
        output.set(await signer.sign(text));
        return output;
      },
    });
    const chains = [await chainOf(), await childOf(await rootOf(), undefined, second)];
    const signers = [reusing(agent), reusing(second)];
    const point = sessionPoint({}, { signer: reusing(responder) });
    expect((await handshake({ point, chains, signers })).outcome).toBe('open');
  });

  test('lists that the caller changes afterwards change nothing', async () => {
    const [chains, signers, tools] = [[await chainOf()], [agent], ['pay']];
    const table = tableWith({ tools });
    tools.push('read');
    const point = pointWith({ sessions: table });
    const { hello, complete } = initiateSession({
      chains,
      signers,
      audience: AUDIENCE,
      responderKey: responder.publicKey,
    });
    signers[0] = newSigner();
    chains.length = 0;
    const welcome = await point.sessions?.hello(overWire(hello));
    const { finish, session } = await complete(welcome, NOW);
    expect([...session.tools]).toEqual(['pay']);
    expect(await point.sessions?.finish(finish)).not.toHaveProperty('code');
    (session.tools as Set<string>).add('read');
    expect(() => session.request('read', '{}')).toThrow(
      expect.objectContaining({ code: 'session_refused' }),
    );
  });

  test('messages whose members are code open nothing, and throw nothing', async () => {
    const point = sessionPoint();
    const mine = () => {
      throw new Error('mine');
    };
    const trap = new Proxy({}, { ownKeys: mine, get: mine, getOwnPropertyDescriptor: mine });
    for (const message of [trap, null, undefined, 5, 'x', [], new Proxy([], { get: mine })]) {
      expect(await point.sessions?.hello(message)).toEqual(denied('session_malformed'));
      expect(await point.sessions?.finish(message)).toEqual(denied('session_malformed'));
      expect((await handshake({ welcome: () => message })).outcome).toBe('session_refused');
    }
    const hello = await helloFor(await chainOf());
    const chains = (hello['chains'] as string[][]).map((chain) => {
      let reads = 0;
      return new Proxy(chain, {
        get(target, name, receiver) {
          if (name === '0') reads += 1;
          return name === '0' && reads > 1 ? 5 : Reflect.get(target, name, receiver);
        },
      });
    });
    expect(await point.sessions?.hello({ ...hello, chains })).not.toHaveProperty('code');
  });
});

describe('names and keys', () => {
  test('whose bytes under a code are the same are not the same', async () => {
    const tools = ['pay', 'x\ufffd'];
    const point = sessionPoint({}, { tools });
    const session = await open(point);
    const request = session.request('x\ufffd', '{}');
    expect(codeOf(await point.authorize(request, 'x\ud800', '{}'))).toBe(
      'session_tool_not_allowed',
    );
    expect(
      codeOf(await point.authorize(session.request('pay', TEXT), 'pay', `${TEXT}\ud800`)),
    ).toBe('arguments_malformed');
    expect(() => session.request('pay', '"\ud800"')).toThrow(
      expect.objectContaining({ code: 'session_refused' }),
    );
  });

  test('a key that nobody has checked is no key of a responder', async () => {
    const { alg, jwk, thumbprint } = responder.publicKey;
    const chain = await chainOf();
    for (const responderKey of [{ alg, jwk, thumbprint }, undefined, null, {}])
      expect(() =>
        initiateSession({
          chains: [chain],
          signers: [agent],
          audience: AUDIENCE,
          responderKey: responderKey as never,
        }),
      ).toThrow(expect.objectContaining({ code: 'option_invalid' }));
  });

  test('an initiator is not made without a signer for each leaf', async () => {
    const chain = await chainOf();
    for (const [chains, signers] of [
      [[], []],
      [[chain], []],
      [[chain], [newSigner()]],
      [[chain], [agent, agent]],
      [
        [chain, chain, chain, chain, chain],
        [agent, agent, agent, agent, agent],
      ],
    ] as const)
      expect(() =>
        initiateSession({ chains, signers, audience: AUDIENCE, responderKey: responder.publicKey }),
      ).toThrow(expect.objectContaining({ code: 'option_invalid' }));
  });
});

describe('secrets', () => {
  test('are in nothing that comes out of a handshake (Q15)', async () => {
    const seeds: string[] = [];
    const random = (length: number): Uint8Array => {
      const bytes = crypto.getRandomValues(new Uint8Array(length));
      if (length === 32) seeds.push(Buffer.from(bytes).toString('base64url'));
      return bytes;
    };
    const point = sessionPoint({}, { random });
    const initiation = initiateSession({
      chains: [await chainOf()],
      signers: [agent],
      audience: AUDIENCE,
      responderKey: responder.publicKey,
      random,
    });
    const welcome = await point.sessions?.hello(overWire(initiation.hello));
    const completed = await initiation.complete(welcome, NOW);
    await point.sessions?.finish(completed.finish);
    // The first 32 bytes of each side are its share's private half, the second its nonce.
    const secret = [seeds[0], seeds[2]] as string[];
    const shown = [initiation, welcome, completed, completed.session, point].map(
      (value) => `${inspect(value, { depth: 9, showHidden: true })} ${JSON.stringify(value)}`,
    );
    expect(shown.join()).toContain(seeds[1]); // nonces are no secret
    for (const text of shown) {
      expect(text).not.toMatch(/KeyObject|PrivateKey/);
      for (const seed of secret) expect(text).not.toContain(seed);
    }
  });

  test('are of no use after the end: an ended initiator authenticates nothing', async () => {
    const session = await open(sessionPoint());
    session.end();
    expect(() => session.request('pay', TEXT)).toThrow(
      expect.objectContaining({ code: 'session_refused' }),
    );
  });

  test('a code of any length is compared without an exception (T04)', async () => {
    const point = sessionPoint();
    const session = await open(point);
    const codes: string[] = [];
    for (const taper_mac of [
      '',
      'A',
      'A'.repeat(22),
      'A'.repeat(43),
      'A'.repeat(86),
      'é'.repeat(43),
    ]) {
      const request = { ...session.request('pay', TEXT), taper_mac };
      codes.push(codeOf(await point.authorize(request, 'pay', TEXT)));
    }
    expect(new Set(codes)).toEqual(new Set(['session_malformed', 'session_mac_invalid']));
  });

  test('without a key nothing is authenticated: a thief of chain and identifier has neither proof nor code (E01)', async () => {
    const point = sessionPoint();
    const chain = await chainOf();
    const session = await open(point, { chains: [chain] });
    const tokens = chain.tokens.map(({ compact }) => compact);
    for (const stolen of [
      { aat_chain: tokens },
      { taper_session: session.id },
      { taper_session: session.id, aat_chain: tokens },
      { taper_session: session.id, taper_sequence: 1, taper_mac: 'A'.repeat(43) },
    ])
      expect(codeOf(await point.authorize(stolen, 'pay', TEXT))).not.toBe('permit');
  });
});

describe('a session that lives', () => {
  test('gives nothing that its chains have ceased to give: a token that expires ends it (J15)', async () => {
    let now = NOW;
    const point = sessionPoint({ clock: { now: () => now } }, { lifetime: 3600 });
    const session = await open(point, { chains: [await chainOf({}, 100)] });
    now = NOW + 99;
    expect(codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe('permit');
    now = NOW + 100;
    expect(codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT))).toBe(
      'session_expired',
    );
  });

  test("has its identifier from the responder: one that the initiator chose is nobody's (V08)", async () => {
    const point = sessionPoint();
    const chosen = 'A'.repeat(22);
    const { outcome } = await handshake({
      point,
      welcome: (m) => ({ ...m, session: chosen }),
    });
    expect(outcome).toBe('session_refused');
    const mine = await open(point);
    const theirs = await open(point, { chains: [await chainOf()] });
    const fixed = { ...mine.request('pay', TEXT), taper_session: theirs.id };
    expect(codeOf(await point.authorize(fixed, 'pay', TEXT))).toBe('session_mac_invalid');
  });

  test('answers an approval with a signed call only: it carries none (E18)', async () => {
    const point = sessionPoint();
    const session = await open(point);
    const request = { ...session.request('pay', TEXT), taper_approvals: [] };
    expect(codeOf(await point.authorize(request, 'pay', TEXT))).toBe('session_malformed');
  });

  test('is opened under chains that may be used here, and no others', async () => {
    for (const [options, caveats, outcome] of [
      [{ tenant: 'acme' }, undefined, 'tenant_mismatch absent'],
      [{}, { tenant: 'acme' }, 'tenant_mismatch unexpected'],
      [{ tenant: 'acme' }, { tenant: 'acme' }, 'open'],
    ] as const) {
      const chains = [await chainOf(caveats === undefined ? {} : { root: caveats })];
      expect((await handshake({ point: sessionPoint(options), chains })).outcome).toBe(outcome);
    }
  });
});
