import type { DatabaseSync } from 'node:sqlite';
import { TaperError } from '@taper/core';
import type { AuthorityTransaction } from '../port/store.ts';
import { agentPart } from './agent-tables.ts';
import { storeError } from './error.ts';
import { grantPart } from './grant-tables.ts';
import { oncePart } from './once-tables.ts';
import { prepareStatements } from './statements.ts';
import type { Task } from './turns.ts';

/**
 * Makes transactions on a connection, one at a time. An exception spoils its transaction: nothing more is done in it, and it is
 * not committed, even where `work` goes on.
 */
export function transactionsOn(
  db: DatabaseSync,
  path: string,
  mode: 'write' | 'read',
): (work: (tx: AuthorityTransaction) => Promise<unknown>) => Task {
  const statements = prepareStatements(db);
  const every: AuthorityTransaction = {
    ...agentPart(statements, path),
    ...grantPart(statements, path),
    ...oncePart(statements),
  };
  return (work) => {
    let ended = false;
    let failure: { readonly error: unknown } | undefined;
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
          failure ??= { error: storeError(error, path) };
          throw failure.error;
        }
      },
    ]);
    const tx = Object.freeze(Object.fromEntries(guarded)) as AuthorityTransaction;
    return {
      async work() {
        const result = await work(tx);
        if (failure !== undefined) throw failure.error;
        return result;
      },
      end() {
        ended = true;
      },
    };
  };
}

const WRITES = /^(?:insert|update|put|remove|use|append)/;
