import { issue, RefusedError, uuidV7, type VerifiedChain } from '@taper/core';
import type { KeyRecord } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import type { IssuanceContext } from './context.ts';
import type { Entitlement } from './entitlement.ts';
import type { RootRequest } from './request.ts';

/**
 * Signs the root: it ends with the first of lifetime, grant, subject and key. Nothing is recorded yet.
 * @throws {AuthorityRefusal} `subject_refused`, `grant_none` for what no verifier would accept, `unavailable`; what the signer throws.
 */
export async function signRoot(
  { tools, audience, maxDepth, lifetime, ends, caveats }: Entitlement,
  { holder, subject }: RootRequest,
  key: KeyRecord,
  { issuer, root, hybrid, random, epoch }: IssuanceContext,
  now: number,
): Promise<VerifiedChain> {
  const exp = Math.min(now + lifetime, ends, key.endsAt ?? ends);
  if (exp <= now) {
    throw new AuthorityRefusal('subject_refused', 'The subject has expired.', {
      facts: { reason: 'expired' },
    });
  }
  const { revocation } = caveats;
  const reached = revocation === undefined ? 0 : await reachedEpoch(epoch, revocation.log);
  try {
    return await issue({
      issuer,
      signer: root,
      ...(hybrid === undefined ? {} : { hybrid }),
      holder,
      tools,
      ...(audience === undefined ? {} : { audience }),
      caveats:
        revocation === undefined
          ? caveats
          : {
              ...caveats,
              revocation: { ...revocation, epoch: Math.max(revocation.epoch, reached) },
            },
      ...(subject === undefined ? {} : { information: subject.claims }),
      now,
      id: uuidV7(now * 1000, random(10)),
      lifetime: exp - now,
      maxDepth,
    });
  } catch (cause) {
    if (!(cause instanceof RefusedError)) throw cause;
    throw new AuthorityRefusal('grant_none', 'No verifier would accept the root.', {
      facts: { reason: cause.denial.code },
      cause,
    });
  }
}

async function reachedEpoch(epoch: IssuanceContext['epoch'], log: string): Promise<number> {
  const reached = await Promise.resolve()
    .then(() => epoch(log))
    .catch((cause: unknown) => {
      throw new AuthorityRefusal('unavailable', 'The revocation log could not be asked.', {
        cause,
      });
    });
  if (Number.isSafeInteger(reached) && reached >= 0) return reached;
  throw new AuthorityRefusal('unavailable', 'The revocation log gave no epoch.');
}
