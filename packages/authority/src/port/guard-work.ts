import { TaperError } from '@taper/core';
import { StoreError } from '../store-error.ts';
import type { AuthorityTransaction } from './store.ts';

/** What a driver says of the work that it runs. */
export interface WorkRules {
  readonly mode: 'write' | 'read';
  /** Milliseconds after which the work has lost its transaction. */
  readonly timeout: number;
  /** What the port calls an exception of the driver's. */
  readonly explain: (error: unknown) => unknown;
}

/** How operations that write are called in the port. */
const WRITES = /^(?:insert|update|put|remove|use|append)/;

/**
 * For drivers of `AuthorityStore`: runs work with a transaction that it has no more once it has ended or taken too long. An exception spoils the
 * transaction: nothing more is done in it, and the work fails, even where it goes on, or did not wait for what failed.
 *
 * @throws whatever is to undo the transaction: what the work or an operation threw, `store_unavailable` where it took too long.
 */
export async function guardWork(
  operations: AuthorityTransaction,
  work: (tx: AuthorityTransaction) => Promise<unknown>,
  { mode, timeout, explain }: WorkRules,
): Promise<unknown> {
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  const underWay = new Set<Promise<unknown>>();
  const guarded = Object.entries(operations).map(([name, operation]) => [
    name,
    async (...values: unknown[]): Promise<unknown> => {
      if (ended) throw new TaperError('option_invalid', 'The transaction has ended.');
      if (failure !== undefined) throw failure.error;
      let answer: Promise<unknown> | undefined;
      try {
        if (mode === 'read' && WRITES.test(name))
          throw new TaperError('option_invalid', 'A read writes nothing.');
        answer = (operation as (...values: unknown[]) => Promise<unknown>)(...values);
        underWay.add(answer);
        return await answer;
      } catch (error) {
        failure ??= { error: explain(error) };
        throw failure.error;
      } finally {
        if (answer !== undefined) underWay.delete(answer);
      }
    },
  ]);
  const tx = Object.freeze(Object.fromEntries(guarded)) as AuthorityTransaction;
  const workToEnd = async (): Promise<unknown> => {
    const result = await work(tx);
    // What the work did not wait for may fail yet.
    while (underWay.size > 0) await Promise.allSettled(underWay);
    return result;
  };
  try {
    const result = await withinTime(workToEnd(), timeout);
    if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
    return result;
  } finally {
    ended = true;
  }
}

async function withinTime<Result>(work: Promise<Result>, timeout: number): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new StoreError(undefined, 'A transaction took too long, and was undone.')),
      timeout,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
