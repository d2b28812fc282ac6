import { completeProfile, type ProfileContext } from './caveat/check.ts';
import type { ChainPolicy, TrustAnchor } from './chain.ts';
import { ChainCache } from './chain-cache.ts';
import type { SignatureVerifier } from './crypto/port.ts';
import { TaperError } from './error.ts';
import { checkHybridKey } from './hybrid/key.ts';
import { isPublicKey } from './key.ts';
import { completeLimits, type Limits } from './limits.ts';
import { requireKnownOptions } from './option-names.ts';
import type { ProofPolicy } from './proof.ts';

/** A root that verifies under no anchor costs a signature check for each. */
const MAX_ANCHORS = 100;

export interface VerifierOptions {
  /** The root issuers that are trusted: 1 to 100. */
  readonly anchors: readonly TrustAnchor[];
  /** The identifiers of this enforcement point, compared as exact strings with `aud` and `aat_aud`. Without one, any token or proof that names an audience is refused. */
  readonly audience?: string | readonly string[];
  /** Refuse chains in which no token carries `aud` (draft section 9.5). Default false. */
  readonly requireChainAudience?: boolean;
  /** Refuse proofs without `aat_aud` (draft section 9.5). Default false. */
  readonly requireProofAudience?: boolean;
  /** When given, every proof must carry a nonce for which this returns true (draft step 7h). */
  readonly acceptsNonce?: (nonce: string) => boolean;
  /**
   * Given, tokens with caveats are understood (spec/profile.md), and tenant, purpose and definitions are checked. Whoever gives it
   * must discharge the rest of `chainCaveats(permit.chain)` itself, as the enforcement point does: budget, approvals, revocation.
   * Without it, every token with caveats is refused.
   */
  readonly profile?: ProfileContext;
  /** Deviations from {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<Limits>;
  /** Characters of token text that the cache of verified chains may hold. 0 turns it off. Default 2 Mi: some thousand tokens, at most 64 MiB of memory. */
  readonly cacheCharacters?: number;
  /** Synchronous signature check; default the platform's. For tests that compare backends. */
  readonly verifySignature?: SignatureVerifier;
}

/** What a verifier judges by, complete and frozen. */
export interface VerifierPolicy extends ChainPolicy, ProofPolicy {
  readonly requireChainAudience: boolean;
}

/** A requirement is off only where it is absent or `false`. */
function isOn(requirement: boolean | undefined): boolean {
  return requirement !== undefined && requirement !== false;
}

const OPTIONS: readonly (keyof VerifierOptions)[] = [
  'anchors',
  'audience',
  'requireChainAudience',
  'requireProofAudience',
  'acceptsNonce',
  'profile',
  'limits',
  'cacheCharacters',
  'verifySignature',
];

/**
 * Checks the options of a verifier and completes them.
 * @throws {TaperError} `option_invalid`.
 */
export function prepareVerifier(options: VerifierOptions): {
  readonly policy: VerifierPolicy;
  readonly cache: ChainCache | undefined;
} {
  requireKnownOptions(options, OPTIONS);
  const limits = completeLimits(options.limits);
  const audience = options.audience === undefined ? [] : [options.audience].flat();
  if (audience.some((identifier) => typeof identifier !== 'string' || identifier === '')) {
    throw new TaperError('option_invalid', 'An audience must be a non-empty string.');
  }
  const cacheCharacters = options.cacheCharacters ?? 2 * 1024 * 1024;
  if (!Number.isSafeInteger(cacheCharacters) || cacheCharacters < 0) {
    throw new TaperError('option_invalid', '`cacheCharacters` must be a whole number, 0 or more.');
  }
  const { acceptsNonce } = options;
  if (acceptsNonce !== undefined && typeof acceptsNonce !== 'function') {
    throw new TaperError('option_invalid', '`acceptsNonce` must be a function.');
  }
  const policy: VerifierPolicy = Object.freeze({
    anchors: checkAnchors(options.anchors),
    limits,
    profile: completeProfile(options.profile),
    audience: Object.freeze(audience),
    requireChainAudience: isOn(options.requireChainAudience),
    requireProofAudience: isOn(options.requireProofAudience),
    acceptsNonce,
  });
  return { policy, cache: cacheCharacters === 0 ? undefined : new ChainCache(cacheCharacters) };
}

function checkAnchors(anchors: readonly TrustAnchor[]): readonly TrustAnchor[] {
  if (!Array.isArray(anchors) || anchors.length === 0) {
    throw new TaperError('option_invalid', 'No trust anchor is given.', {
      hint: 'Pass `anchors: [{ issuer, key }]` with the public key of the root issuer.',
    });
  }
  if (anchors.length > MAX_ANCHORS) {
    throw new TaperError('option_invalid', `More than ${MAX_ANCHORS} trust anchors are given.`, {
      hint: 'Each one costs a signature check when a root verifies under none. Use a verifier for each tenant.',
    });
  }
  const issuers = new Map<string, string>();
  const seconds = new Map<string, string | undefined>();
  return Object.freeze(
    Array.from(anchors, (anchor: Partial<TrustAnchor> | null | undefined) => {
      const { issuer, key, hybrid } = anchor ?? {};
      if (typeof issuer !== 'string' || issuer === '' || !isPublicKey(key)) {
        throw new TaperError(
          'option_invalid',
          'A trust anchor needs an issuer and a key made by importPublicKey.',
        );
      }
      if ((issuers.get(key.thumbprint) ?? issuer) !== issuer) {
        throw new TaperError(
          'option_invalid',
          `One key is given as the anchor of two issuers: ${issuer} and ${issuers.get(key.thumbprint)}.`,
        );
      }
      issuers.set(key.thumbprint, issuer);
      const second = hybrid === undefined ? undefined : checkHybridKey(hybrid);
      const known = seconds.get(key.thumbprint);
      if (seconds.has(key.thumbprint) && known !== second?.key) {
        throw new TaperError(
          'option_invalid',
          `One key of ${issuer} is given with and without a second, or with two.`,
          {
            hint: 'What one of them asks of a root, the other would let pass.',
          },
        );
      }
      seconds.set(key.thumbprint, second?.key);
      return Object.freeze(
        second === undefined ? { issuer, key } : { issuer, key, hybrid: second },
      );
    }),
  );
}
