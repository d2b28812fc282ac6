import type { ToolMap } from '@taper/core';
import type { AgentRecord } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import type { IssuanceContext } from './context.ts';
import { type Entitlement, meet, requireWithin } from './entitlement.ts';
import type { RootRequest } from './request.ts';

/** Asks the policy, and meets what it answers with what there is. @throws {AuthorityRefusal} `grant_none`, `unavailable`. */
export async function narrowedByPolicy(
  entitlement: Entitlement,
  { subject }: RootRequest,
  agent: AgentRecord,
  { policy }: IssuanceContext,
  now: number,
): Promise<Entitlement> {
  if (policy === undefined) return entitlement;
  const { id, tenant, name, spiffeId } = agent;
  const { tools, lifetime, maxDepth, grant } = entitlement;
  const decision = await Promise.resolve()
    .then(() =>
      policy({
        agent: { id, tenant, name, spiffeId },
        kind: subject === undefined ? 'client_credentials' : 'token_exchange',
        grant: grant.name,
        tools,
        lifetime,
        maxDepth,
        now,
      }),
    )
    .catch((cause: unknown) => {
      throw new AuthorityRefusal('unavailable', 'The policy could not be asked.', { cause });
    });
  switch (decision?.verdict) {
    case 'permit':
      return entitlement;
    case 'deny':
      throw new AuthorityRefusal('grant_none', 'The policy refuses.', {
        facts: { reason: 'policy', policy: String(decision.reason).slice(0, 256) },
      });
    case 'narrow': {
      const narrowed = narrowedTo(tools, decision.tools);
      requireWithin(tools, narrowed);
      return { ...entitlement, tools: narrowed };
    }
    default:
      throw new AuthorityRefusal('unavailable', 'The policy gave no answer.');
  }
}

function narrowedTo(tools: ToolMap, policy: ToolMap): ToolMap {
  let narrowed: ToolMap;
  try {
    narrowed = meet(tools, policy).tools;
  } catch (cause) {
    throw new AuthorityRefusal('unavailable', 'The policy gave tools that cannot be read.', {
      cause,
    });
  }
  if (Object.keys(narrowed).length > 0) return narrowed;
  throw new AuthorityRefusal('grant_none', 'The policy leaves nothing.', {
    facts: { reason: 'policy' },
  });
}
