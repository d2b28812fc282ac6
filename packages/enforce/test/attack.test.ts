import {
  createSigner,
  derive,
  generateKeyPair,
  issue,
  type Presentation,
  prove,
  type VerifiedChain,
} from '@taper/core';
import { createTestClock, TEST_TIME, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  createEnforcementPoint,
  createMemoryReplayStore,
  type EnforcementDecision,
  type EnforcementPointOptions,
  type ReplayStore,
} from '../src/index.ts';

// Rows of the attack catalogue that reach the enforcement point.

const AUDIENCE = 'https://tools.example.com';
const ISSUER = 'https://auth.example.com';
const issuer = testKey('enforce issuer');
const alice = testKey('enforce alice');
const bob = testKey('enforce bob');
const anchors = [{ issuer: ISSUER, key: issuer.publicKey }];

let serial = 0;
const nextId = (): string => `attack-${++serial}`;

function rootOf(holder = alice, lifetime = 600): Promise<VerifiedChain> {
  return issue({
    issuer: ISSUER,
    signer: issuer.signer,
    holder: holder.publicKey,
    tools: { read: { path: { constraint_type: 'one_of', values: ['/a', '/secret-path'] } } },
    now: TEST_TIME,
    id: nextId(),
    lifetime,
    maxDepth: 1,
  });
}

const chain = await rootOf();

interface ProofChoices {
  readonly at?: number;
  readonly id?: string;
  readonly path?: string;
  readonly of?: VerifiedChain;
  readonly by?: typeof alice;
  readonly audience?: string;
}

function present(choices: ProofChoices = {}): Promise<Presentation> {
  return prove(choices.of ?? chain, {
    signer: (choices.by ?? alice).signer,
    tool: 'read',
    args: { path: choices.path ?? '/a' },
    now: choices.at ?? TEST_TIME,
    id: choices.id ?? nextId(),
    audience: choices.audience ?? AUDIENCE,
  });
}

function pointWith(options: Partial<EnforcementPointOptions> = {}) {
  return createEnforcementPoint({
    audience: AUDIENCE,
    anchors,
    clock: createTestClock(),
    report: () => {},
    ...options,
  });
}

const ARGS = { path: '/a' };

function codeOf(decision: EnforcementDecision): string {
  return decision.verdict === 'deny' ? decision.denial.code : decision.verdict;
}

describe('a proof that was used', () => {
  test('E03 is refused by a replica whose clock is behind, also after another one has moved on', async () => {
    const replay = createMemoryReplayStore();
    const [ahead, behind] = [createTestClock(), createTestClock()];
    const first = pointWith({ replay, clock: ahead });
    const second = pointWith({ replay, clock: behind });
    const used = await present();
    expect(codeOf(await first.authorize(used, 'read', ARGS))).toBe('permit');
    ahead.advance(59);
    expect(codeOf(await first.authorize(await present({ at: ahead.now() }), 'read', ARGS))).toBe(
      'permit',
    );
    expect(codeOf(await second.authorize(used, 'read', ARGS))).toBe('proof_replayed');
    behind.advance(30);
    expect(codeOf(await second.authorize(used, 'read', ARGS))).toBe('proof_replayed');
  });

  test('E03 is refused by a replica with a wider window', async () => {
    const replay = createMemoryReplayStore();
    const clock = createTestClock();
    const narrow = pointWith({ replay, clock, limits: { proofWindow: 1 } });
    const wide = pointWith({ replay, clock, limits: { proofWindow: 60 } });
    const used = await present();
    expect(codeOf(await narrow.authorize(used, 'read', ARGS))).toBe('permit');
    for (const seconds of [2, 58]) {
      clock.advance(seconds);
      await narrow.authorize(await present({ at: clock.now() }), 'read', ARGS);
      expect(codeOf(await wide.authorize(used, 'read', ARGS))).toBe('proof_replayed');
    }
  });

  test('E04 R09 is not pushed out by others, of its holder or of anybody', async () => {
    const replay = createMemoryReplayStore({ capacity: 3 });
    const point = pointWith({ replay });
    const used = await present();
    expect(codeOf(await point.authorize(used, 'read', ARGS))).toBe('permit');
    const flood = await Promise.all(Array.from({ length: 10 }, () => present()));
    const codes: string[] = [];
    for (const wire of flood) codes.push(codeOf(await point.authorize(wire, 'read', ARGS)));
    expect(codes.slice(0, 2)).toEqual(['permit', 'permit']);
    expect(new Set(codes.slice(2))).toEqual(new Set(['replay_store_full']));
    expect(codeOf(await point.authorize(used, 'read', ARGS))).toBe('proof_replayed');
  });

  test('E02 A01 goes by holder and id: another signature or time does not make it new', async () => {
    const point = pointWith();
    expect(codeOf(await point.authorize(await present({ id: 'one' }), 'read', ARGS))).toBe(
      'permit',
    );
    for (const at of [TEST_TIME, TEST_TIME + 1, TEST_TIME - 30]) {
      const again = await present({ id: 'one', at });
      expect(codeOf(await point.authorize(again, 'read', ARGS))).toBe('proof_replayed');
    }
  });

  test('C14 is told from one whose holder and id only look alike when put together', async () => {
    const keys: string[] = [];
    const replay: ReplayStore = {
      accept(used) {
        keys.push(...used.map(({ key }) => key));
        return 'accepted';
      },
      forget: () => {},
    };
    const point = pointWith({ replay });
    for (const id of ['a b', 'a  b', 'a', ' a', `${alice.publicKey.thumbprint} a`]) {
      expect(codeOf(await point.authorize(await present({ id }), 'read', ARGS))).toBe('permit');
    }
    const other = await present({ of: await rootOf(bob), by: bob, id: 'a' });
    expect(codeOf(await point.authorize(other, 'read', ARGS))).toBe('permit');
    expect(new Set(keys).size).toBe(6);
  });

  test('E02 R16 may have any id at all', async () => {
    const point = pointWith();
    for (const id of ['__proto__', 'constructor', '\u0000', 'x'.repeat(100_000), '\u{1f600}']) {
      const wire = await present({ id });
      expect(codeOf(await point.authorize(wire, 'read', ARGS))).toBe('permit');
      expect(codeOf(await point.authorize(wire, 'read', ARGS))).toBe('proof_replayed');
    }
  });
});

