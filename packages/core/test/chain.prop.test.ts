import {
  accepts,
  type Call,
  type ChainShape,
  createRandom,
  DOMAINS,
  detailsOf,
  grants,
  handOver,
  type IssuedToken,
  issueToken,
  lineage,
  type Random,
  randomCall,
  randomChain,
  randomConstraint,
  sampleValue,
  TEST_TIME,
  type ToolMaps,
  testKey,
  toolsIn,
} from '@taper/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodePlatform, sodiumPlatform } from '../src/crypto/node.ts';
import {
  type ChainVerdict,
  createAsyncVerifier,
  createVerifier,
  type JsonObject,
  type VerifierOptions,
} from '../src/index.ts';

const issuerKey = testKey('issuer');
const holders = ['a', 'b', 'c', 'd', 'e'].map((name) =>
  testKey(name, name === 'e' ? 'ES256' : 'Ed25519'),
);
const mallory = testKey('mallory');
const shape: Omit<ChainShape, 'depth'> = {
  issuer: 'https://auth.example.com',
  issuerKey,
  holders,
  now: TEST_TIME,
  audience: 'https://tools.example.com',
};
const options: VerifierOptions = {
  anchors: [{ issuer: shape.issuer, key: issuerKey.publicKey }],
  audience: shape.audience,
};
const uncached = createVerifier({ ...options, cacheCharacters: 0 });

const texts = (tokens: readonly IssuedToken[]): string[] => tokens.map(({ compact }) => compact);

/** A chain of at least so many tokens. */
function chainOf(random: Random, atLeast: number): IssuedToken[] {
  const depth = random.between(atLeast - 1, Math.max(atLeast - 1, 5));
  return lineage(randomChain({ ...shape, depth }, random));
}

/** The code of a denial; undefined when the chain was verified. */
function codeOf(verdict: ChainVerdict): string | undefined {
  return verdict.verdict === 'deny' ? verdict.denial.code : undefined;
}

function summary(verdict: ChainVerdict): object {
  return verdict.verdict === 'deny'
    ? { denial: verdict.denial, verified: verdict.verifiedPrefix.map(({ hash }) => hash) }
    : { verified: verdict.chain.tokens.map(({ hash }) => hash) };
}

/** Runs a property over reproducible randomness; the seed is what fast-check shrinks and reports. */
function holds(name: string, runs: number, property: (random: Random) => void | Promise<void>) {
  test(name, async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        await property(createRandom(`${name} ${seed}`));
      }),
      { numRuns: runs },
    );
  });
}

describe('a hop that its holder appends', () => {
  let accepted = 0;
  let refused = 0;

  holds('never grants what the token above does not (D13, D19, D20, K02, K03)', 1500, (random) => {
    const chain = chainOf(random, 1);
    const leaf = chain.at(-1) as IssuedToken;
    const { del_depth: depth, del_max_depth: deepest } = leaf.payload;
    if (depth === deepest) return;
    const { tools, calls } = otherTools(leaf, random);
    const payload = {
      ...handOver(leaf, mallory, 'appended'),
      authorization_details: detailsOf(tools),
    };
    const child = issueToken(payload, leaf.holder, mallory, leaf);
    const code = codeOf(uncached.verifyChain(texts([...chain, child]), TEST_TIME));
    if (code !== undefined) {
      refused += 1;
      return;
    }
    accepted += 1;
    const drawn = Array.from({ length: 4 }, () => randomCall(payload, random));
    for (const call of [...calls, ...drawn]) {
      if (call === undefined || !grants(payload, call)) continue;
      for (const above of chain) expect([call, grants(above.payload, call)]).toEqual([call, true]);
    }
  });

  test('was accepted and refused often enough for that to mean something', () => {
    expect(accepted).toBeGreaterThan(50);
    expect(refused).toBeGreaterThan(200);
  });
});

