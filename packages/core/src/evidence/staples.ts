import { chainCaveats, type VerifiedChain } from '../chain.ts';
import { revocationSubject } from '../rests-on.ts';
import { parseStaple } from '../revoked-set/staple.ts';
import { verifyStapleAsync } from '../revoked-set/verify-staple.ts';
import type { EvidenceBundle } from './bundle.ts';
import type { Findings } from './problem.ts';
import type { EvidenceTrust } from './trust.ts';

/** What the staples of a bundle say of a chain at a time. */
export type InForce =
  | {
      readonly verdict: 'in_force';
      /** Seconds since the epoch: at that time the chain was not revoked. */
      readonly asOf: number;
    }
  | { readonly verdict: 'chain_revoked' | 'revocation_undecided' | 'revocation_not_shown' };

export interface EvidenceStaples {
  /** Whether a verified chain was in force at `time`, by every log that it asks for. */
  inForce(chain: VerifiedChain, time: number): Promise<InForce>;
  /** Says of every staple whose leaf no event named that it does not belong there. */
  reportUnused(): void;
  /** That an event named a chain with this leaf as a caller's. */
  named(leaf: string): void;
}

/** What a staple that verified says. */
interface Statement {
  readonly origin: string;
  readonly epoch: number;
  readonly asOf: number;
  readonly revoked: boolean;
}

/** Seconds after the expiry of a token for which the log still knows that it was revoked (`spec/revocation.md`). */
const RETENTION = 86_400;

export interface StapleCheck {
  readonly trust: EvidenceTrust;
  readonly asOf: number | undefined;
  readonly findings: Findings;
}

export function indexStaples(
  staples: EvidenceBundle['staples'],
  { trust, asOf, findings }: StapleCheck,
): EvidenceStaples {
  const named = new Set<string>();
  const positions = new Map<string, number[]>();
  for (const [position, { leaf }] of staples.entries()) {
    const known = positions.get(leaf);
    if (known === undefined) positions.set(leaf, [position]);
    else known.push(position);
  }
  const known = new Map<string, Promise<readonly Knowledge[]>>();

  /** Each staple is verified once, for the one chain of its leaf; what they come to does not grow with their number. */
  async function read(chain: VerifiedChain): Promise<readonly Knowledge[]> {
    const demand = chainCaveats(chain).revocation;
    const pruned = Math.min(...chain.tokens.map(({ claims }) => claims.exp)) + RETENTION;
    // Where the chain names no log, each of which there is a staple is asked: one that says "revoked" is not outvoted.
    const isNamed = demand !== undefined && demand.logs.length > 0;
    const knowledge = new Map((isNamed ? demand.logs : []).map((log) => [log, new Knowledge()]));
    for (const position of positions.get(chain.leaf.hash) ?? []) {
      const statement = await verify(staples[position]?.staple ?? '', chain);
      if (typeof statement === 'string')
        findings.add('staple_invalid', `staples[${position}]`, { problem: statement });
      else if (
        statement.asOf < pruned &&
        statement.epoch >= (demand?.epochs.get(statement.origin) ?? 0)
      ) {
        if (!isNamed && !knowledge.has(statement.origin))
          knowledge.set(statement.origin, new Knowledge());
        knowledge.get(statement.origin)?.add(statement);
      }
    }
    return knowledge.size === 0 ? [new Knowledge()] : [...knowledge.values()];
  }

  async function verify(staple: string, chain: VerifiedChain): Promise<Statement | string> {
    const [origin = ''] = parseStaple(staple)?.checkpoint.split('\n', 1) ?? [];
    const log = trust.revocationLogs.includes(origin) ? trust.logs.get(origin) : undefined;
    if (log === undefined) return 'log_unknown';
    const options = asOf === undefined ? {} : { now: asOf };
    const verdict = await verifyStapleAsync(staple, revocationSubject(chain), log, options);
    if (!verdict.ok) return verdict.problem;
    const { epoch, revoked } = verdict;
    return { origin, epoch, asOf: verdict.asOf, revoked: revoked !== undefined };
  }

  return {
    async inForce(chain, time) {
      const { hash } = chain.leaf;
      let reading = known.get(hash);
      if (reading === undefined) {
        reading = read(chain);
        known.set(hash, reading);
      }
      return (await reading).map((each) => each.at(time)).reduce(worse);
    },
    named: (leaf) => void named.add(leaf),
    reportUnused() {
      for (const [position, { leaf }] of staples.entries())
        if (!named.has(leaf)) findings.add('staple_unused', `staples[${position}]`);
    },
  };
}

/** What the staples of one chain come to, under one log. */
class Knowledge {
  /** The latest time as of which it was not revoked, and the earliest as of which it was. */
  #good = Number.NEGATIVE_INFINITY;
  #bad = Number.POSITIVE_INFINITY;

  add({ asOf, revoked }: Statement): void {
    if (revoked) this.#bad = Math.min(this.#bad, asOf);
    else this.#good = Math.max(this.#good, asOf);
  }

  at(time: number): InForce {
    if (this.#good >= time) return { verdict: 'in_force', asOf: this.#good };
    if (this.#bad <= time) return { verdict: 'chain_revoked' };
    const isRevoked = this.#bad !== Number.POSITIVE_INFINITY;
    return { verdict: isRevoked ? 'revocation_undecided' : 'revocation_not_shown' };
  }
}

const RANK = ['in_force', 'revocation_undecided', 'revocation_not_shown', 'chain_revoked'];

/** The worse of two logs' answers; of two that say that it was in force, the older. */
export function worse(one: InForce, other: InForce): InForce {
  if (one.verdict === 'in_force' && other.verdict === 'in_force')
    return one.asOf <= other.asOf ? one : other;
  return RANK.indexOf(one.verdict) >= RANK.indexOf(other.verdict) ? one : other;
}
