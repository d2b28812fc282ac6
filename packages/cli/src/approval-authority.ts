import {
  type ApprovalRequest,
  chainCaveats,
  type Denial,
  denial,
  type PublicKey,
  type TrustAnchor,
  type VerifiedChain,
} from '@taper/core';
import { Failure } from './failure.ts';
import { makeVerifier, requireChain } from './verification.ts';

/**
 * Verifies what the request rests on, under the approver's own anchors.
 * @throws {Failure} `refused` when a chain does not verify or does not allow the action, is not the one that the action names,
 * or when the approver holds a key on it.
 */
export function requireChains(
  { action, chains }: ApprovalRequest,
  source: string,
  anchors: readonly TrustAnchor[],
  approver: PublicKey,
  now: number,
): readonly VerifiedChain[] {
  if (now >= action.expiresAt) throw refused('the action has expired', denial('approval_expired'));
  return chains.map((tokens, index) => {
    const chain = requireChain({ tokens, proof: undefined, source }, anchors, now);
    if (chain.leaf.hash !== action.tokens[index]) {
      const cause = denial('approval_action_mismatch', {}, { reason: 'tokens' });
      throw refused('the chains in the request are not those of the action', cause);
    }
    const own = chain.tokens.findIndex(
      ({ claims }) => claims.holder.thumbprint === approver.thumbprint,
    );
    if (own !== -1)
      throw refused('you hold a key on the chain', denial('approval_by_requester', { hop: own }));
    requireGrant(chain, action, anchors, now);
    return chain;
  });
}

/** The chain allows the action, wherever the enforcement point is: its tenant, purpose and audience are its own to check. */
function requireGrant(
  chain: VerifiedChain,
  { tool, arguments: args, enforcementPoint }: ApprovalRequest['action'],
  anchors: readonly TrustAnchor[],
  now: number,
): void {
  const caveats = chainCaveats(chain);
  const { tenant } = caveats;
  const [purpose] = caveats.purposes;
  const [definition] = caveats.definitions(tool);
  const audience = chain.tokens.flatMap(({ claims }) => claims.aud ?? []);
  const verifier = makeVerifier({
    anchors,
    audience: [...new Set([enforcementPoint, ...audience])],
    profile: {
      ...(tenant === undefined ? {} : { tenant }),
      ...(purpose === undefined ? {} : { purpose }),
    },
  });
  const verdict = verifier.verifyChain(
    chain.tokens.map(({ compact }) => compact),
    now,
  );
  if (verdict.verdict === 'deny') throw refused('the chain is denied', verdict.denial);
  const decision = verifier.authorizeInSession({
    chain: verdict.chain,
    tool,
    args,
    now,
    ...(definition === undefined ? {} : { definition }),
  });
  if (decision.verdict === 'deny')
    throw refused('the chain does not allow this action', decision.denial);
}

function refused(message: string, cause: Denial): Failure {
  return new Failure('refused', `nothing was signed: ${message}: ${cause.code}`, { denial: cause });
}
