import { readFileSync } from 'node:fs';
import {
  createVerifier,
  type Decision,
  type Denial,
  importPublicKey,
  type JsonObject,
  type Presentations,
  parseJson,
  readPresentations,
  type TrustAnchor,
  type VerifierOptions,
} from '@taper/core';

/** What a vector must come to. */
export interface Expected {
  readonly verdict: 'PERMIT' | 'DENY';
  /** Step of draft section 8; several as `3n/4o`. `null` for a permit. */
  readonly step: string | null;
  /** Denial code of `spec/denials.json`; `null` for a permit, absent in suites of others. */
  readonly code?: string | null;
  /** Index of the token at fault, where one is; absent in suites of others. */
  readonly hop?: number | null;
}

interface VectorBase {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  /** Seconds since the epoch. */
  readonly now: number;
  readonly tool: string;
  /** The arguments as JSON text, digit for digit. */
  readonly args_json: string;
  readonly policy: {
    readonly nonce?: string;
    readonly require_pop_aud?: boolean;
    readonly require_chain_aud?: boolean;
    /** Where given, the profile `taper` is understood. */
    readonly profile?: { readonly tenant?: string; readonly purpose?: string };
    /** The hash of the tool's definition as it is now. */
    readonly definition?: string;
  };
  readonly expected: Expected;
}

/** One call. */
export interface Vector extends VectorBase {
  readonly chain: readonly string[];
  readonly pop: string;
}

/** One call whose presentation is given as it was received; `null` when there was none. */
export interface PresentationVector extends VectorBase {
  readonly presentation_json: string | null;
}

/** A file of vectors; `vectors/README.md` describes the form. */
export interface VectorSuite {
  readonly params: {
    readonly now: number;
    readonly max_iat_skew: number;
    readonly max_token_lifetime: number;
    readonly max_delegation_depth: number;
    readonly pop_window: number;
    readonly audience: string;
  };
  readonly trust_anchors: readonly {
    readonly iss: string;
    readonly jwk: JsonObject;
    /** The second key, whose signature roots must carry, too. */
    readonly hybrid?: { readonly alg: 'ML-DSA-65'; readonly key: string };
  }[];
  readonly vectors: readonly Vector[];
  readonly presentations?: readonly PresentationVector[];
}

/** Reads a suite, ours or that of the draft's authors. @throws when the file is absent or no JSON. */
export function readSuite(path: string | URL): VectorSuite {
  return JSON.parse(readFileSync(path, 'utf8')) as VectorSuite;
}

/** The verifier that a vector asks for. */
export function verifierOptions(
  { params, trust_anchors }: VectorSuite,
  policy: VectorBase['policy'] = {},
): VerifierOptions & { readonly anchors: readonly TrustAnchor[] } {
  return {
    anchors: trust_anchors.map(({ iss, jwk, hybrid }) => ({
      issuer: iss,
      key: importPublicKey(jwk),
      ...(hybrid === undefined ? {} : { hybrid }),
    })),
    audience: params.audience,
    limits: {
      maxIatSkew: params.max_iat_skew,
      maxTokenLifetime: params.max_token_lifetime,
      maxDelegationDepth: params.max_delegation_depth,
      proofWindow: params.pop_window,
    },
    requireProofAudience: policy.require_pop_aud ?? false,
    requireChainAudience: policy.require_chain_aud ?? false,
    ...(policy.profile === undefined ? {} : { profile: policy.profile }),
    ...(policy.nonce === undefined
      ? {}
      : { acceptsNonce: (nonce: string) => nonce === policy.nonce }),
  };
}

/** Judges one vector with a verifier of its own, or with one that is handed in. */
export function judgeVector(
  vector: Vector | PresentationVector,
  suite: VectorSuite,
  verifier: { authorize: ReturnType<typeof createVerifier>['authorize'] } = createVerifier(
    verifierOptions(suite, vector.policy),
  ),
): Expected {
  const { tool, args_json: args, now, policy } = vector;
  const read = presentationsOf(vector);
  if ('code' in read) return expectedOf(read);
  const pinned = policy.definition === undefined ? {} : { definition: policy.definition };
  const decisions = read.presentations.map((presentation) =>
    verifier.authorize({ presentation, tool, args, now, ...pinned }),
  );
  const decision = decisions.find(({ verdict }) => verdict === 'deny') ?? decisions[0];
  return expectedOfDecision(decision as Decision);
}

/** What is presented: one chain, or several that are joined. */
function presentationsOf(vector: Vector | PresentationVector): Presentations | Denial {
  if ('chain' in vector) return readPresentations({ aat_chain: vector.chain, aat_pop: vector.pop });
  if (vector.presentation_json === null) return readPresentations(undefined);
  const parsed = parseJson(vector.presentation_json);
  return readPresentations(parsed.ok ? parsed.value : []);
}

/** A decision in the words of a vector. */
export function expectedOfDecision(decision: Decision): Expected {
  return decision.verdict === 'permit'
    ? { verdict: 'PERMIT', step: null, code: null, hop: null }
    : expectedOf(decision.denial);
}

function expectedOf({ code, step, hop }: Denial): Expected {
  return { verdict: 'DENY', step: step ?? null, code, hop: hop ?? null };
}
