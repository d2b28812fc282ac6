import type { VerifiedToken } from '../chain.ts';
import { type Problem, problem } from '../denial.ts';
import { TaperError } from '../error.ts';
import { ReadOnlyMap } from '../read-only-map.ts';
import type { Caveats } from './caveats.ts';

/** One meter of one token: what all calls under that token may take together. */
export interface BudgetLimit {
  /** base64url SHA-256 of the token's signing input. With the meter it names the account. */
  readonly token: string;
  readonly meter: string;
  /** An exact decimal. */
  readonly limit: string;
  /** `exp` of the token, seconds since the epoch. */
  readonly expiresAt: number;
}

/** How fresh the knowledge of revocations has to be. */
export interface RevocationDemand {
  /** Origins of the logs that have to be followed, each once. */
  readonly logs: readonly string[];
  /** The greatest epoch that a token names, by log: a view that has not reached it is older than the token. */
  readonly epochs: ReadonlyMap<string, number>;
  /** Seconds; the smallest on the chain. */
  readonly maxStaleness: number;
}

/** All caveats that a call must satisfy. */
export interface ChainCaveats {
  readonly tenant: string | undefined;
  /** Different purposes in the order of the chain; a call has to serve all of them. */
  readonly purposes: readonly string[];
  /** Each account once, root first. A call is charged to all of them. */
  readonly budgets: readonly BudgetLimit[];
  readonly revocation: RevocationDemand | undefined;
  /** Approvals that a call of the tool needs: the greatest count for each group. Empty where it needs none. */
  approvals(tool: string): ReadonlyMap<string, number>;
  /** Different definition hashes that the tool is pinned to; it has to have all of them. */
  definitions(tool: string): readonly string[];
}

/** The definition hashes and approvals of tools, by tool. */
interface ToolCaveats {
  readonly approvals: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly definitions: ReadonlyMap<string, readonly string[]>;
}

const NO_GROUPS: ReadonlyMap<string, number> = new ReadOnlyMap(new Map());
const NO_HASHES: readonly string[] = Object.freeze([]);

/** The private field holds what `joinCaveats` needs of its inputs, and is the brand: only this module makes one. */
class Accumulated implements ChainCaveats {
  readonly tenant: string | undefined;
  readonly purposes: readonly string[];
  readonly budgets: readonly BudgetLimit[];
  readonly revocation: RevocationDemand | undefined;
  readonly #tools: ToolCaveats;

  constructor(caveats: Omit<ChainCaveats, 'approvals' | 'definitions'>, tools: ToolCaveats) {
    this.tenant = caveats.tenant;
    this.purposes = Object.freeze(caveats.purposes);
    this.budgets = Object.freeze(caveats.budgets);
    this.revocation = caveats.revocation;
    this.#tools = tools;
    Object.freeze(this);
  }

  approvals(tool: string): ReadonlyMap<string, number> {
    return this.#tools.approvals.get(tool) ?? NO_GROUPS;
  }

  definitions(tool: string): readonly string[] {
    return this.#tools.definitions.get(tool) ?? NO_HASHES;
  }

  static toolsOf(caveats: ChainCaveats): ToolCaveats {
    if (typeof caveats === 'object' && caveats !== null && #tools in caveats) return caveats.#tools;
    throw new TaperError('option_invalid', 'Only what `chainCaveats` gave can be joined.');
  }
}
Reflect.deleteProperty(Accumulated.prototype, 'constructor');

const NO_CAVEATS: ChainCaveats = new Accumulated(
  { tenant: undefined, purposes: [], budgets: [], revocation: undefined },
  { approvals: new Map(), definitions: new Map() },
);

/** Everything that the tokens of one chain ask for. What a hop leaves out, those above it still ask. */
export function accumulate(tokens: readonly VerifiedToken[]): ChainCaveats {
  if (tokens.every(({ claims }) => claims.caveats === undefined)) return NO_CAVEATS;
  const sum = new Accumulation();
  for (const { hash, claims } of tokens) {
    if (claims.caveats !== undefined) sum.addToken(claims.caveats, hash, claims.exp);
  }
  return sum.finish();
}

/**
 * The caveats of several chains that are presented together: all of them, an account that several chains share once.
 * @throws {TaperError} `option_invalid` where two chains name different tenants (no enforcement point permits both), and for
 * what `chainCaveats` did not give.
 */
export function joinCaveats(caveats: readonly ChainCaveats[]): ChainCaveats {
  if (caveats.length === 0) throw new TaperError('option_invalid', 'There is no chain to join.');
  const [only] = caveats;
  if (caveats.length === 1) {
    Accumulated.toolsOf(only as ChainCaveats);
    return only as ChainCaveats;
  }
  const sum = new Accumulation();
  for (const each of caveats) sum.addChain(each, Accumulated.toolsOf(each));
  return sum.finish();
}

/** The rule of the profile for a chain: whoever names a tenant names the one that is named above (spec/profile.md section 4). */
export function tenantProblem(
  parents: readonly VerifiedToken[],
  { tenant }: Caveats,
): Problem | undefined {
  if (tenant === undefined) return undefined;
  for (const { claims } of parents) {
    const above = claims.caveats?.tenant;
    if (above !== undefined && above !== tenant)
      return problem('tenant_mismatch', undefined, { reason: 'different' });
  }
  return undefined;
}

/** Caveats while they are put together. Whatever is added, only more is asked. */
class Accumulation {
  #tenant: string | undefined;
  readonly #purposes = new Set<string>();
  /** By token and meter. */
  readonly #budgets = new Map<string, BudgetLimit>();
  readonly #epochs = new Map<string, number>();
  #maxStaleness = Number.POSITIVE_INFINITY;
  readonly #approvals = new Map<string, Map<string, number>>();
  readonly #definitions = new Map<string, Set<string>>();