/** The parent's tools with one constraint replaced by any other, and calls at the new one's edges. */
function otherTools(
  { payload }: IssuedToken,
  random: Random,
): { readonly tools: ToolMaps; readonly calls: readonly Call[] } {
  const tools = (toolsIn(payload) ?? {}) as unknown as ToolMaps;
  const tool = random.pick(Object.keys(tools));
  const map = tools[tool] ?? {};
  const argument = random.pick([...Object.keys(map).filter((name) => name !== '*'), 'other']);
  const above = map[argument];
  const made = likeOf(above, random);
  const optional = above?.['optional'] === true ? { optional: true } : {};
  const call = randomCall(payload, random);
  const values = Array.from({ length: 5 }, () => sampleValue(made, random));
  return {
    tools: { ...tools, [tool]: { ...map, [argument]: { ...made, ...optional } } },
    calls: values.flatMap((value) => {
      if (value === undefined) return [];
      const args = call?.tool === tool ? call.args : {};
      return [{ tool, args: { ...args, [argument]: value } }];
    }),
  };
}

/** Half of the time a constraint of the type that was there. */
function likeOf(above: JsonObject | undefined, random: Random): JsonObject {
  const draws = Array.from({ length: 12 }, () => randomConstraint(random.pick(DOMAINS), random, 2));
  const same = draws.find((made) => made['constraint_type'] === above?.['constraint_type']);
  return (random.chance(0.5) ? same : undefined) ?? (draws[0] as JsonObject);
}

describe('a chain that verifies', () => {
  holds('verifies in every backend, cached or not', 150, async (random) => {
    const chain = texts(chainOf(random, 1));
    for (const verifier of verifiers) {
      expect(codeOf(await verifier.verifyChain(chain, TEST_TIME))).toBeUndefined();
      expect(codeOf(await verifier.verifyChain(chain, TEST_TIME))).toBeUndefined();
    }
  });

  holds('is denied when a hop is dropped that is not the last (D04, D05)', 300, (random) => {
    const chain = chainOf(random, 2);
    const dropped = random.between(0, chain.length - 2);
    expect(deny(chain.filter((_, hop) => hop !== dropped))).toBe(true);
  });

  holds('is denied when two hops change places (D03)', 300, (random) => {
    const chain = chainOf(random, 2);
    const [one, two] = random.shuffle(chain.map((_, hop) => hop)) as [number, number];
    const swapped = [...chain];
    [swapped[one], swapped[two]] = [chain[two] as IssuedToken, chain[one] as IssuedToken];
    expect(deny(swapped)).toBe(true);
  });

  holds('is denied when a hop stands twice (D08)', 300, (random) => {
    const chain = chainOf(random, 1);
    const again = random.pick(chain);
    const at = random.between(0, chain.length);
    expect(deny([...chain.slice(0, at), again, ...chain.slice(at)])).toBe(true);
  });

  holds('is denied when a hop comes from another chain of the same keys (D01)', 200, (random) => {
    const chain = chainOf(random, 2);
    const twin: IssuedToken[] = [];
    for (const { payload, signer, holder } of chain) {
      const parent = twin.at(-1);
      const link = parent === undefined ? {} : { par_hash: parent.hash };
      const claims = { ...payload, ...link, jti: `${payload['jti']}-twin` };
      twin.push(issueToken(claims, signer, holder, parent));
    }
    const at = random.between(0, chain.length - 1);
    expect(deny(chain.map((token, hop) => (hop === at ? (twin[at] as IssuedToken) : token)))).toBe(
      true,
    );
  });

  holds('is denied when any bit of it is flipped (A-series, C01)', 1500, (random) => {
    const chain = texts(chainOf(random, 1));
    const hop = random.between(0, chain.length - 1);
    const bytes = Buffer.from(chain[hop] as string);
    const at = random.between(0, bytes.length - 1);
    bytes[at] = (bytes[at] as number) ^ (1 << random.between(0, 7));
    const flipped = chain.map((text, index) => (index === hop ? bytes.toString('latin1') : text));
    expect(codeOf(uncached.verifyChain(flipped, TEST_TIME))).toBeDefined();
  });
});

function deny(chain: readonly IssuedToken[]): boolean {
  return codeOf(uncached.verifyChain(texts(chain), TEST_TIME)) !== undefined;
}

const backends = [nodePlatform, sodiumPlatform].flatMap((platform) =>
  platform?.verify === undefined ? [] : [platform.verify],
);
const verifiers = [
  ...backends.map((verifySignature) => createVerifier({ ...options, verifySignature })),
  createAsyncVerifier(options),
  uncached,
];

