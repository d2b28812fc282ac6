import {
  createVerifier,
  type ProfileContext,
  type Verifier,
  type VerifierOptions,
} from '@taper/core';
import {
  type Call,
  type ChainShape,
  createRandom,
  detailsOf,
  forge,
  type IssuedToken,
  issueToken,
  lineage,
  proofHeader,
  type Random,
  randomCall,
  randomChild,
  randomRoot,
  signingInput,
  TEST_TIME,
  type TestKey,
  testKey,
} from '../src/index.ts';

import { randomCaveats } from './caveats.ts';

/** Identifier of the enforcement point that judges. */
export const AUDIENCE = 'https://tools.example.com';
const ISSUER = 'https://auth.example.com';

/** A proof that an honest holder made for one call, and that an attacker may have seen. */
export interface HonestProof {
  readonly compact: string;
  readonly leaf: IssuedToken;
  readonly call: Call;
}

/** What honest parties have made, all of which an attacker may see: a chain, one like it under the same keys, and siblings. */
export interface Family {
  readonly seed: string;
  /** The verifier's clock, seconds since the epoch. */
  readonly now: number;
  readonly verifier: Verifier;
  /** What the verifier judges caveats by; undefined where it does not know them, and the chains have none. */
  readonly profile: ProfileContext | undefined;
  /** Two trust anchors; the chain comes from the first. */
  readonly anchors: readonly { readonly issuer: string; readonly key: TestKey }[];
  readonly chain: readonly IssuedToken[];
  /** The same holders at the same hops, other tokens. */
  readonly twin: readonly IssuedToken[];
  /** Other children of the tokens of the chain, with the same holders as their siblings. */
  readonly siblings: readonly IssuedToken[];
  readonly proofs: readonly HonestProof[];
  /** Every honest token by its signing input. */
  readonly honest: ReadonlyMap<string, IssuedToken>;
  /** Keys that no honest token knows. */
  readonly mallory: { readonly own: TestKey; readonly other: TestKey; readonly p256: TestKey };
}

const holders = Array.from({ length: 40 }, (_, index) =>
  testKey(`fuzz holder ${index}`, index % 5 === 4 ? 'ES256' : 'Ed25519'),
);
const issuers = [testKey('fuzz issuer'), testKey('fuzz issuer', 'ES256')];
const secondIssuer = testKey('fuzz second issuer');
const mallory = {
  own: testKey('fuzz mallory'),
  other: testKey('fuzz mallory again'),
  p256: testKey('fuzz mallory', 'ES256'),
};

/**
 * The family of a seed: the same tokens every time. `planted` are faults that a
 * test of the fuzzer gives to the verifier.
 */
export function makeFamily(seed: string, planted: Partial<VerifierOptions> = {}): Family {
  const random = createRandom(seed);
  const depth = random.chance(0.1) ? 8 : random.between(0, 7);
  const issuerKey = random.chance(0.9) ? issuers[0] : issuers[1];
  if (issuerKey === undefined) throw new Error('no issuer');
  const shape: ChainShape & { readonly profile?: ProfileContext } = {
    issuer: ISSUER,
    issuerKey,
    holders,
    depth,
    now: TEST_TIME,
    audience: AUDIENCE,
    ...caveatsOf(seed),
  };
  const { profile } = shape;
  const chain = chainUnder(shape, random);
  const twin = random.chance(0.5) ? reissued(chain) : chainUnder(withHolders(shape, chain), random);
  const siblings = chain.slice(0, -1).map((parent, index) => {
    const holder = chain[index + 1]?.holder ?? mallory.own;
    return randomChild(parent, { ...shape, holders: [holder] }, 0, random);
  });
  const honest = new Map(
    [...chain, ...twin, ...siblings].map((token) => [signingInput(token.compact), token]),
  );
  const anchors = [
    { issuer: ISSUER, key: issuerKey },
    { issuer: 'https://second.example.net', key: secondIssuer },
  ];
  const verifier = createVerifier({
    anchors: anchors.map(({ issuer, key }) => ({ issuer, key: key.publicKey })),
    audience: AUDIENCE,
    ...(profile === undefined ? {} : { profile }),
    // Without a cache, with one that forgets all the time, and with one that remembers.
    cacheCharacters: random.pick([0, 4096, 2 ** 24, 2 ** 24]),
    ...planted,
  });
  const proofs = honestProofs([chain.at(-1), twin.at(-1)], random);
  return {
    seed,
    now: TEST_TIME,
    verifier,
    profile,
    anchors,
    chain,
    twin,
    siblings,
    proofs,
    honest,
    mallory,
  };
}

/** Some families have caveats, drawn from a randomness of their own. */
function caveatsOf(
  seed: string,
): Pick<ChainShape, 'caveats'> & { readonly profile?: ProfileContext } {
  const random = createRandom(`${seed} caveats`);
  if (random.chance(0.6)) return {};
  const tenant = random.chance(0.5) ? 'acme' : undefined;
  return {
    profile: tenant === undefined ? {} : { tenant },
    caveats: (depth) =>
      depth === 0 && tenant !== undefined
        ? { ...randomCaveats(random), tenant }
        : random.chance(0.5)
          ? randomCaveats(random, random.chance(0.3) ? tenant : undefined)
          : undefined,
  };
}

type Holders = ChainShape & { readonly each?: readonly TestKey[] };

function withHolders(shape: ChainShape, chain: readonly IssuedToken[]): Holders {
  return { ...shape, each: chain.map(({ holder }) => holder) };
}

function chainUnder(shape: Holders, random: Random): IssuedToken[] {
  const at = (hop: number): ChainShape => {
    const holder = shape.each?.[hop];
    return holder === undefined ? shape : { ...shape, holders: [holder] };
  };
  let token = randomRoot(at(0), random);
  for (let hop = 1; hop <= shape.depth; hop += 1)
    token = randomChild(token, at(hop), shape.depth - hop, random);
  return lineage(token);
}

/** The same claims under other identifiers: only `par_hash` tells the two chains apart. */
function reissued(chain: readonly IssuedToken[]): IssuedToken[] {
  const made: IssuedToken[] = [];
  for (const { payload, signer, holder } of chain) {
    const parent = made.at(-1);
    const link = parent === undefined ? {} : { par_hash: parent.hash };
    made.push(
      issueToken({ ...payload, jti: `${payload['jti']}-twin`, ...link }, signer, holder, parent),
    );
  }
  return made;
}

function honestProofs(leaves: readonly (IssuedToken | undefined)[], random: Random): HonestProof[] {
  return leaves.flatMap((leaf) => {
    const call = leaf && randomCall(leaf.payload, random);
    if (leaf === undefined || call === undefined) return [];
    const compact = makeProof(leaf, call, leaf.holder, { jti: `p-${random.u32()}` });
    return [{ compact, leaf, call }];
  });
}

/** A proof over a call, with claims changed or (as undefined) left out. */
export function makeProof(
  leaf: IssuedToken,
  { tool, args }: Call,
  key: TestKey,
  changes: Readonly<Record<string, unknown>> = {},
): string {
  const claims = {
    jti: 'p-1',
    iat: TEST_TIME,
    aat_id: leaf.payload['jti'],
    aat_hash: leaf.hash,
    aat_tool: tool,
    aat_aud: AUDIENCE,
    hta: args,
    ...changes,
  };
  const payload = JSON.parse(JSON.stringify(claims));
  return forge({ header: proofHeader(key), payload, signature: key });
}

/** A token of no tools, as an attacker may put in the middle. */
export const NO_TOOLS = detailsOf({});
