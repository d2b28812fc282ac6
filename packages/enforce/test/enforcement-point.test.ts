import {
  createSigner,
  derive,
  generateKeyPair,
  importPublicKey,
  issue,
  type Presentation,
  prove,
  type VerifiedChain,
} from '@taper/core';
import { describe, expect, test } from 'vitest';
import {
  createEnforcementPoint,
  createMemoryReplayStore,
  type EnforcementDecision,
  type EnforcementPointOptions,
  type ReplayStore,
} from '../src/index.ts';

const NOW = 1_800_000_000;
const AUDIENCE = 'https://tools.example.com';
const authority = generateKeyPair();
const agent = generateKeyPair();
const worker = generateKeyPair();
const anchors = [{ issuer: 'https://auth.example.com', key: authority.publicKey }];
let serial = 0;

function nextId(): string {
  serial += 1;
  return `id-${serial}`;
}

function root(lifetime = 600, holder = agent.publicKey): Promise<VerifiedChain> {
  return issue({
    issuer: 'https://auth.example.com',
    signer: createSigner(authority.privateJwk),
    holder,
    tools: { read: { path: { constraint_type: 'one_of', values: ['/a', '/b'] } } },
    now: NOW,
    id: nextId(),
    lifetime,
    maxDepth: 2,
  });
}

async function presentation(now = NOW, chain?: VerifiedChain): Promise<Presentation> {
  return prove(chain ?? (await root()), {
    signer: createSigner(agent.privateJwk),
    tool: 'read',
    args: { path: '/a' },
    now,
    id: nextId(),
    audience: AUDIENCE,
  });
}

function pointAt(time: () => number, replay?: ReplayStore, portTimeout = 1000) {
  return createEnforcementPoint({
    audience: AUDIENCE,
    anchors,
    clock: { now: time },
    portTimeout,
    report: () => {},
    ...(replay === undefined ? {} : { replay }),
  });
}

function codeOf(decision: EnforcementDecision): string {
  return decision.verdict === 'permit' ? 'permit' : decision.denial.code;
}

describe('a call', () => {
  test('is permitted once, and its arguments come back frozen', async () => {
    const point = pointAt(() => NOW);
    const decision = await point.authorize(await presentation(), 'read', { path: '/a' });
    expect(decision.verdict).toBe('permit');
    expect(decision.verdict === 'permit' && Object.isFrozen(decision.args)).toBe(true);
  });

  test.each([
    ['undefined', undefined, 'presentation_missing'],
    ['null', null, 'presentation_missing'],
    ['a string', 'eyJ', 'presentation_malformed'],
    ['an array', [], 'presentation_malformed'],
    ['a chain alone (E01)', { aat_chain: ['x'] }, 'proof_missing'],
    ['an empty chain (D16)', { aat_chain: [], aat_pop: 'x' }, 'chain_empty'],
    ['a chain that is a string', { aat_chain: 'x', aat_pop: 'x' }, 'presentation_malformed'],
    ['a chain of numbers', { aat_chain: [1], aat_pop: 'x' }, 'presentation_malformed'],
  ])('without a presentation is refused: %s', async (_name, wire, code) => {
    expect(codeOf(await pointAt(() => NOW).authorize(wire, 'read', { path: '/a' }))).toBe(code);
  });

  test('whose proof names no audience is refused unless forwarding is allowed', async () => {
    const chain = await root();
    const forwarded = await prove(chain, {
      signer: createSigner(agent.privateJwk),
      tool: 'read',
      args: { path: '/a' },
      now: NOW,
      id: nextId(),
    });
    expect(codeOf(await pointAt(() => NOW).authorize(forwarded, 'read', { path: '/a' }))).toBe(
      'proof_audience_required',
    );
    const relaxed = createEnforcementPoint({
      audience: AUDIENCE,
      anchors,
      clock: { now: () => NOW },
      requireProofAudience: false,
    });
    expect(codeOf(await relaxed.authorize(forwarded, 'read', { path: '/a' }))).toBe('permit');
  });

  test('under a holder key that was published with its private half is refused (A16)', async () => {
    const published = {
      kty: 'OKP',
      crv: 'Ed25519',
      d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
      x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
    };
    const signer = createSigner(published);
    const wire = await prove(await root(600, signer.publicKey), {
      signer,
      tool: 'read',
      args: { path: '/a' },
      now: NOW,
      id: nextId(),
      audience: AUDIENCE,
    });
    const decision = await pointAt(() => NOW).authorize(wire, 'read', { path: '/a' });
    expect(decision).toMatchObject({ denial: { code: 'holder_key_weak', hop: 0 } });
  });

  test('whose presentation throws when it is read is refused, not crashed (X06)', async () => {
    const hostile = new Proxy(
      {},
      {
        getOwnPropertyDescriptor() {
          throw new Error('boom');
        },
      },
    );
    expect(codeOf(await pointAt(() => NOW).authorize(hostile, 'read', {}))).toBe(
      'presentation_malformed',
    );
  });
});

