import { isVerifiedChain, type VerifiedChain } from './chain.ts';
import type { Signer } from './crypto/port.ts';
import { isProblem, problem } from './denial.ts';
import { TaperError } from './error.ts';
import { checkInvocation, readArguments } from './invocation.ts';
import { canonicalize } from './jcs.ts';
import type { JsonObject } from './json.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { refuse, sign } from './make.ts';
import type { Presentation } from './presentation.ts';
import { checkProof } from './proof.ts';
import { actingKey } from './rotation/acting.ts';
import { findOutOfForce } from './token-check.ts';

export interface ProveOptions {
  /** Signs as the holder of the leaf. */
  readonly signer: Signer;
  /** Where the holder's key was rotated since: the statements from the leaf's key to the signer's, oldest first (spec/rotation.md). */
  readonly rotation?: readonly string[];
  readonly tool: string;
  /** The arguments exactly as they will be sent. */
  readonly args: JsonObject | string;
  /** Seconds since the epoch, an integer. */
  readonly now: number;
  /** `jti`: never used before by this holder; see `uuidV7`. */
  readonly id: string;
  /** `aat_aud`: the enforcement point that the call goes to. Leave out only when an intermediary forwards it (draft section 9.5). */
  readonly audience?: string;
  /** A nonce that the enforcement point supplied. */
  readonly nonce?: string;
}

/**
 * Signs a proof of possession for one call (draft section 7.2) and puts it with its chain.
 * @throws {RefusedError} when the leaf does not grant the call; {TaperError} `not_verified`, `option_invalid`, `signing_failed`.
 */
export async function prove(chain: VerifiedChain, options: ProveOptions): Promise<Presentation> {
  if (!isVerifiedChain(chain)) {
    throw new TaperError('not_verified', 'Only a verified chain can be presented.', {
      hint: 'Pass the chain through verifyChain first.',
    });
  }
  const { signer, tool, now, id, audience, nonce } = options;
  if (!Number.isSafeInteger(now))
    throw new TaperError('option_invalid', '`now` must be whole seconds since the epoch.');
  if (typeof id !== 'string' || id === '')
    throw new TaperError('option_invalid', '`id` must be a non-empty string.');
  for (const [name, value] of Object.entries({ audience, nonce })) {
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw new TaperError('option_invalid', `\`${name}\` must be a non-empty string.`);
  }
  const { leaf } = chain;
  const hop = chain.tokens.length - 1;
  const { key, rotations } = await actingKey(chain, options.rotation, hop);
  if (signer.publicKey.thumbprint !== key.thumbprint) refuse(problem('signature_invalid', '7b'));
  const late = findOutOfForce(chain.tokens, now, DEFAULT_LIMITS);
  if (late !== undefined) refuse(late.problem, late.hop);
  if (!leaf.claims.hasCapabilities) refuse(problem('leaf_without_capabilities', '6a'), hop);
  const args = readArguments(options.args, DEFAULT_LIMITS.maxProofSize);
  if (isProblem(args)) return refuse(args);
  const refusal = checkInvocation(leaf.claims.capabilities, tool, args.values);
  if (refusal !== undefined) refuse(refusal, hop);
  const payload = canonicalize({
    jti: id,
    iat: now,
    aat_id: leaf.claims.jti,
    aat_hash: leaf.hash,
    aat_tool: tool,
    hta: args.values,
    ...(audience === undefined ? {} : { aat_aud: audience }),
    ...(nonce === undefined ? {} : { nonce }),
  });
  const policy = {
    audience: audience === undefined ? [] : [audience],
    requireProofAudience: false,
    acceptsNonce: undefined,
    limits: DEFAULT_LIMITS,
  };
  const checked = checkProof(payload, leaf, tool, args, now, policy, rotations);
  if (isProblem(checked)) refuse(checked);
  const proof = await sign(payload, 'aat-pop+jwt', signer, rotations);
  if (proof.length > DEFAULT_LIMITS.maxProofSize) refuse(problem('proof_malformed', '7a'));
  return {
    aat_chain: chain.tokens.map((token) => token.compact),
    aat_pop: proof,
  };
}
