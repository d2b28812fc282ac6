import {
  CAST,
  type Expected,
  expectedOfDecision,
  type Hop,
  judgeVector,
  plusOrder,
  present,
  readSuite,
  type Scenario,
  TEST_TIME,
  takeApart,
  testKey,
  type Vector,
  verifierOptions,
} from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  type ChainVerdict,
  createAsyncVerifier,
  createVerifier,
  type Denial,
  isVerifiedChain,
  type VerifierOptions,
} from '../src/index.ts';

type OurVector = Vector & { readonly neighbour?: string };

const suite = readSuite(new URL('../../../vectors/aat.json', import.meta.url));
const limits = readSuite(new URL('../../../vectors/aat-limits.json', import.meta.url));
const vectors = [...suite.vectors, ...limits.vectors] as readonly OurVector[];
const byId = new Map(vectors.map((vector) => [vector.id, vector]));

/** Draft section 8. Step 1 is met by an empty chain, 7i by the enforcement point. */
const STEPS: readonly string[] = [
  '1',
  ...['2a', '2b', '2c'],
  ...['3a', '3b', '3c', '3d', '3e', '3f', '3g', '3h', '3i', '3j', '3k', '3l', '3m', '3n'],
  ...['4a', '4b', '4b1', '4b2', '4b3', '4b4', '4b5', '4c', '4d', '4e', '4f', '4g', '4h', '4i'],
  ...['4j', '4k', '4l', '4m', '4n', '4o', '4p1', '4p2', '4p3', '4p4', '4q'],
  ...['6a', '6b', '6c'],
  ...['7a', '7b', '7c', '7d', '7e', '7f', '7g', '7h'],
];

const verdictOnly = ({ verdict, step, code, hop }: Expected) => ({ verdict, step, code, hop });

describe.each(STEPS)('step %s', (step) => {
  const denied = vectors.filter(({ expected }) => expected.step === step);

  test('has a call that fails it', () => {
    expect(denied.length).toBeGreaterThan(0);
  });

  test.each(denied.map((vector) => [vector.title, vector] as const))('%s', (_, vector) => {
    const actual = judgeVector(vector, suite);
    expect(actual).toEqual(verdictOnly(vector.expected));
  });

  const neighbours = new Set(denied.map(({ neighbour }) => neighbour ?? ''));
  test.each([...neighbours].map((id) => [byId.get(id)?.title ?? id, id] as const))(
    '%s',
    (_, id) => {
      const vector = byId.get(id) as Vector;
      expect(judgeVector(vector, suite)).toMatchObject({ verdict: 'PERMIT' });
    },
  );
});

describe('a verifier that remembers', () => {
  test('comes to the same on every vector, in any order and twice', async () => {
    const plain = vectors.filter(({ policy }) => Object.keys(policy).length === 0);
    const options = verifierOptions(suite);
    const remembering = createVerifier(options);
    const small = createVerifier({ ...options, cacheCharacters: 5000 });
    const asynchronous = createAsyncVerifier(options);
    for (const vector of [...plain, ...plain.toReversed()]) {
      const { chain, pop, tool, args_json: args, now } = vector;
      const call = { presentation: { aat_chain: chain, aat_pop: pop }, tool, args, now };
      const wanted = [vector.id, verdictOnly(vector.expected)];
      expect([vector.id, expectedOfDecision(remembering.authorize(call))]).toEqual(wanted);
      expect([vector.id, expectedOfDecision(small.authorize(call))]).toEqual(wanted);
      expect([vector.id, expectedOfDecision(await asynchronous.authorize(call))]).toEqual(wanted);
    }
  });
});

const { anchors, holders, mallory, audience } = CAST;
const [first, second] = anchors as readonly [(typeof anchors)[0], (typeof anchors)[0]];
const options: VerifierOptions = {
  anchors: anchors.map(({ issuer, key }) => ({ issuer, key: key.publicKey })),
  audience,
};
const now = TEST_TIME;

function verdictOf(scenario: Scenario, given: VerifierOptions = options): ChainVerdict {
  return createVerifier(given).verifyChain(present(scenario).chain, scenario.now ?? now);
}

function denialOf(verdict: ChainVerdict): Denial | undefined {
  return verdict.verdict === 'deny' ? verdict.denial : undefined;
}

