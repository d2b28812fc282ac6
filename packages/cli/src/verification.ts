import {
  createVerifier,
  isWellKnownTestKey,
  type PublicKey,
  TaperError,
  type TrustAnchor,
  type VerifiedChain,
  type VerifiedToken,
  type Verifier,
  type VerifierOptions,
} from '@taper/core';
import { Failure } from './failure.ts';
import type { ChainFile } from './file/chain.ts';
import type { Session } from './session.ts';

/** A verifier over options that came from the command line and from files. @throws {Failure} `option_invalid`. */
export function makeVerifier(options: VerifierOptions): Verifier {
  try {
    return createVerifier({ cacheCharacters: 0, ...options });
  } catch (thrown) {
    if (!(thrown instanceof TaperError)) throw thrown;
    throw new Failure('option_invalid', thrown.message, { hint: thrown.hint });
  }
}

/**
 * Verifies the chain that something is to be made from, caveats understood: where it may be used is for the enforcement point to say.
 * @throws {Failure} `refused` with the denial.
 */
export function requireChain(
  file: ChainFile,
  anchors: readonly TrustAnchor[],
  now: number,
): VerifiedChain {
  const verdict = makeVerifier({ anchors, profile: {} }).verifyChain(file.tokens, now);
  if (verdict.verdict === 'verified') return verdict.chain;
  const { denial } = verdict;
  throw new Failure('refused', `the chain in ${file.source} is denied: ${denial.code}`, {
    file: file.source,
    denial,
  });
}

/** Warns of keys whose private half everybody knows: whatever they sign proves nothing. */
export async function warnOfTestKeys(
  anchors: readonly TrustAnchor[],
  tokens: readonly VerifiedToken[],
  session: Session,
): Promise<void> {
  const roles = new Map<PublicKey, string>();
  for (const { key } of anchors) roles.set(key, 'a trust anchor');
  for (const [hop, token] of tokens.entries())
    roles.set(token.claims.holder, `the holder of token ${hop + 1}`);
  for (const [key, role] of roles) {
    if (!isWellKnownTestKey(key)) continue;
    await session.warn(
      'key_well_known',
      `${role} is a test key whose private half is published (${key.thumbprint})`,
      'Anybody can sign with it. Never trust it outside of tests.',
    );
  }
}
