import {
  type CaveatsInit,
  type ChainCaveats,
  chainCaveats,
  type JsonObject,
  type ToolMap,
  type VerifiedChain,
} from '@taper/core';
import { AuthorityRefusal } from '../refusal.ts';

/**
 * What a chain asks of every call, as caveats of one root. Whatever one root cannot ask refuses the exchange: a budget, since the new root
 * would have an account of its own beside the chain's; two purposes, two definitions of a tool, two revocation logs.
 * @throws {AuthorityRefusal} `subject_refused` with the caveat in its facts.
 */
export function carriedCaveats(chain: VerifiedChain): CaveatsInit | undefined {
  const caveats = chainCaveats(chain);
  const tools = [...chain.leaf.claims.capabilities.keys()];
  if (caveats.budgets.length > 0) throw uncarried('budget');
  const [purpose, ...purposes] = caveats.purposes;
  if (purposes.length > 0) throw uncarried('purpose');
  const approvals = tools
    .map((tool) => [tool, caveats.approvals(tool)] as const)
    .filter(([, groups]) => groups.size > 0)
    .map(([tool, groups]) => [tool, Object.fromEntries(groups)] as const);
  const definitions = tools.flatMap((tool) => {
    const [hash, ...others] = caveats.definitions(tool);
    if (others.length > 0) throw uncarried('definitions');
    return hash === undefined ? [] : [[tool, hash] as const];
  });
  const revocation = carriedRevocation(caveats);
  const carried: CaveatsInit = {
    ...(caveats.tenant === undefined ? {} : { tenant: caveats.tenant }),
    ...(purpose === undefined ? {} : { purpose }),
    ...(approvals.length === 0 ? {} : { approvals: Object.fromEntries(approvals) }),
    ...(definitions.length === 0 ? {} : { definitions: Object.fromEntries(definitions) }),
    ...(revocation === undefined ? {} : { revocation }),
  };
  return Object.keys(carried).length === 0 ? undefined : carried;
}

function carriedRevocation({ revocation }: ChainCaveats): CaveatsInit['revocation'] {
  if (revocation === undefined) return undefined;
  const [log, ...others] = revocation.logs;
  if (log === undefined || others.length > 0) throw uncarried('revocation');
  const epoch = revocation.epochs.get(log) ?? 0;
  return { log, epoch, max_staleness: revocation.maxStaleness };
}

/**
 * The enforcement points at which every token of a chain may be presented; `undefined` where none of them says.
 * @throws {AuthorityRefusal} `target_refused` where no place is left.
 */
export function carriedAudience({ tokens }: VerifiedChain): readonly string[] | undefined {
  let audience: readonly string[] | undefined;
  for (const { claims } of tokens) {
    if (claims.aud === undefined) continue;
    const named = claims.aud ?? [];
    audience = audience?.filter((place) => named.includes(place)) ?? named;
  }
  if (audience?.length === 0)
    throw new AuthorityRefusal('target_refused', 'The subject may be presented nowhere.');
  return audience;
}

/** The tools of a chain's leaf, as a token writes them. */
export function toolsOf({ leaf }: VerifiedChain): ToolMap {
  const maps = [...leaf.claims.capabilities].map(([tool, { named, open }]) => {
    const map: { [argument: string]: JsonObject } = Object.fromEntries(named);
    if (open && named.size > 0) map['*'] = { constraint_type: 'wildcard' };
    return [tool, map] as const;
  });
  return Object.fromEntries(maps);
}

function uncarried(caveat: string): AuthorityRefusal {
  return new AuthorityRefusal('subject_refused', `The ${caveat} of the subject cannot be kept.`, {
    facts: { reason: 'caveat', caveat },
    hint: 'Derive from the chain instead of exchanging it.',
  });
}