describe('a denial', () => {
  const widened: Scenario = {
    hops: [
      { tools: { t: { a: { constraint_type: 'range', max: 9 } } } },
      { tools: { t: { a: { constraint_type: 'range', max: 8 } } } },
      { tools: { t: { a: { constraint_type: 'exact', value: 9 } } } },
      {},
    ],
  };

  test('names the first token at fault, the step, and what widened', () => {
    expect(denialOf(verdictOf(widened))).toEqual({
      code: 'constraint_widened',
      hop: 2,
      step: '4p4',
      facts: { tool: 't', argument: 'a', parent: 'range', constraint: 'exact' },
    });
  });

  test('comes with the tokens before it, which are verified and no chain', () => {
    const verdict = verdictOf(widened);
    if (verdict.verdict !== 'deny') throw new Error('it widens');
    expect(verdict.presented).toBe(4);
    expect(verdict.verifiedPrefix.map(({ claims }) => claims.delDepth)).toEqual([0, 1]);
    expect(isVerifiedChain(verdict.verifiedPrefix)).toBe(false);
    expect(isVerifiedChain(verdict)).toBe(false);
  });

  test('names no hop for what no token is at fault for', () => {
    const hops = [{ claims: { del_max_depth: 8 } }, ...Array<Hop>(9).fill({})];
    expect(denialOf(verdictOf({ hops }))).toEqual({
      code: 'chain_too_long',
      step: '4f',
      facts: {},
    });
  });

  test('says nothing that stood in the tokens but names', () => {
    const secret = 'sk-live-1234567890';
    const hops: Hop[] = [
      { tools: { t: { a: { constraint_type: 'exact', value: secret } } } },
      { tools: { t: { a: { constraint_type: 'exact', value: `${secret}x` } } } },
    ];
    expect(JSON.stringify(denialOf(verdictOf({ hops })))).not.toContain('1234567890');
  });
});

describe('trust anchors', () => {
  test('decide by themselves: without the one that signed, a root is nobody’s (D10)', () => {
    const other = { ...options, anchors: [{ issuer: first.issuer, key: mallory.publicKey }] };
    expect(denialOf(verdictOf({}, other))).toMatchObject({
      code: 'signature_invalid',
      step: '3b',
      hop: 0,
    });
    expect(verdictOf({}).verdict).toBe('verified');
  });

  test('bind an algorithm: where none has a key for it, the root fails at once (3a, B21)', () => {
    const es256Only = {
      ...options,
      anchors: [{ issuer: second.issuer, key: second.key.publicKey }],
    };
    expect(denialOf(verdictOf({}, es256Only))).toEqual({
      code: 'algorithm_key_mismatch',
      step: '3a',
      hop: 0,
      facts: {},
    });
    const root = { signer: second.key, claims: { iss: second.issuer } };
    expect(verdictOf({ hops: [root] }, es256Only).verdict).toBe('verified');
  });

  test('may be several keys of one issuer, for rotation', () => {
    const old = testKey('issuer before');
    const both = {
      ...options,
      anchors: [old, first.key].map((key) => ({ issuer: first.issuer, key: key.publicKey })),
    };
    expect(verdictOf({}, both).verdict).toBe('verified');
    expect(verdictOf({ hops: [{ signer: old }] }, both).verdict).toBe('verified');
    expect(denialOf(verdictOf({ hops: [{ signer: mallory }] }, both))?.code).toBe(
      'signature_invalid',
    );
  });

  test('are told in the verified chain', () => {
    const verdict = verdictOf({});
    expect(verdict.verdict === 'verified' && verdict.chain.anchor.issuer).toBe(first.issuer);
  });
});

describe('time (steps 3e, 3f, 4i and 4k)', () => {
  const scenario: Scenario = {
    hops: [{}, { claims: { exp: now + 100 } }, { claims: { exp: now + 50, iat: now } }],
  };
  const { chain } = present(scenario);
  const [issued, expires] = [now, now + 50];

  test.each([
    ['a cache', createVerifier(options)],
    ['no cache', createVerifier({ ...options, cacheCharacters: 0 })],
  ])('is checked on every call, with %s (J09, J12)', (_, verifier) => {
    const at = (time: number) => denialOf(verifier.verifyChain(chain, time));
    expect(at(now)).toBeUndefined();
    expect(at(expires - 1)).toBeUndefined();
    expect(at(expires)).toMatchObject({ code: 'token_expired', hop: 2, step: '4i' });
    expect(at(now + 100)).toMatchObject({ code: 'token_expired', hop: 1, step: '4i' });
    expect(at(now + 3300)).toMatchObject({ code: 'token_expired', hop: 0, step: '3e' });
    expect(at(issued - 30)).toBeUndefined();
    expect(at(issued - 31)).toMatchObject({ code: 'token_issued_in_future', hop: 2, step: '4k' });
    expect(at(now)).toBeUndefined();
  });

  test('must be whole seconds (J02)', () => {
    const verifier = createVerifier(options);
    for (const time of [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      now + 0.5,
      String(now),
      undefined,
      null,
    ])
      expect(denialOf(verifier.verifyChain(chain, time as number))).toEqual({
        code: 'clock_unavailable',
        facts: {},
      });
  });

  test('has no grace that adds up over the hops (J06)', () => {
    const hops: Hop[] = Array.from({ length: 4 }, () => ({ claims: { iat: now + 30 } }));
    expect(verdictOf({ hops }).verdict).toBe('verified');
    const later = hops.with(3, { claims: { iat: now + 31 } });
    expect(denialOf(verdictOf({ hops: later }))).toMatchObject({ hop: 3, step: '4k' });
  });
});

