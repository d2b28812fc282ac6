import type { AuthorityTransaction } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';

/** Something in a request that serves one request: a proof, an assertion. */
export interface Use {
  /** base64url SHA-256 of what is used. */
  readonly key: string;
  /** Last second for which it must be remembered. */
  readonly expiresAt: number;
  readonly replayed: () => AuthorityRefusal;
}

type Transaction<Result> = (tx: AuthorityTransaction) => Promise<Result>;

/** Where uses are remembered. */
export interface UseStore {
  transaction(work: Transaction<void>): Promise<void>;
}

/** Uses all of it up. @throws {AuthorityRefusal} what the use says, for what was used before. */
export async function spend(
  tx: AuthorityTransaction,
  uses: readonly Use[],
  now: number,
): Promise<void> {
  for (const { key, expiresAt, replayed } of uses)
    if (!(await tx.useOnce(key, expiresAt, now))) throw replayed();
}

/**
 * Refuses what is known to be used, before anything is done for it. That nothing is known is no promise: {@link spend} decides.
 * @throws {AuthorityRefusal} what the use says.
 */
export async function requireUnused(tx: AuthorityTransaction, uses: readonly Use[]): Promise<void> {
  const known = await Promise.all(uses.map(({ key }) => tx.isUsed(key)));
  const first = uses[known.indexOf(true)];
  if (first !== undefined) throw first.replayed();
}

/** Serves requests whose proofs are used up together with what they are answered with. */
export interface SingleUses {
  /**
   * Does `serve`, which hands `spent` to the transaction that records its answer. Whatever else comes of it uses everything up as well:
   * what was refused once is not asked again. While it is under way, the same is refused here; another node finds out when it records.
   * @throws {AuthorityRefusal} what the use says; what `serve` throws.
   */
  serveOnce<Result>(
    uses: readonly Use[],
    now: number,
    serve: (spent: Transaction<void>) => Promise<Result>,
  ): Promise<Result>;
}

export function createSingleUses(store: UseStore): SingleUses {
  const underWay = new Set<string>();
  return {
    async serveOnce(uses, now, serve) {
      const again = uses.find(({ key }) => underWay.has(key));
      if (again !== undefined) throw again.replayed();
      for (const { key } of uses) underWay.add(key);
      let isSpent = false;
      const spent = async (tx: AuthorityTransaction): Promise<void> => {
        await spend(tx, uses, now);
        isSpent = true;
      };
      try {
        const answer = await serve(spent);
        if (!isSpent) await store.transaction(spent);
        return answer;
      } catch (error) {
        const using = store.transaction(spent);
        // Of what failed it is not known whether it was recorded, and with it everything used up.
        await (error instanceof AuthorityRefusal ? using : using.catch(() => undefined));
        throw error;
      } finally {
        for (const { key } of uses) underWay.delete(key);
      }
    },
  };
}