describe('a port that lies', () => {
  const answers: readonly [string, () => unknown][] = [
    [
      'a thenable that says accepted and then something else',
      () => Object.fromEntries([['then', () => {}]]),
    ],
    ['a function', () => () => 'accepted'],
    ['a String object', () => Object('accepted')],
    ['an array', () => ['accepted']],
    ['the verdict in capitals', () => 'ACCEPTED'],
    ['a promise of a promise of nothing', async () => Promise.resolve()],
    ['an object with a verdict', () => ({ verdict: 'accepted' })],
    ['1', () => 1],
    [
      'a thenable that throws',
      () =>
        Object.defineProperty({}, 'then', {
          get() {
            throw new Error('boom');
          },
        }),
    ],
  ];
  test.each(answers)('X04 X06 is not believed: %s', async (_what, accept) => {
    const point = pointWith({
      replay: { accept: accept as ReplayStore['accept'], forget: () => {} },
      portTimeout: 20,
    });
    expect(codeOf(await point.authorize(await present(), 'read', ARGS))).toBe(
      'replay_store_unavailable',
    );
  });

  test('X13 or fails after its time is over does no harm', async () => {
    const failures: unknown[] = [];
    const record = (reason: unknown) => failures.push(reason);
    process.on('unhandledRejection', record);
    const accept = () =>
      new Promise<never>((_, reject) => setTimeout(reject, 30, new Error('late')));
    const point = pointWith({ replay: { accept, forget: () => {} }, portTimeout: 5 });
    expect(codeOf(await point.authorize(await present(), 'read', ARGS))).toBe(
      'replay_store_unavailable',
    );
    await new Promise((resolve) => setTimeout(resolve, 60));
    process.off('unhandledRejection', record);
    expect(failures).toEqual([]);
  });

  test('J08 J12 a clock that jumps ahead once refuses until it is restarted, and revives nothing', async () => {
    const clock = createTestClock(TEST_TIME * 1000);
    const point = pointWith({ clock });
    expect(codeOf(await point.authorize(await present(), 'read', ARGS))).toBe('token_expired');
    clock.set(TEST_TIME);
    expect(codeOf(await point.authorize(await present(), 'read', ARGS))).toBe('clock_unavailable');
    expect(codeOf(await pointWith().authorize(await present(), 'read', ARGS))).toBe('permit');
  });
});

describe('Z03 I07 an option that is not what it seems is refused when the point is made', () => {
  test.each<[string, object]>([
    ['no anchors', { anchors: undefined }],
    ['anchors that are no list', { anchors: {} }],
    ['an anchor that is a JWK', { anchors: [{ issuer: ISSUER, key: issuer.publicKey.jwk }] }],
    ['an empty audience', { audience: '' }],
    ['no audience', { audience: [] }],
    ['an audience that is undefined', { audience: undefined }],
    ['an audience in a list in a list', { audience: [[AUDIENCE]] }],
    ['a limit that does not exist', { limits: { maxTokensize: 10 } }],
    ['a limit that is no number', { limits: { maxTokenSize: '10' } }],
    ['a limit that is NaN', { limits: { maxChainSize: Number.NaN } }],
    ['a limit without end', { limits: { maxIatSkew: Number.POSITIVE_INFINITY } }],
    ['a limit below zero', { limits: { proofWindow: -1 } }],
    ['a limit that is undefined', { limits: { maxProofSize: undefined } }],
    ['a nonce check that is null', { acceptsNonce: null }],
    ['a nonce check that is true', { acceptsNonce: true }],
    ['a clock without now', { clock: {} }],
    ['a store without accept', { replay: {} }],
    ['a store that is null', { replay: null }],
    ['a timeout of NaN', { portTimeout: Number.NaN }],
    ['a timeout without end', { portTimeout: Number.POSITIVE_INFINITY }],
    ['a timeout of 0', { portTimeout: 0 }],
    ['a timeout that is text', { portTimeout: '1000' }],
    ['a timeout that a timer cannot hold', { portTimeout: 2 ** 31 }],
  ])('%s', (_what, options) => {
    expect(() => pointWith(options as never)).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });

  test.each([null, 0, '', Number.NaN, 'no', {}])(
    'Z03 H11 only false turns the audience of proofs off: %j does not',
    async (requireProofAudience) => {
      const unbound = await prove(chain, {
        signer: alice.signer,
        tool: 'read',
        args: ARGS,
        now: TEST_TIME,
        id: nextId(),
      });
      const point = pointWith({ requireProofAudience: requireProofAudience as never });
      expect(codeOf(await point.authorize(unbound, 'read', ARGS))).toBe('proof_audience_required');
      const off = pointWith({ requireProofAudience: false });
      expect(codeOf(await off.authorize(unbound, 'read', ARGS))).toBe('permit');
    },
  );
});

