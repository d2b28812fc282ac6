import { type AuthorityTransaction, guardWork, StoreError } from '@taper/authority';
import { PostgresError } from '../postgres-error.ts';
import type { PostgresSession } from '../transaction.ts';
import { agentPart } from './agents.ts';
import { grantPart } from './grants.ts';
import { oncePart } from './once.ts';

export type Work = (tx: AuthorityTransaction) => Promise<unknown>;

/** @param timeout milliseconds. */
export function runWork(
  session: PostgresSession,
  mode: 'write' | 'read',
  timeout: number,
  work: Work,
): Promise<unknown> {
  const operations: AuthorityTransaction = {
    ...agentPart(session),
    ...grantPart(session),
    ...oncePart(session),
  };
  return guardWork(operations, work, { mode, timeout, explain: authorityError });
}

/** What the port calls it when the database fails. */
export function authorityError(error: unknown): unknown {
  if (!(error instanceof PostgresError) || error.code !== 'store_unavailable') return error;
  const { message, hint } = error;
  return new StoreError(undefined, message, { ...(hint !== undefined && { hint }), cause: error });
}