describe('a replayed proof', () => {
  test('is refused the second time (E02)', async () => {
    const point = pointAt(() => NOW);
    const wire = await presentation();
    expect(codeOf(await point.authorize(wire, 'read', { path: '/a' }))).toBe('permit');
    const second = await point.authorize(wire, 'read', { path: '/a' });
    expect(second).toMatchObject({ denial: { code: 'proof_replayed', step: '7i' } });
    expect(second.verdict === 'deny' && second.chainVerdict?.verdict).toBe('verified');
  });

  test('passes exactly once when two calls race (E16)', async () => {
    const point = pointAt(() => NOW);
    const wire = await presentation();
    const codes = await Promise.all(
      Array.from({ length: 20 }, () => point.authorize(wire, 'read', { path: '/a' }).then(codeOf)),
    );
    expect(codes.filter((code) => code === 'permit')).toHaveLength(1);
    expect(codes.filter((code) => code === 'proof_replayed')).toHaveLength(19);
  });

  test('is refused by every point that shares the store (E03)', async () => {
    const replay = createMemoryReplayStore();
    const wire = await presentation();
    expect(codeOf(await pointAt(() => NOW, replay).authorize(wire, 'read', { path: '/a' }))).toBe(
      'permit',
    );
    expect(codeOf(await pointAt(() => NOW, replay).authorize(wire, 'read', { path: '/a' }))).toBe(
      'proof_replayed',
    );
  });

  test('is refused to the last second of its window, and by the window after it', async () => {
    let now = NOW;
    const point = pointAt(() => now);
    const wire = await presentation();
    expect(codeOf(await point.authorize(wire, 'read', { path: '/a' }))).toBe('permit');
    now = NOW + 30;
    expect(codeOf(await point.authorize(wire, 'read', { path: '/a' }))).toBe('proof_replayed');
    now = NOW + 31;
    expect(codeOf(await point.authorize(wire, 'read', { path: '/a' }))).toBe(
      'proof_outside_window',
    );
  });

  test('is not consumed by a refused call', async () => {
    const point = pointAt(() => NOW);
    const wire = await presentation();
    expect(codeOf(await point.authorize(wire, 'read', { path: '/b' }))).toBe(
      'proof_arguments_mismatch',
    );
    expect(codeOf(await point.authorize(wire, 'write', { path: '/a' }))).toBe('tool_not_granted');
    expect(codeOf(await point.authorize(wire, 'read', { path: '/a' }))).toBe('permit');
  });

  test('is told apart by its holder: two agents may use the same id', async () => {
    const point = pointAt(() => NOW);
    const parent = await root();
    const child = await derive(parent, {
      signer: createSigner(agent.privateJwk),
      holder: worker.publicKey,
      tools: { read: { path: { constraint_type: 'exact', value: '/a' } } },
      now: NOW,
      id: nextId(),
    });
    const call = { tool: 'read', args: { path: '/a' }, now: NOW, id: 'same', audience: AUDIENCE };
    const first = await prove(parent, { ...call, signer: createSigner(agent.privateJwk) });
    const second = await prove(child, { ...call, signer: createSigner(worker.privateJwk) });
    expect(codeOf(await point.authorize(first, 'read', { path: '/a' }))).toBe('permit');
    expect(codeOf(await point.authorize(second, 'read', { path: '/a' }))).toBe('permit');
  });
});

