import type { PostgresDatabase } from '../database.ts';
import { isRefusedByServer } from '../postgres-error.ts';
import type { Row } from '../statement.ts';
import { type PostgresSession, SNAPSHOT } from '../transaction.ts';
import { authorityError } from './work.ts';

/** Most reads that share a snapshot. */
const MAX_BATCH = 64;

/** Snapshots at a time: a read that takes long does not hold up all that come after it. */
const LANES = 2;

type Task = (session: PostgresSession) => Promise<unknown>;

interface Job {
  readonly task: Task;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface Reads {
  run(task: Task): Promise<unknown>;
}

/**
 * Runs reads. Those that wait at the same time share a snapshot, which is taken after they were asked for, and a connection, on which
 * none waits for the answers of the others.
 */
export function createReads(database: PostgresDatabase): Reads {
  let waiting: Job[] = [];
  let lanes = 0;

  async function serve(): Promise<void> {
    // Whoever asks in the same turn of the event loop comes along.
    await new Promise(setImmediate);
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_BATCH);
      waiting = waiting.slice(MAX_BATCH);
      await runBatch(batch);
    }
    lanes -= 1;
  }

  async function runBatch(batch: readonly Job[]): Promise<void> {
    const open = new Set(batch);
    const refused = new Map<Job, unknown>();
    let hasSnapshot = false;
    try {
      await database.transaction(SNAPSHOT, async (alone) => {
        hasSnapshot = true;
        refused.clear();
        const session = sharing(alone);
        await Promise.all(
          [...open].map(async (job) => {
            try {
              const result = await job.task(session);
              open.delete(job);
              job.resolve(result);
            } catch (error) {
              // Its own, or that of the snapshot, of which the transaction tells.
              refused.set(job, error);
            }
          }),
        );
      });
    } catch (error) {
      // What the server does not take of one must not fail the others.
      if (hasSnapshot && batch.length > 1 && isRefusedByServer(error))
        for (const each of open) await runBatch([each]);
      else for (const { reject } of open) reject(authorityError(error));
      return;
    }
    for (const [{ reject }, error] of refused) reject(error);
  }

  return {
    run: (task) =>
      new Promise((resolve, reject) => {
        waiting.push({ task, resolve, reject });
        if (lanes >= LANES) return;
        lanes += 1;
        void serve();
      }),
  };
}

/** What is asked without values is the same for all that read the snapshot: it is asked once. */
function sharing(session: PostgresSession): PostgresSession {
  const answers = new Map<string, Promise<readonly Row[]>>();
  return {
    ...session,
    query(asked, values = []) {
      if (values.length > 0) return session.query(asked, values);
      const known = answers.get(asked.name) ?? session.query(asked);
      answers.set(asked.name, known);
      return known;
    },
  };
}