  addToken(caveats: Caveats, token: string, expiresAt: number): void {
    this.#addTenant(caveats.tenant);
    if (caveats.purpose !== undefined) this.#purposes.add(caveats.purpose);
    for (const [meter, limit] of caveats.budget ?? [])
      this.#addBudget(Object.freeze({ token, meter, limit, expiresAt }));
    for (const [tool, groups] of caveats.approvals ?? []) this.#addApprovals(tool, groups);
    for (const [tool, hash] of caveats.definitions ?? []) this.#addDefinition(tool, hash);
    if (caveats.revocation === undefined) return;
    const { log, epoch, maxStaleness } = caveats.revocation;
    this.#addRevocation(log, epoch, maxStaleness);
  }

  addChain(caveats: ChainCaveats, tools: ToolCaveats): void {
    this.#addTenant(caveats.tenant);
    for (const purpose of caveats.purposes) this.#purposes.add(purpose);
    for (const budget of caveats.budgets) this.#addBudget(budget);
    for (const [tool, groups] of tools.approvals) this.#addApprovals(tool, groups);
    for (const [tool, hashes] of tools.definitions)
      for (const hash of hashes) this.#addDefinition(tool, hash);
    if (caveats.revocation === undefined) return;
    const { epochs, maxStaleness } = caveats.revocation;
    for (const [log, epoch] of epochs) this.#addRevocation(log, epoch, maxStaleness);
  }

  finish(): ChainCaveats {
    const approvals = new Map<string, ReadonlyMap<string, number>>();
    for (const [tool, groups] of this.#approvals) approvals.set(tool, new ReadOnlyMap(groups));
    const definitions = new Map<string, readonly string[]>();
    for (const [tool, hashes] of this.#definitions)
      definitions.set(tool, Object.freeze([...hashes]));
    const revocation =
      this.#epochs.size === 0
        ? undefined
        : Object.freeze<RevocationDemand>({
            logs: Object.freeze([...this.#epochs.keys()]),
            epochs: new ReadOnlyMap(this.#epochs),
            maxStaleness: this.#maxStaleness,
          });
    return new Accumulated(
      {
        tenant: this.#tenant,
        purposes: [...this.#purposes],
        budgets: [...this.#budgets.values()],
        revocation,
      },
      { approvals, definitions },
    );
  }

  #addTenant(tenant: string | undefined): void {
    if (tenant === undefined || tenant === this.#tenant) return;
    if (this.#tenant !== undefined)
      throw new TaperError('option_invalid', 'The chains belong to different tenants.');
    this.#tenant = tenant;
  }

  #addBudget(budget: BudgetLimit): void {
    const account = `${budget.token} ${budget.meter}`;
    if (!this.#budgets.has(account)) this.#budgets.set(account, budget);
  }

  #addApprovals(tool: string, groups: ReadonlyMap<string, number>): void {
    const counts = this.#approvals.get(tool) ?? new Map<string, number>();
    for (const [group, count] of groups) counts.set(group, Math.max(count, counts.get(group) ?? 0));
    this.#approvals.set(tool, counts);
  }

  #addDefinition(tool: string, hash: string): void {
    const hashes = this.#definitions.get(tool) ?? new Set<string>();
    this.#definitions.set(tool, hashes.add(hash));
  }

  #addRevocation(log: string, epoch: number, maxStaleness: number): void {
    this.#epochs.set(log, Math.max(epoch, this.#epochs.get(log) ?? 0));
    this.#maxStaleness = Math.min(maxStaleness, this.#maxStaleness);
  }
}