describe('the replay store', () => {
  test('that is full refuses, and forgets nothing that is live to make room (E04, R09)', async () => {
    const point = pointAt(() => NOW, createMemoryReplayStore({ capacity: 2 }));
    const first = await presentation();
    expect(codeOf(await point.authorize(first, 'read', { path: '/a' }))).toBe('permit');
    expect(codeOf(await point.authorize(await presentation(), 'read', { path: '/a' }))).toBe(
      'permit',
    );
    expect(codeOf(await point.authorize(await presentation(), 'read', { path: '/a' }))).toBe(
      'replay_store_full',
    );
    expect(codeOf(await point.authorize(first, 'read', { path: '/a' }))).toBe('proof_replayed');
  });

  test('remembers long enough for replicas whose clocks differ by a minute (E03)', async () => {
    const replay = createMemoryReplayStore();
    const wire = await presentation();
    const permitted = await pointAt(() => NOW, replay).authorize(wire, 'read', { path: '/a' });
    expect(codeOf(permitted)).toBe('permit');
    const fast = NOW + 90;
    const other = await presentation(fast);
    expect(codeOf(await pointAt(() => fast, replay).authorize(other, 'read', { path: '/a' }))).toBe(
      'permit',
    );
    const slow = await pointAt(() => NOW + 30, replay).authorize(wire, 'read', { path: '/a' });
    expect(codeOf(slow)).toBe('proof_replayed');
  });

  test('has room again when what it holds can be presented nowhere any more', async () => {
    let now = NOW;
    const point = pointAt(() => now, createMemoryReplayStore({ capacity: 1 }));
    const chain = await root();
    expect(
      codeOf(await point.authorize(await presentation(now, chain), 'read', { path: '/a' })),
    ).toBe('permit');
    now = NOW + 120;
    expect(
      codeOf(await point.authorize(await presentation(now, chain), 'read', { path: '/a' })),
    ).toBe('replay_store_full');
    now = NOW + 151;
    expect(
      codeOf(await point.authorize(await presentation(now, chain), 'read', { path: '/a' })),
    ).toBe('permit');
  });

  test.each<[string, ReplayStore['accept']]>([
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('down'))],
    ['answers late', () => new Promise(() => {})],
    ['answers undefined', () => undefined as never],
    ['answers true', () => true as never],
    ['answers with a promise of nothing', () => Promise.resolve(undefined as never)],
  ])('that %s refuses the call (Z01, X04)', async (_fault, accept) => {
    const point = pointAt(() => NOW, { accept, forget: () => {} }, 20);
    expect(codeOf(await point.authorize(await presentation(), 'read', { path: '/a' }))).toBe(
      'replay_store_unavailable',
    );
  });

  test('that answers after a token has expired does not revive it (J09)', async () => {
    let now = NOW;
    const point = pointAt(() => now, {
      accept: () => {
        now = NOW + 5;
        return 'accepted';
      },
      forget: () => {},
    });
    expect(
      codeOf(await point.authorize(await presentation(NOW, await root(5)), 'read', { path: '/a' })),
    ).toBe('token_expired');
  });

  test('must have a sensible capacity', () => {
    expect(() => createMemoryReplayStore({ capacity: 0 })).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });
});

