import { type AuthorityTransaction, StoreError } from '@taper/authority';
import { TaperError } from '@taper/core';
import { PostgresError } from '../postgres-error.ts';
import type { PostgresSession } from '../transaction.ts';
import { agentPart } from './agents.ts';
import { grantPart } from './grants.ts';
import { oncePart } from './once.ts';

export type Work = (tx: AuthorityTransaction) => Promise<unknown>;

const WRITES = /^(?:insert|update|put|remove|use|append)/;

/**
 * Runs `work` on a session, which it has no more once it has ended or taken too long. An exception spoils its transaction: nothing more is
 * done in it, and it fails, even where `work` goes on.
 *
 * @param timeout milliseconds.
 */
export async function runWork(
  session: PostgresSession,
  mode: 'write' | 'read',
  timeout: number,
  work: Work,
): Promise<unknown> {
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  const every: AuthorityTransaction = {
    ...agentPart(session),
    ...grantPart(session),
    ...oncePart(session),
  };
  const guarded = Object.entries(every).map(([name, operation]) => [
    name,
    async (...values: unknown[]): Promise<unknown> => {
      if (ended) throw new TaperError('option_invalid', 'The transaction has ended.');
      if (failure !== undefined) throw failure.error;
      try {
        if (mode === 'read' && WRITES.test(name))
          throw new TaperError('option_invalid', 'A read writes nothing.');
        return await (operation as (...values: unknown[]) => Promise<unknown>)(...values);
      } catch (error) {
        failure ??= { error: authorityError(error) };
        throw failure.error;
      }
    },
  ]);
  const tx = Object.freeze(Object.fromEntries(guarded)) as AuthorityTransaction;
  try {
    const result = await withinTime(work(tx), timeout);
    if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
    return result;
  } finally {
    ended = true;
  }
}

/** What the port calls it when the database fails. */
export function authorityError(error: unknown): unknown {
  if (!(error instanceof PostgresError) || error.code !== 'store_unavailable') return error;
  const { message, hint } = error;
  return new StoreError(undefined, message, { ...(hint !== undefined && { hint }), cause: error });
}

async function withinTime<Result>(work: Promise<Result>, timeout: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
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