describe('limits', () => {
  test('of depth may be raised, and the tokens must allow it too', () => {
    const deep = { ...options, limits: { maxDelegationDepth: 12 } };
    const hops = (deepest: number, count: number): Hop[] => [
      { claims: { del_max_depth: deepest } },
      ...Array<Hop>(count).fill({ holder: holders[0] as (typeof holders)[0] }),
    ];
    expect(verdictOf({ hops: hops(12, 12) }, deep).verdict).toBe('verified');
    expect(denialOf(verdictOf({ hops: hops(13, 2) }, deep))?.code).toBe('max_depth_invalid');
    expect(denialOf(verdictOf({ hops: hops(11, 12) }, deep))).toMatchObject({
      code: 'depth_exhausted',
      step: '4e',
      hop: 12,
    });
  });

  test('of size count the text as presented, before any signature is checked (R01)', () => {
    const { chain } = present();
    const [root, child] = chain.map(({ length }) => length) as [number, number];
    let checked = 0;
    const counting = (sizes: VerifierOptions['limits']) =>
      createVerifier({
        ...options,
        limits: sizes ?? {},
        verifySignature: () => {
          checked += 1;
          return true;
        },
      }).verifyChain(chain, now);
    expect(denialOf(counting({ maxTokenSize: Math.max(root, child) - 1 }))).toMatchObject({
      step: '2a',
    });
    expect(denialOf(counting({ maxChainSize: root + child - 1 }))).toMatchObject({ step: '2b' });
    expect(checked).toBe(0);
    expect(
      counting({ maxTokenSize: Math.max(root, child), maxChainSize: root + child }).verdict,
    ).toBe('verified');
    expect(checked).toBe(2);
  });
});

describe('signatures', () => {
  test('are checked once for each token, root first, and no claim is read before its own (section 8)', () => {
    const seen: string[] = [];
    const verifier = createVerifier({
      ...options,
      verifySignature: (key) => {
        seen.push(key.thumbprint);
        return seen.length < 2;
      },
    });
    const { chain } = present({
      hops: [{}, { claims: { exp: 'never' } }, {}],
    });
    expect(denialOf(verifier.verifyChain(chain, now))).toMatchObject({
      code: 'signature_invalid',
      hop: 1,
    });
    expect(seen).toEqual(
      [first.key, holders[0] as (typeof holders)[0]].map(({ publicKey }) => publicKey.thumbprint),
    );
  });

  test('count only when the check says true, and nothing like it (A15, X04)', () => {
    for (const answer of [1, 'true', {}, Promise.resolve(true), undefined]) {
      const given = { ...options, verifySignature: () => answer as boolean };
      expect(denialOf(verdictOf({}, given))?.code).toBe('signature_invalid');
    }
  });

  test('that cannot be checked deny, and nothing is thrown (Z02)', () => {
    const failing = {
      ...options,
      verifySignature: () => {
        throw new Error('no backend');
      },
    };
    expect(denialOf(verdictOf({}, failing))).toEqual({ code: 'internal_error', facts: {} });
  });

  test('in another form are refused although the token’s hash is the same (A01)', () => {
    const malleated: Hop = {
      compact: (compact) =>
        `${compact.slice(0, compact.lastIndexOf('.'))}.${Buffer.from(plusOrder(takeApart(compact).signature)).toString('base64url')}`,
    };
    expect(denialOf(verdictOf({ hops: [malleated, {}] }))).toMatchObject({
      code: 'signature_malformed',
      hop: 0,
    });
  });
});

describe('what is no chain', () => {
  const verifier = createVerifier(options);
  const asynchronous = createAsyncVerifier(options);

  test.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['a number', 7],
    ['an array of numbers', [1, 2]],
    ['an array with a hole', new Array(2)],
    ['an array of objects', [{ length: 5 }, { toString: () => present().chain[0] }]],
  ])('is denied and nothing is thrown: %s (D16)', async (_, given) => {
    expect(verifier.verifyChain(given as string[], now).verdict).toBe('deny');
    expect((await asynchronous.verifyChain(given as string[], now)).verdict).toBe('deny');
  });

  test('is no string either, though a string has parts', () => {
    expect(verifier.verifyChain(present().chain.join('') as never, now).verdict).toBe('deny');
  });
});