/** A chain with something done to it, or nothing. */
function disturbed(
  tokens: readonly IssuedToken[],
  other: readonly string[],
  random: Random,
): string[] {
  const chain = texts(tokens);
  const at = random.between(0, chain.length - 1);
  const text = chain[at] as string;
  const leaf = tokens.at(-1) as IssuedToken;
  const cut = random.between(0, text.length);
  const forged = issueToken(
    { ...handOver(leaf, mallory, 'forged'), exp: TEST_TIME + random.between(-5, 90_000) },
    random.pick([leaf.holder, mallory]),
    mallory,
    leaf,
  );
  return random.pick([
    chain,
    chain,
    chain.slice(0, at + 1),
    [...chain, forged.compact],
    [...chain, random.pick(other)],
    [...chain.slice(0, at), ...other.slice(at)],
    chain.toSpliced(at, 1),
    chain.toSpliced(at, 1, text.slice(0, cut)),
    chain.toSpliced(at, 1, `${text.slice(0, cut)}A${text.slice(cut + 1)}`),
    [...chain, 'x', ''],
    [],
  ]);
}

describe('every verifier', () => {
  test('is one of several: OpenSSL, libsodium where it is installed, asynchronous and without a cache', () => {
    expect(verifiers.length).toBeGreaterThanOrEqual(3);
    expect(sodiumPlatform).toBeDefined();
  });

  holds(
    'gives the same verdict, place and verified prefix, now and as time passes (J09, J13)',
    120,
    async (random) => {
      const [one, two] = [chainOf(random, 1), chainOf(random, 1)] as const;
      const small = createVerifier({ ...options, cacheCharacters: 3000 });
      const all = [...verifiers, small];
      const times = [...one, ...two].flatMap(({ payload: { iat, exp } }) => [
        (exp as number) - 1,
        exp as number,
        (iat as number) - 30,
        (iat as number) - 31,
      ]);
      for (let round = 0; round < 12; round += 1) {
        const [tokens, other] = random.chance(0.5) ? [one, two] : [two, one];
        const presented = disturbed(tokens, texts(other), random);
        const now = random.chance(0.5) ? TEST_TIME : random.pick(times);
        const expected = summary(uncached.verifyChain(presented, now));
        for (const verifier of all)
          expect(summary(await verifier.verifyChain(presented, now))).toEqual(expected);
      }
    },
  );

  holds(
    'denies a chain that it knows once a token of it has expired (J09)',
    200,
    async (random) => {
      const tokens = chainOf(random, 1);
      const chain = texts(tokens);
      const cached = createVerifier(options);
      expect(codeOf(cached.verifyChain(chain, TEST_TIME))).toBeUndefined();
      const first = Math.min(...tokens.map(({ payload }) => payload['exp'] as number));
      expect(codeOf(cached.verifyChain(chain, first - 1))).toBeUndefined();
      expect(codeOf(cached.verifyChain(chain, first))).toBe('token_expired');
      const last = Math.max(...tokens.map(({ payload }) => payload['iat'] as number));
      expect(codeOf(cached.verifyChain(chain, last - 31))).toBe('token_issued_in_future');
      expect(codeOf(cached.verifyChain(chain, last - 30))).toBeUndefined();
    },
  );
});

describe('the leaf of a chain that verifies', () => {
  holds('grants what its constraints accept, and nothing else (K06, K07)', 300, (random) => {
    const chain = chainOf(random, 1);
    const verdict = uncached.verifyChain(texts(chain), TEST_TIME);
    expect(codeOf(verdict)).toBeUndefined();
    if (verdict.verdict === 'deny') return;
    const { capabilities } = verdict.chain.leaf.claims;
    const written = (toolsIn((chain.at(-1) as IssuedToken).payload) ?? {}) as unknown as ToolMaps;
    expect([...capabilities.keys()].sort()).toEqual(Object.keys(written).sort());
    for (const [tool, { named, open }] of capabilities) {
      const map = written[tool] ?? {};
      expect(open).toBe(Object.hasOwn(map, '*') || Object.keys(map).length === 0);
      for (const [argument, constraint] of named) {
        expect(constraint).toEqual(map[argument]);
        const value = sampleValue(map[argument] as JsonObject, random);
        if (value !== undefined) expect(accepts(constraint, value)).toBe(true);
      }
    }
  });
});
