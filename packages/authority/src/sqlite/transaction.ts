import type { DatabaseSync } from 'node:sqlite';
import { guardWork, type WorkRules } from '../port/guard-work.ts';
import type { AuthorityTransaction } from '../port/store.ts';
import { agentPart } from './agent-tables.ts';
import { storeError } from './error.ts';
import { grantPart } from './grant-tables.ts';
import { oncePart } from './once-tables.ts';
import { prepareStatements } from './statements.ts';
import type { Task } from './turns.ts';

/** Makes transactions on a connection, one at a time. */
export function transactionsOn(
  db: DatabaseSync,
  path: string,
  rules: Pick<WorkRules, 'mode' | 'timeout'>,
): (work: (tx: AuthorityTransaction) => Promise<unknown>) => Task {
  const statements = prepareStatements(db);
  const operations: AuthorityTransaction = {
    ...agentPart(statements, path),
    ...grantPart(statements, path),
    ...oncePart(statements),
  };
  const explain = (error: unknown): unknown => storeError(error, path);
  return (work) => () => guardWork(operations, work, { ...rules, explain });
}
