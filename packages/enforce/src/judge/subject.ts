import {
  actors,
  type ChainCaveats,
  chainCaveats,
  joinCaveats,
  oldestIssuedAt,
  placedKeys,
  restsOn,
  type VerifiedChain,
  type VerifiedProof,
  type VerifiedToken,
} from '@taper/core';
import type { PolicyChain } from '../port/policy-engine.ts';
import type { ActingKey, RevocationChain, RevocationQuery } from '../port/revocation-view.ts';

/** Who asks: the verified chains of one call, and what follows from them alone. */
export interface Subject {
  readonly chains: readonly VerifiedChain[];
  readonly caveats: ChainCaveats;
  /** RFC 7638 thumbprint of the key that calls: the holder of the first leaf. */
  readonly agent: string;
  /** Thumbprints of every holder on every chain, and of the keys that have taken a holder's place. */
  readonly holders: ReadonlySet<string>;
  /** Hash of the leaf of every chain. */
  readonly leaves: readonly string[];
  readonly policyChains: readonly PolicyChain[];
  readonly revocation: RevocationQuery;
  /** First second, since the epoch, at which a token of a chain has expired. */
  readonly expiresAt: number;
  /** From an index of `revocation.tokens` or `.keys` to chain and hop. */
  placeOfToken(index: number): Place;
  placeOfKey(index: number): Place;
  /** Of `revocation.acting`. */
  placeOfActing(index: number): Place;
}

export interface Place {
  readonly joined: number;
  readonly hop: number;
}

/** Verified chains are kept by the verifier's cache; what follows from one is worked out once. */
const known = new WeakMap<VerifiedChain, Subject>();

/** By what somebody calls: the proof of each chain; in a session none, for the leaf's holder has opened it. `nobody` calls where chains are only looked at. */
export type Callers = readonly (VerifiedProof | undefined)[] | 'nobody';

/** What follows from the chains of a call. A single chain, the usual case, is remembered, unless a rotated key has proved the call. */
export function subjectOf(chains: readonly VerifiedChain[], callers: Callers = []): Subject {
  const [only] = chains;
  const isOwn = callers !== 'nobody' && callers.every((proof) => proof?.rotations === undefined);
  if (only === undefined || chains.length > 1 || !isOwn) return makeSubject(chains, callers);
  let subject = known.get(only);
  if (subject === undefined) {
    subject = makeSubject(chains, callers);
    known.set(only, subject);
  }
  return subject;
}

/** What one chain of a call rests on, and where each of its tokens and keys stands: what was exchanged for the root, at the root. */
interface Support {
  readonly chains: readonly RevocationChain[];
  readonly tokens: readonly Place[];
  readonly keys: readonly Place[];
}

function supportOf(chain: VerifiedChain, joined: number, callers: Callers): Support {
  const proof = callers === 'nobody' ? undefined : callers[joined];
  const chains = restsOn(chain, proof);
  const before = chains.slice(1);
  const atRoot = (): Place => ({ joined, hop: 0 });
  return {
    chains,
    tokens: [
      ...chain.tokens.map((_, hop) => ({ joined, hop })),
      ...before.flatMap(({ tokens }) => tokens.map(atRoot)),
    ],
    keys: [
      ...placedKeys(chain, proof).map(({ hop }) => ({ joined, hop })),
      ...before.flatMap(({ keys }) => keys.map(atRoot)),
    ],
  };
}

interface PlacedActing extends Place {
  readonly acting: ActingKey;
}

function actingOn(
  { tokens, leaf }: VerifiedChain,
  joined: number,
  callers: Callers,
): PlacedActing[] {
  const signers = tokens.slice(1).map(({ claims, rotations }, above) => {
    const key = rotations?.at(-1)?.newKey ?? (tokens[above] as VerifiedToken).claims.holder;
    const acting = Object.freeze({ key: key.thumbprint, at: claims.iat });
    return { acting, joined, hop: above + 1 };
  });
  if (callers === 'nobody') return signers;
  const caller = callers[joined]?.rotations?.at(-1)?.newKey ?? leaf.claims.holder;
  const acting = Object.freeze({ key: caller.thumbprint, at: undefined });
  return [...signers, { acting, joined, hop: tokens.length - 1 }];
}

function makeSubject(chains: readonly VerifiedChain[], callers: Callers): Subject {
  const supports = chains.map((chain, joined) => supportOf(chain, joined, callers));
  const queried = supports.flatMap((support) => support.chains);
  const tokens = supports.flatMap((support) => support.tokens);
  const keys = supports.flatMap((support) => support.keys);
  const acting = chains.flatMap((chain, joined) => actingOn(chain, joined, callers));
  const caveats = joinCaveats(chains.map((chain) => chainCaveats(chain)));
  const place = ({ joined, hop }: Place): Place => ({ joined, hop });
  return Object.freeze<Subject>({
    chains,
    caveats,
    agent: chains[0]?.leaf.claims.holder.thumbprint ?? '',
    holders: new Set(
      chains.flatMap((chain, joined) =>
        actors(chain, callers === 'nobody' ? undefined : callers[joined]),
      ),
    ),
    leaves: Object.freeze(chains.map(({ leaf }) => leaf.hash)),
    policyChains: Object.freeze(
      chains.map((chain) =>
        Object.freeze({
          issuer: chain.anchor.issuer,
          holders: Object.freeze(chain.tokens.map(({ claims }) => claims.holder.thumbprint)),
          tokens: Object.freeze(chain.tokens.map(({ hash }) => hash)),
          depth: chain.tokens.length - 1,
          expiresAt: chain.leaf.claims.exp,
        }),
      ),
    ),
    revocation: Object.freeze({
      tokens: Object.freeze(queried.flatMap((each) => each.tokens)),
      keys: Object.freeze(queried.flatMap((each) => each.keys)),
      acting: Object.freeze(acting.map((each) => each.acting)),
      chains: Object.freeze(queried),
      tenant: caveats.tenant,
      oldestIssuedAt: Math.min(...chains.map(oldestIssuedAt)),
      logs: caveats.revocation?.logs ?? [],
      epochs: caveats.revocation?.epochs ?? new Map(),
      evidence: undefined,
    }),
    expiresAt: Math.min(...chains.flatMap((chain) => chain.tokens.map(({ claims }) => claims.exp))),
    placeOfToken: (index) => tokens[index] as Place,
    placeOfKey: (index) => keys[index] as Place,
    placeOfActing: (index) => place(acting[index] as Place),
  });
}
