import {
  CAST,
  type ChainShape,
  createRandom,
  DOMAINS,
  detailsOf,
  forge,
  handOver,
  type IssuedToken,
  lineage,
  narrowTools,
  type Random,
  randomChain,
  randomConstraint,
  TEST_TIME,
  type ToolMaps,
  testId,
  testKey,
  tokenHeader,
  toolsIn,
} from '@taper/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createVerifier,
  type DenialCode,
  type DeriveOptions,
  derive,
  type IssueOptions,
  issue,
  isVerifiedChain,
  type JsonObject,
  RefusedError,
  type Signer,
  TaperError,
  type ToolMap,
  type VerifiedChain,
} from '../src/index.ts';

const now = TEST_TIME;
const issuerKey = testKey('issuer');
const [alice, bob] = [testKey('alice'), testKey('bob', 'ES256')];
const issuer = 'https://auth.example.com';
const audience = 'https://tools.example.com';
const verifier = createVerifier({ anchors: [{ issuer, key: issuerKey.publicKey }], audience });

const TOOLS: ToolMap = {
  read: { path: { constraint_type: 'one_of', values: ['/a', '/b'] } },
  pay: { amount: { constraint_type: 'range', max: 100 }, note: { constraint_type: 'wildcard' } },
};
const ROOT: IssueOptions = {
  issuer,
  signer: issuerKey.signer,
  holder: alice.publicKey,
  tools: TOOLS,
  now,
  id: 'root',
  lifetime: 600,
  maxDepth: 3,
};
const CHILD: DeriveOptions = {
  signer: alice.signer,
  holder: bob.publicKey,
  tools: { read: { path: { constraint_type: 'exact', value: '/a' } } },
  now: now + 60,
  id: 'child',
};
const root = await issue(ROOT);

function compacts(chain: VerifiedChain): string[] {
  return chain.tokens.map(({ compact }) => compact);
}

/** The denial that a promise was refused with. */
async function refusal(made: Promise<unknown>): Promise<RefusedError['denial']> {
  const thrown = await made.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(RefusedError);
  return (thrown as RefusedError).denial;
}

describe('issuing a root (draft section 6.1.3)', () => {
  test('makes a chain of one token that verifies', () => {
    expect(isVerifiedChain(root)).toBe(true);
    expect(verifier.verifyChain(compacts(root), now)).toMatchObject({ verdict: 'verified' });
    expect(root.leaf.claims).toMatchObject({ jti: 'root', iss: issuer, iat: now, exp: now + 600 });
    expect(root.leaf.claims).toMatchObject({ delDepth: 0, delMaxDepth: 3, parHash: undefined });
  });

  test.each<[DenialCode, string, Partial<IssueOptions>]>([
    ['issuer_mismatch', 'an issuer that is no URI', { issuer: 'auth' }],
    ['token_expired', 'no lifetime', { lifetime: 0 }],
    ['lifetime_too_long', 'more than 90 days', { lifetime: 7_776_001 }],
    ['max_depth_invalid', 'more hops than the limit', { maxDepth: 9 }],
    [
      'constraint_unknown',
      'an unknown constraint',
      { tools: { t: { a: { constraint_type: 'x' } } } },
    ],
    [
      'constraint_malformed',
      'a malformed constraint',
      { tools: { t: { a: { constraint_type: 'exact' } } } },
    ],
    ['token_too_large', 'a token that is too large to present', { id: 'x'.repeat(60_000) }],
  ])('refuses with %s: %s', async (code, _, change) => {
    expect(await refusal(issue({ ...ROOT, ...change }))).toMatchObject({ code });
  });

  test.each<[string, Partial<IssueOptions>]>([
    ['90 days', { lifetime: 7_776_000 }],
    ['as many hops as the limit', { maxDepth: 8 }],
    ['no tool at all', { tools: {} }],
  ])('accepts %s', async (_, change) => {
    const chain = await issue({ ...ROOT, ...change });
    expect(verifier.verifyChain(compacts(chain), now)).toMatchObject({ verdict: 'verified' });
  });
});

