import { type ChainCaveats, chainCaveats, joinCaveats, type VerifiedChain } from '@taper/core';
import type { PolicyChain } from '../port/policy-engine.ts';
import type { RevocationQuery } from '../port/revocation-view.ts';

/** Who asks: the verified chains of one call, and what follows from them alone. */
export interface Subject {
  readonly chains: readonly VerifiedChain[];
  readonly caveats: ChainCaveats;
  /** RFC 7638 thumbprint of the key that calls: the holder of the first leaf. */
  readonly agent: string;
  /** Thumbprints of every holder on every chain. */
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
}

export interface Place {
  readonly joined: number;
  readonly hop: number;
}

/** Verified chains are kept by the verifier's cache; what follows from one is worked out once. */
const known = new WeakMap<VerifiedChain, Subject>();

/** What follows from the chains of a call. A single chain, the usual case, is remembered. */
export function subjectOf(chains: readonly VerifiedChain[]): Subject {
  const [only] = chains;
  if (only === undefined || chains.length > 1) return makeSubject(chains);
  let subject = known.get(only);
  if (subject === undefined) {
    subject = makeSubject(chains);
    known.set(only, subject);
  }
  return subject;
}

function makeSubject(chains: readonly VerifiedChain[]): Subject {
  const tokens = chains.flatMap((chain, joined) =>
    chain.tokens.map((token, hop) => ({ token, joined, hop })),
  );
  const keys = chains.flatMap((chain, joined) => [
    { thumbprint: chain.anchor.key.thumbprint, joined, hop: 0 },
    ...chain.tokens.map(({ claims }, hop) => ({
      thumbprint: claims.holder.thumbprint,
      joined,
      hop,
    })),
  ]);
  const keysOf = ({ anchor, tokens: held }: VerifiedChain): readonly string[] =>
    Object.freeze([anchor.key.thumbprint, ...held.map(({ claims }) => claims.holder.thumbprint)]);
  const caveats = joinCaveats(chains.map((chain) => chainCaveats(chain)));
  const place = ({ joined, hop }: Place): Place => ({ joined, hop });
  return Object.freeze<Subject>({
    chains,
    caveats,
    agent: chains[0]?.leaf.claims.holder.thumbprint ?? '',
    holders: new Set(tokens.map(({ token }) => token.claims.holder.thumbprint)),
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
      tokens: Object.freeze(tokens.map(({ token }) => token.hash)),
      keys: Object.freeze(keys.map(({ thumbprint }) => thumbprint)),
      chains: Object.freeze(
        chains.map((chain) =>
          Object.freeze({
            tokens: Object.freeze(chain.tokens.map(({ hash }) => hash)),
            keys: keysOf(chain),
          }),
        ),
      ),
      tenant: caveats.tenant,
      oldestIssuedAt: Math.min(...tokens.map(({ token }) => token.claims.iat)),
      logs: caveats.revocation?.logs ?? [],
      epochs: caveats.revocation?.epochs ?? new Map(),
      evidence: undefined,
    }),
    expiresAt: Math.min(...tokens.map(({ token }) => token.claims.exp)),
    placeOfToken: (index) => place(tokens[index] as Place),
    placeOfKey: (index) => place(keys[index] as Place),
  });
}
