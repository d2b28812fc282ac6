import { StoreError } from '@taper/authority';
import type { PostgresDatabase } from '../database.ts';
import { isRefusedByServer } from '../postgres-error.ts';
import type { PostgresSession, TransactionKind } from '../transaction.ts';
import { authorityError } from './work.ts';

/** Most transactions of this store that share one of PostgreSQL's, and so one wait for the disk. */
const MAX_BATCH = 64;

/** Most that may wait; what comes beyond is refused at once. */
const MAX_WAITING = 10_000;

/**
 * One node writes at a time. The lock is taken before anything is read, so what is read is what was committed last.
 */
const TURN: TransactionKind = Object.freeze({
  begin: 'BEGIN',
  first: 'LOCK TABLE authority_turn IN EXCLUSIVE MODE',
  writes: true,
});

/** The same, in which one of several can be undone alone. */
const GUARDED_TURN: TransactionKind = Object.freeze({
  ...TURN,
  first: `${TURN.first}; SAVEPOINT one`,
});

const READS = /^\s*SELECT\b/;

type Task = (session: PostgresSession) => Promise<unknown>;

interface Job {
  readonly task: Task;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A transaction failed when it had written. */
class Spoilt extends Error {
  readonly job: Job;

  constructor(job: Job, cause: unknown) {
    super('A transaction failed when it had written.', { cause });
    this.job = job;
  }

  /** Whether it had taken too long, as it would again. */
  get isLate(): boolean {
    return this.cause instanceof StoreError && this.cause.conflict === undefined;
  }
}

export interface Turns {
  run(task: Task): Promise<unknown>;
  /** Waits for those who have begun, and refuses the others. */
  close(): Promise<void>;
}

/**
 * Runs transactions one after the other. Those that wait at the same time share a transaction of PostgreSQL's, and are answered when it is
 * committed. Where one fails that has written, all are run again, each with a savepoint of its own: few fail, and most before they write.
 */
export function createTurns(database: PostgresDatabase): Turns {
  let waiting: Job[] = [];
  let running: Promise<void> | undefined;
  let closed = false;

  async function runAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_BATCH);
      waiting = waiting.slice(MAX_BATCH);
      await runBatch(batch);
    }
    running = undefined;
  }

  async function runBatch(batch: readonly Job[], isGuarded = false): Promise<void> {
    let answers: (() => void)[] = [];
    let hasTurn = false;
    try {
      await database.transaction(isGuarded ? GUARDED_TURN : TURN, async (session) => {
        hasTurn = true;
        answers = [];
        for (const [place, job] of batch.entries()) {
          if (isGuarded && place > 0) await session.command('RELEASE SAVEPOINT one; SAVEPOINT one');
          answers.push(await (isGuarded ? runGuarded(session, job) : runOne(session, job)));
        }
      });
    } catch (error) {
      if (error instanceof Spoilt) {
        const isEnd = batch.length === 1 || error.isLate;
        if (isEnd) error.job.reject(error.cause);
        const again = isEnd ? batch.filter((job) => job !== error.job) : batch;
        if (again.length > 0) await runBatch(again, true);
      }
      // What the server does not take of one must not fail the others. Who did not get so far would wait for the same once more.
      else if (hasTurn && batch.length > 1 && isRefusedByServer(error))
        for (const each of batch) await runBatch([each]);
      else for (const { reject } of batch) reject(authorityError(error));
      return;
    }
    for (const answer of answers) answer();
  }

  /** @returns how to answer once all is committed. @throws {Spoilt} where it has to be undone. */
  async function runOne(session: PostgresSession, job: Job): Promise<() => void> {
    let hasWritten = false;
    const watched: PostgresSession = {
      ...session,
      query(asked, values) {
        hasWritten ||= !READS.test(asked.text);
        return session.query(asked, values);
      },
    };
    try {
      const result = await job.task(watched);
      return () => job.resolve(result);
    } catch (cause) {
      if (hasWritten) throw new Spoilt(job, cause);
      return () => job.reject(cause);
    }
  }

  /** The same, behind a savepoint. */
  async function runGuarded(session: PostgresSession, job: Job): Promise<() => void> {
    try {
      const result = await job.task(session);
      return () => job.resolve(result);
    } catch (error) {
      await session.command('ROLLBACK TO SAVEPOINT one');
      return () => job.reject(error);
    }
  }

  return {
    run: (task) =>
      new Promise((resolve, reject) => {
        if (closed || waiting.length >= MAX_WAITING) {
          const what = closed ? 'is closed' : 'has too much to do';
          reject(new StoreError(undefined, `The store ${database.name} ${what}.`));
          return;
        }
        waiting.push({ task, resolve, reject });
        running ??= runAll();
      }),
    async close() {
      closed = true;
      const refused = waiting;
      waiting = [];
      for (const { reject } of refused)
        reject(new StoreError(undefined, `The store ${database.name} is closed.`));
      await running;
    },
  };
}