describe('deriving a token (draft section 6.2)', () => {
  test('makes a chain that verifies, bound to the new holder and no deeper than needed', async () => {
    const chain = await derive(root, CHILD);
    expect(isVerifiedChain(chain)).toBe(true);
    expect(verifier.verifyChain(compacts(chain), now + 60)).toMatchObject({ verdict: 'verified' });
    const { claims } = chain.leaf;
    expect(claims).toMatchObject({ iss: alice.publicKey.thumbprintUri, parHash: root.leaf.hash });
    expect(claims).toMatchObject({ iat: now + 60, exp: now + 600, delDepth: 1, delMaxDepth: 1 });
    expect(claims.holder.thumbprint).toBe(bob.publicKey.thumbprint);
    expect(chain.tokens.slice(0, -1)).toEqual(root.tokens);
  });

  test('sets `iat` to the parent’s when its own clock is behind (step 2)', async () => {
    const chain = await derive(root, { ...CHILD, now: now - 20 });
    expect(chain.leaf.claims.iat).toBe(now);
  });

  test.each<[DenialCode, string, string, Partial<DeriveOptions>]>([
    ['issuer_mismatch', '4c', 'a signer that is not the holder', { signer: bob.signer }],
    ['token_repeated', '2c', 'the identifier of an ancestor', { id: 'root' }],
    ['token_expired', '3e', 'a parent that has expired', { now: now + 600 }],
    ['expiry_extended', '4h', 'a life beyond the parent’s', { lifetime: 541 }],
    ['token_expired', '4i', 'a life that is over', { lifetime: 0 }],
    ['token_issued_in_future', '3f', 'a clock far behind the parent’s', { now: now - 31 }],
    ['max_depth_raised', '4g', 'more hops than the parent allows', { maxDepth: 4 }],
    ['depth_exhausted', '4m', 'fewer hops than it has', { maxDepth: 0 }],
    ['depth_claim_invalid', '4b4', 'a depth that is no integer', { maxDepth: 1.5 }],
    ['tool_added', '4p1', 'another tool', { tools: { write: {} } }],
    [
      'argument_keys_widened',
      '4p2',
      'a required argument left out',
      { tools: { pay: { note: { constraint_type: 'wildcard' } } } },
    ],
    [
      'argument_made_optional',
      '4p3',
      'a required argument made optional',
      { tools: { read: { path: { constraint_type: 'exact', value: '/a', optional: true } } } },
    ],
    [
      'constraint_widened',
      '4p4',
      'a wider constraint',
      { tools: { read: { path: { constraint_type: 'exact', value: '/c' } } } },
    ],
  ])('refuses with %s %s: %s', async (code, step, _, change) => {
    expect(await refusal(derive(root, { ...CHILD, ...change }))).toMatchObject({ code, step });
  });

  test.each<[string, Partial<DeriveOptions>]>([
    ['a life that ends with the parent’s', { lifetime: 540 }],
    ['a life of one second', { lifetime: 1 }],
    ['as many hops as the parent allows', { maxDepth: 3 }],
    ['the parent’s tools unchanged', { tools: TOOLS }],
    ['no tool at all', { tools: {} }],
    ['an audience', { audience: [audience] }],
    ['the same holder again (D27)', { holder: alice.publicKey }],
  ])('accepts %s', async (_, change) => {
    const chain = await derive(root, { ...CHILD, ...change });
    const verdict = verifier.verifyChain(compacts(chain), now + 60);
    expect(verdict).toMatchObject({ verdict: 'verified' });
  });

  test('refuses a hop more than an enforcement point takes (G01), and accepts the eighth (G08)', async () => {
    let chain = await issue({ ...ROOT, maxDepth: 8 });
    for (let hop = 1; hop <= 8; hop += 1)
      chain = await derive(chain, {
        ...CHILD,
        tools: TOOLS,
        signer: alice.signer,
        holder: alice.publicKey,
        id: `hop ${hop}`,
        maxDepth: 8,
      });
    expect(verifier.verifyChain(compacts(chain), now + 60)).toMatchObject({ verdict: 'verified' });
    const ninth = { ...CHILD, id: 'hop 9', maxDepth: 8 };
    expect(await refusal(derive(chain, ninth))).toMatchObject({
      code: 'chain_too_long',
      step: '4f',
    });
  });

  test.each<[string, () => Promise<unknown>]>([
    ['a chain that nobody has verified', () => derive({ ...root }, CHILD)],
    [
      'a holder that is no checked key',
      () => derive(root, { ...CHILD, holder: { ...bob.publicKey } }),
    ],
    ['an identifier that is empty', () => derive(root, { ...CHILD, id: '' })],
    ['a time that is no whole number', () => derive(root, { ...CHILD, now: now + 0.5 })],
    ['a lifetime that is no whole number', () => derive(root, { ...CHILD, lifetime: Number.NaN })],
    [
      'tools that are no JSON',
      () =>
        derive(root, {
          ...CHILD,
          tools: { t: { a: { constraint_type: 'exact', value: Number.NaN } } },
        }),
    ],
  ])('throws, and is no denial, for %s', async (_, make) => {
    const thrown = await make().catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(TaperError);
    expect(thrown).not.toBeInstanceOf(RefusedError);
  });

  test('throws when the signer signs with another key than it names', async () => {
    const liar: Signer = { publicKey: alice.publicKey, sign: testKey('mallory').signer.sign };
    await expect(derive(root, { ...CHILD, signer: liar })).rejects.toMatchObject({
      code: 'signing_failed',
    });
  });

  test('asks the signer only when nothing is wrong', async () => {
    let asked = 0;
    const counting: Signer = {
      publicKey: alice.publicKey,
      sign: (input) => {
        asked += 1;
        return alice.sign(input);
      },
    };
    await refusal(derive(root, { ...CHILD, signer: counting, maxDepth: 4 }));
    expect(asked).toBe(0);
    await derive(root, { ...CHILD, signer: counting });
    expect(asked).toBe(1);
  });
});