describe('what a refusal says', () => {
  test('T01 T02 names and places, never values, tokens or keys', async () => {
    const secret = await present({ path: '/secret-path' });
    const point = pointWith();
    const child = await derive(chain, {
      signer: alice.signer,
      holder: bob.publicKey,
      tools: { read: { path: { constraint_type: 'exact', value: '/a' } } },
      now: TEST_TIME,
      id: nextId(),
    });
    const attempts: [unknown, string, object][] = [
      [secret, 'read', { path: '/other-secret' }],
      [secret, 'read', { path: '/a' }],
      [secret, 'write', {}],
      [{ ...secret, aat_pop: `${secret.aat_pop}A` }, 'read', { path: '/secret-path' }],
      [{ aat_chain: ['secret-token'], aat_pop: 'secret-proof' }, 'read', {}],
      [await present({ of: child, by: bob, audience: 'https://secret.example' }), 'read', ARGS],
    ];
    for (const [wire, tool, args] of attempts) {
      const decision = await point.authorize(wire, tool, args as never);
      if (decision.verdict !== 'deny') throw new Error('a call was permitted that must not be');
      const text = JSON.stringify(decision.denial);
      for (const leak of [
        'secret',
        'eyJ',
        chain.leaf.hash,
        alice.publicKey.jwk.x,
        chain.leaf.claims.jti,
      ]) {
        expect(text).not.toContain(leak);
      }
    }
  });

  test('T05 is the same for a tool that exists and one that does not', async () => {
    const point = pointWith();
    const wire = await present();
    const [one, other] = await Promise.all([
      point.authorize(wire, 'write', ARGS),
      point.authorize(wire, 'no-such-tool', ARGS),
    ]);
    if (one.verdict !== 'deny' || other.verdict !== 'deny') throw new Error('permitted');
    expect({ ...one.denial, facts: {} }).toEqual({ ...other.denial, facts: {} });
  });
});

describe('E16 many at once', () => {
  test('one proof among many passes once, under many points that share a store', async () => {
    const replay = createMemoryReplayStore();
    const points = Array.from({ length: 5 }, () => pointWith({ replay }));
    const wires = await Promise.all(Array.from({ length: 5 }, () => present()));
    const calls = wires.flatMap((wire) =>
      points.map((point) => point.authorize(wire, 'read', ARGS).then(codeOf)),
    );
    const codes = await Promise.all(calls);
    expect(codes.filter((code) => code === 'permit')).toHaveLength(5);
    expect(codes.filter((code) => code === 'proof_replayed')).toHaveLength(20);
  });

  test('E16 an asynchronous store that answers each key once decides, whatever the order', async () => {
    const seen = new Set<string>();
    const replay: ReplayStore = {
      async accept([used]) {
        const known = seen.has(used?.key ?? '');
        seen.add(used?.key ?? '');
        await new Promise((resolve) => setTimeout(resolve, Number(!known) * 5));
        return known ? 'replayed' : 'accepted';
      },
      forget: () => {},
    };
    const point = pointWith({ replay });
    const wire = await present();
    const codes = await Promise.all(
      Array.from({ length: 4 }, () => point.authorize(wire, 'read', ARGS).then(codeOf)),
    );
    expect(codes.filter((code) => code === 'permit')).toHaveLength(1);
  });
});

test('A16 a fresh key is not taken for a published one', async () => {
  const { privateJwk, publicKey } = generateKeyPair();
  const signer = createSigner(privateJwk);
  const own = await issue({
    issuer: ISSUER,
    signer,
    holder: alice.publicKey,
    tools: { read: {} },
    now: TEST_TIME,
    id: nextId(),
    lifetime: 60,
    maxDepth: 0,
  });
  const point = pointWith({ anchors: [{ issuer: ISSUER, key: publicKey }] });
  expect(codeOf(await point.authorize(await present({ of: own }), 'read', ARGS))).toBe('permit');
});