describe('the clock', () => {
  test.each<[string, () => number]>([
    [
      'throws',
      () => {
        throw new Error('no clock');
      },
    ],
    ['gives NaN (J02)', () => Number.NaN],
    ['gives a fraction', () => NOW + 0.5],
    ['gives undefined', () => undefined as never],
    ['gives a Date', () => new Date() as never],
  ])('that %s refuses every call', async (_fault, now) => {
    expect(codeOf(await pointAt(now).authorize(await presentation(), 'read', { path: '/a' }))).toBe(
      'clock_unavailable',
    );
  });

  test('that steps back does not revive an expired token (J08)', async () => {
    let now = NOW + 700;
    const point = pointAt(() => now);
    const wire = await presentation();
    expect(codeOf(await point.authorize(wire, 'read', { path: '/a' }))).toBe('token_expired');
    now = NOW;
    expect(codeOf(await point.authorize(wire, 'read', { path: '/a' }))).toBe('clock_unavailable');
  });

  test('may be nudged back by two seconds, during which time stands still', async () => {
    let now = NOW + 2;
    const point = pointAt(() => now);
    const chain = await root(3);
    expect(
      codeOf(await point.authorize(await presentation(NOW, chain), 'read', { path: '/a' })),
    ).toBe('permit');
    now = NOW;
    expect(
      codeOf(await point.authorize(await presentation(NOW, chain), 'read', { path: '/a' })),
    ).toBe('permit');
    now = NOW - 1;
    expect(
      codeOf(await point.authorize(await presentation(NOW, chain), 'read', { path: '/a' })),
    ).toBe('clock_unavailable');
  });

  test('gives no grace at the expiry itself (J13)', async () => {
    const chain = await root(10);
    expect(
      codeOf(
        await pointAt(() => NOW + 9).authorize(await presentation(NOW, chain), 'read', {
          path: '/a',
        }),
      ),
    ).toBe('permit');
    expect(
      codeOf(
        await pointAt(() => NOW + 10).authorize(await presentation(NOW, chain), 'read', {
          path: '/a',
        }),
      ),
    ).toBe('token_expired');
  });
});

describe('an enforcement point that could not be safe is not made (Z03)', () => {
  test('without anchors', () => {
    expect(() => createEnforcementPoint({ audience: AUDIENCE, anchors: [] })).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });

  test.each([[[]], ['']])('with the audience %j', (audience) => {
    expect(() => createEnforcementPoint({ audience, anchors })).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });

  test.each([
    ['a clock without now', { clock: {} }],
    ['a clock that is null', { clock: null }],
    ['a store without accept', { replay: {} }],
    ['a mistyped option', { polcy: {} }],
    ['a policy that was not loaded', { policy: undefined }],
    ['a tenant that nobody set', { tenant: undefined }],
    ['a requirement that nobody set', { requireProofAudience: undefined }],
    ['a timeout that is no number', { portTimeout: Number.NaN }],
    ['a timeout of nothing', { portTimeout: 0 }],
    ['a nonce check that is no function', { acceptsNonce: 'abc' }],
    ['a limit that does not exist', { limits: { maxTokensize: 10 } }],
    ['a limit that is no number', { limits: { maxTokenSize: Number.NaN } }],
    ['a proof window beyond the draft', { limits: { proofWindow: 61 } }],
    ['no list of anchors', { anchors: {} }],
    ['101 anchors (R06)', { anchors: Array.from({ length: 101 }, () => anchors[0]) }],
  ])('with %s', (_what, options) => {
    const all = { audience: AUDIENCE, anchors, ...options } as EnforcementPointOptions;
    expect(() => createEnforcementPoint(all)).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });

  test.each([0, '', Number.NaN, null])('a requirement is not turned off by %j', async (value) => {
    const options = {
      audience: AUDIENCE,
      anchors,
      clock: { now: () => NOW },
      requireProofAudience: value,
    };
    const point = createEnforcementPoint(options as unknown as EnforcementPointOptions);
    const unbound = await prove(await root(), {
      signer: createSigner(agent.privateJwk),
      tool: 'read',
      args: { path: '/a' },
      now: NOW,
      id: nextId(),
    });
    expect(codeOf(await point.authorize(unbound, 'read', { path: '/a' }))).toBe(
      'proof_audience_required',
    );
  });

  test('with a published test key as anchor (A16)', () => {
    const published = importPublicKey({
      kty: 'OKP',
      crv: 'Ed25519',
      x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
    });
    const options = {
      audience: AUDIENCE,
      anchors: [{ issuer: 'https://auth.example.com', key: published }],
    };
    expect(() => createEnforcementPoint(options)).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
    expect(() =>
      createEnforcementPoint({ ...options, allowWellKnownTestKeys: true }),
    ).not.toThrow();
  });
});