/** What derive was asked for, signed by somebody who checks nothing. */
function forgedEquivalent(parent: IssuedToken, options: DeriveOptions): string {
  const depth = (parent.payload['del_depth'] as number) + 1;
  const iat = Math.max(options.now, parent.payload['iat'] as number);
  const exp = options.lifetime === undefined ? parent.payload['exp'] : iat + options.lifetime;
  const payload = {
    ...handOver(parent, CAST.mallory, options.id),
    cnf: { jwk: options.holder.jwk as unknown as JsonObject },
    iat,
    exp: exp as number,
    del_max_depth: options.maxDepth ?? depth,
    authorization_details: detailsOf(options.tools as ToolMaps),
  };
  return forge({ header: tokenHeader(parent.holder), payload, signature: parent.holder });
}

/** Tools that are often narrower than the parent's, and often not. */
function someTools(parent: IssuedToken, random: Random): ToolMaps {
  const tools = (toolsIn(parent.payload) ?? {}) as unknown as ToolMaps;
  const narrowed = narrowTools(tools, random);
  if (random.chance(0.6)) return narrowed;
  const tool = random.pick([...Object.keys(tools), 'another']);
  const argument = random.pick([...Object.keys(tools[tool] ?? {}), '*', 'other']);
  const made = randomConstraint(random.pick(DOMAINS), random, 2);
  return { ...narrowed, [tool]: { ...narrowed[tool], [argument]: made } };
}

describe('derive and verify', () => {
  test.each([
    ['expired', 1_000_000],
    ['issued in the future', -31],
  ])('name the same token where several have %s', async (_, later) => {
    const parent = await derive(root, { ...CHILD, now, tools: TOOLS, maxDepth: 2 });
    const options = { ...CHILD, signer: bob.signer, now: now + later, id: 'third' };
    const verdict = verifier.verifyChain(compacts(parent), options.now);
    expect(verdict.verdict).toBe('deny');
    expect(await refusal(derive(parent, options))).toEqual(
      verdict.verdict === 'deny' && verdict.denial,
    );
  });

  test('refuse the same with the same code, step, hop and facts, and accept the same', async () => {
    const holders = ['a', 'b', 'c'].map((name) => testKey(name));
    const shape: Omit<ChainShape, 'depth'> = { issuer, issuerKey, holders, now, audience };
    let [made, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const random = createRandom(`derive ${seed}`);
        const depth = random.chance(0.1) ? 8 : random.between(0, 4);
        const tokens = lineage(randomChain({ ...shape, depth }, random));
        const parent = tokens.at(-1) as IssuedToken;
        const verdict = verifier.verifyChain(
          tokens.map(({ compact }) => compact),
          now,
        );
        if (verdict.verdict === 'deny') throw new Error(verdict.denial.code);
        const id = random.chance(0.1) ? (random.pick(tokens).payload['jti'] as string) : testId(9);
        const options: DeriveOptions = {
          signer: parent.holder.signer,
          holder: alice.publicKey,
          tools: someTools(parent, random) as ToolMap,
          now: now + (random.chance(0.8) ? 0 : random.pick([5, -29, 1_000_000])),
          id,
          ...(random.chance(0.2) ? { lifetime: random.pick([-1, 0, 1, 60, 100_000]) } : {}),
          ...(random.chance(0.2) ? { maxDepth: random.between(depth, 9) } : {}),
        };
        const forged = [...tokens.map(({ compact }) => compact), forgedEquivalent(parent, options)];
        const expected = verifier.verifyChain(forged, options.now);
        const outcome = await derive(verdict.chain, options).then(
          (chain) => ({ chain }),
          (error: unknown) => ({ error }),
        );
        if ('error' in outcome) {
          refused += 1;
          expect(outcome.error).toBeInstanceOf(RefusedError);
          const { denial } = outcome.error as RefusedError;
          const wanted = expected.verdict === 'deny' ? expected.denial : undefined;
          // Where an ancestor is out of force, the test above says which one is named.
          const ofAncestor = wanted?.hop !== undefined && wanted.hop < tokens.length;
          if (ofAncestor) expect(denial.code).toBe(wanted.code);
          else expect([denial, options.tools]).toEqual([wanted, options.tools]);
          return;
        }
        made += 1;
        expect(expected).toMatchObject({ verdict: 'verified' });
        expect(outcome.chain.leaf.claims.capabilities).toEqual(
          expected.verdict === 'verified' && expected.chain.leaf.claims.capabilities,
        );
        expect(verifier.verifyChain(compacts(outcome.chain), options.now)).toMatchObject({
          verdict: 'verified',
        });
      }),
      { numRuns: 500 },
    );
    expect(made).toBeGreaterThan(40);
    expect(refused).toBeGreaterThan(150);
  });
});
