import type { DatabaseSync } from 'node:sqlite';
import { isBusy } from '@taper/sqlite-file';
import { StoreError } from '../store-error.ts';
import { storeError } from './error.ts';

/** Most transactions of this store that share one of SQLite's, and so one wait for the disk. */
const MAX_BATCH = 128;

/** Most milliseconds between two attempts to get the lock. A random part keeps processes out of step. */
const MAX_PAUSE = 8;

/** What is done in one transaction. What it throws undoes that one alone. */
export type Task = () => Promise<unknown>;

interface Job {
  readonly task: Task;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** By `performance.now()`. */
  readonly deadline: number;
}

export interface TurnsOptions {
  readonly db: DatabaseSync;
  readonly path: string;
  /** What begins a transaction of SQLite's. */
  readonly begin: 'BEGIN' | 'BEGIN IMMEDIATE';
  /** Milliseconds for which a transaction waits for another process's lock. */
  readonly lockTimeout: number;
  /** Runs before each commit. */
  readonly beforeCommit: () => void;
}

export interface Turns {
  run(task: Task): Promise<unknown>;
  /** Waits for those who have begun, and refuses the others. */
  close(): Promise<void>;
}

/**
 * Runs transactions one after the other. Those that wait at the same time share a transaction of SQLite's, each with a savepoint of
 * its own, and are answered when it is committed. Waiting for another process's lock does not block the event loop.
 */
export function createTurns(options: TurnsOptions): Turns {
  const { db, path, begin, lockTimeout, beforeCommit } = options;
  let waiting: Job[] = [];
  let running: Promise<void> | undefined;
  let closed = false;

  async function runAll(): Promise<void> {
    while (waiting.length > 0) {
      // Whoever asks in the same turn of the event loop comes along.
      await new Promise(setImmediate);
      try {
        db.exec(begin);
      } catch (error) {
        await giveUp(error);
        continue;
      }
      const batch = waiting.slice(0, MAX_BATCH);
      waiting = waiting.slice(MAX_BATCH);
      await runBatch(batch);
    }
    running = undefined;
  }

  async function runBatch(batch: readonly Job[]): Promise<void> {
    const answers: (() => void)[] = [];
    try {
      for (const job of batch) answers.push(await runOne(job));
      beforeCommit();
      db.exec('COMMIT');
    } catch (error) {
      rollBack();
      const failure = storeError(error, path);
      for (const { reject } of batch) reject(failure);
      return;
    }
    for (const answer of answers) answer();
  }

  /** @returns how to answer once all is committed. @throws where SQLite has given up the whole batch. */
  async function runOne({ task, resolve, reject }: Job): Promise<() => void> {
    db.exec('SAVEPOINT one');
    let answer: () => void;
    try {
      const result = await task();
      answer = () => resolve(result);
    } catch (error) {
      // A full disk, say, takes the transactions before this one with it.
      if (!db.isTransaction) throw error;
      db.exec('ROLLBACK TO one');
      answer = () => reject(error);
    }
    db.exec('RELEASE one');
    return answer;
  }

  /** Where even this fails the connection is of no use any more, and every later transaction is refused. */
  function rollBack(): void {
    try {
      if (db.isTransaction) db.exec('ROLLBACK');
    } catch {
      // The jobs are refused with what went wrong first.
    }
  }

  /** The lock is taken, or cannot be had at all: refuses whoever has waited long enough, and lets the others wait on. */
  async function giveUp(error: unknown): Promise<void> {
    const now = performance.now();
    const patient = (job: Job): boolean => isBusy(error) && job.deadline > now;
    const refused = waiting.filter((job) => !patient(job));
    waiting = waiting.filter(patient);
    const failure = storeError(error, path);
    for (const { reject } of refused) reject(failure);
    if (waiting.length > 0)
      await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * (MAX_PAUSE - 1)));
  }

  return {
    run: (task) =>
      new Promise((resolve, reject) => {
        if (closed) {
          reject(closedError(path));
          return;
        }
        waiting.push({ task, resolve, reject, deadline: performance.now() + lockTimeout });
        running ??= runAll();
      }),
    async close() {
      closed = true;
      const refused = waiting;
      waiting = [];
      for (const { reject } of refused) reject(closedError(path));
      await running;
    },
  };
}

function closedError(path: string): StoreError {
  return new StoreError(undefined, `The store ${path} is closed.`);
}
