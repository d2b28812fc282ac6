import { type CaveatsInit, caveatsProblem, type JsonValue, type ToolMap } from '@taper/core';
import type { GrantCaveats } from './grant.ts';
import { malformed, type Place, requireEntries, requireMembers } from './member.ts';

const MEMBERS = ['approvals?', 'budget?', 'definitions?', 'purpose?', 'revocation?'];

/**
 * Reads the caveats of a grant. A tool that they name has to be one of the grant's: a mistyped one would leave the real one without its
 * approvals. The values are read again, as a token's, when a root is made.
 * @throws {AuthorityRefusal} `grant_malformed`.
 */
export function readGrantCaveats(
  value: JsonValue | undefined,
  tools: ToolMap,
  place: Place,
): GrantCaveats | undefined {
  if (value === undefined) return undefined;
  const caveats = requireMembers(value, MEMBERS, place);
  requireEntries(caveats, place);
  for (const member of ['approvals', 'definitions'] as const) {
    if (!Object.hasOwn(caveats, member)) continue;
    for (const [tool] of requireEntries(caveats[member], place)) {
      if (!Object.hasOwn(tools, tool))
        throw malformed({ ...place, tool }, `${member} of a tool that the grant does not have`);
    }
  }
  if (Object.hasOwn(caveats, 'revocation'))
    requireMembers(caveats['revocation'], ['log', 'max_staleness'], place);
  const read = caveats as GrantCaveats;
  const problem = caveatsProblem(rootCaveats(read, 'any', 0));
  if (problem !== undefined) {
    const { claim, reason } = problem.facts;
    throw malformed(place, `${problem.code}, ${[claim, reason].filter(Boolean).join(' ')}`);
  }
  return read;
}

/** The caveats of a root: those of its grant, the agent's tenant, and the epoch of the revocation log. */
export function rootCaveats(
  caveats: GrantCaveats | undefined,
  tenant: string,
  epoch: number,
): CaveatsInit {
  const { revocation, ...rest } = caveats ?? {};
  return {
    ...rest,
    ...(revocation === undefined ? {} : { revocation: { ...revocation, epoch } }),
    tenant,
  };
}
