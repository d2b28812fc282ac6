import type { ChainCaveats, JsonObject, ProfileContext } from '@taper/core';
import { canonicalText, type Random, takeApart, tokenHash } from '../src/index.ts';

const HASHES = ['A'.repeat(43), `${'B'.repeat(42)}A`];

/** Well-formed caveats, at least one. The tools that they pin are none of those that are called. */
export function randomCaveats(random: Random, tenant?: string): JsonObject {
  const all: readonly JsonObject[] = [
    { purpose: random.pick(['q3-close', 'q4', 'caf\u00e9']) },
    { budget: { calls: String(random.between(0, 99)) } },
    { budget: { EUR: `${random.between(0, 99)}.50`, calls: '3', constructor: '0' } },
    { approvals: { pay: { finance: random.between(1, 16) }, Pay: { legal: 1 } } },
    { approvals: { pay: { finance: 2, legal: random.between(1, 3) } } },
    {
      revocation: {
        log: random.pick(['a.example', 'b.example']),
        epoch: random.between(0, 9),
        max_staleness: random.between(1, 900),
      },
    },
    { definitions: { 'not called': random.pick(HASHES) } },
  ];
  const caveats = Object.assign({}, ...random.shuffle(all).slice(0, random.between(1, 4)));
  return tenant === undefined ? caveats : { ...caveats, tenant };
}

/** What a token asks: the claim as it is written. */
interface Asked {
  readonly tenant?: string;
  readonly purpose?: string;
  readonly budget?: Readonly<Record<string, string>>;
  readonly approvals?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly revocation?: {
    readonly log: string;
    readonly epoch: number;
    readonly max_staleness: number;
  };
  readonly definitions?: Readonly<Record<string, string>>;
}

/**
 * What the tokens of an accepted chain ask and the verifier has lost, or undefined: a second reading of spec/profile.md
 * sections 2 to 4, token by token, that shares no code with core.
 */
export function findLostCaveat(
  chain: readonly string[],
  found: ChainCaveats,
  profile: ProfileContext | undefined,
): string | undefined {
  for (const [hop, compact] of chain.entries()) {
    const { header, payload } = takeApart(compact);
    const { taper } = JSON.parse(payload) as { readonly taper?: Asked };
    const { crit, taper: version } = JSON.parse(header) as JsonObject;
    const isMarked = crit !== undefined || version !== undefined;
    if (taper === undefined) {
      if (isMarked) return `token ${hop} announces caveats and has none`;
      continue;
    }
    if (canonicalText([crit ?? null, version ?? null]) !== '[["taper"],1]')
      return `token ${hop} has caveats that its header does not announce`;
    if (profile === undefined) return `token ${hop} has caveats that nobody here understands`;
    const lost = lostOf(taper, tokenHash(compact), found);
    if (lost !== undefined) return `the ${lost} of token ${hop} is lost`;
  }
  return undefined;
}

function lostOf(asked: Asked, token: string, found: ChainCaveats): string | undefined {
  const { tenant, purpose, budget = {}, approvals = {}, revocation, definitions = {} } = asked;
  const known = ['tenant', 'purpose', 'budget', 'approvals', 'revocation', 'definitions'];
  const unknown = Object.keys(asked).find((member) => !known.includes(member));
  if (unknown !== undefined) return unknown;
  if (tenant !== undefined && found.tenant !== tenant) return 'tenant';
  if (purpose !== undefined && !found.purposes.includes(purpose)) return 'purpose';
  for (const [meter, limit] of Object.entries(budget)) {
    const isHeld = found.budgets.some(
      (each) => each.token === token && each.meter === meter && each.limit === limit,
    );
    if (!isHeld) return `budget of ${meter}`;
  }
  for (const [tool, groups] of Object.entries(approvals))
    for (const [group, count] of Object.entries(groups))
      if (!((found.approvals(tool).get(group) ?? 0) >= count)) return `approval of ${tool}`;
  for (const [tool, hash] of Object.entries(definitions))
    if (!found.definitions(tool).includes(hash)) return `definition of ${tool}`;
  if (revocation === undefined) return undefined;
  const { log, epoch, max_staleness: staleness } = revocation;
  const isKept =
    found.revocation !== undefined &&
    (found.revocation.epochs.get(log) ?? -1) >= epoch &&
    found.revocation.logs.includes(log) &&
    found.revocation.maxStaleness <= staleness;
  return isKept ? undefined : 'revocation';
}
