import type { DatabaseSync } from 'node:sqlite';
import { TaperError } from '@taper/core';
import { isBusy } from '@taper/sqlite-file';
import { storeError } from './error.ts';

/** Most writes that share a transaction: the lock is not held longer than a few milliseconds. */
const MAX_BATCH = 128;

/** Most milliseconds between two attempts to get the lock. A random part keeps processes out of step. */
const MAX_PAUSE = 8;

interface Job {
  readonly work: () => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** By `performance.now()`. */
  readonly deadline: number;
}

export interface WriteQueue {
  /**
   * Runs `work` in a transaction that is on the disk when the promise resolves.
   * What one `work` throws undoes that `work` alone.
   */
  write<Result>(work: () => Result): Promise<Result>;
  /** Refuses what waits, and everything after. */
  close(): void;
}

/**
 * Writers that come in the same turn of the event loop share one transaction, and so one wait for the disk.
 * Waiting for another process's lock does not block the event loop, and ends after `lockTimeout` milliseconds.
 *
 * @param transact runs a batch inside the transaction, just before it is committed.
 */
export function createWriteQueue(
  db: DatabaseSync,
  path: string,
  lockTimeout: number,
  transact: (batch: () => void) => void,
): WriteQueue {
  let waiting: Job[] = [];
  let scheduled = false;
  let closed = false;

  function flush(): void {
    scheduled = false;
    if (waiting.length === 0) return;
    try {
      db.exec('BEGIN IMMEDIATE');
    } catch (error) {
      giveUp(error);
      return;
    }
    const batch = waiting.slice(0, MAX_BATCH);
    waiting = waiting.slice(MAX_BATCH);
    let outcomes: (() => void)[] = [];
    try {
      transact(() => {
        outcomes = batch.map((job) => run(job));
      });
      db.exec('COMMIT');
    } catch (error) {
      rollBack();
      const failure = storeError(error, path);
      outcomes = batch.map((job) => () => job.reject(failure));
    }
    for (const report of outcomes) report();
    if (waiting.length > 0) schedule();
  }

  /** Does one job; its outcome may be told only after the commit. */
  function run({ work, resolve, reject }: Job): () => void {
    db.exec('SAVEPOINT job');
    try {
      const result = work();
      db.exec('RELEASE job');
      return () => resolve(result);
    } catch (error) {
      // A full disk ends the whole transaction: what the others did is gone with it.
      if (!db.isTransaction) throw error;
      db.exec('ROLLBACK TO job');
      db.exec('RELEASE job');
      const failure = storeError(error, path);
      return () => reject(failure);
    }
  }

  /** Where even this fails the connection is of no use any more, and every later write is refused. */
  function rollBack(): void {
    try {
      if (db.isTransaction) db.exec('ROLLBACK');
    } catch {
      // The jobs are refused with what went wrong first.
    }
  }

  /** The lock is taken, or cannot be had at all: refuses whoever has waited long enough, and tries again for the others. */
  function giveUp(error: unknown): void {
    const now = performance.now();
    const patient = (job: Job): boolean => isBusy(error) && job.deadline > now;
    const refused = waiting.filter((job) => !patient(job));
    waiting = waiting.filter(patient);
    const failure = storeError(error, path);
    for (const { reject } of refused) reject(failure);
    if (waiting.length > 0) schedule(1 + Math.random() * (MAX_PAUSE - 1));
  }

  function schedule(pause?: number): void {
    if (scheduled) return;
    scheduled = true;
    if (pause === undefined) setImmediate(flush);
    else setTimeout(flush, pause);
  }

  return {
    write<Result>(work: () => Result): Promise<Result> {
      return new Promise<Result>((resolve, reject) => {
        if (closed) {
          reject(closedError(path));
          return;
        }
        const deadline = performance.now() + lockTimeout;
        waiting.push({ work, resolve: resolve as (result: unknown) => void, reject, deadline });
        schedule();
      });
    },
    close() {
      closed = true;
      const refused = waiting;
      waiting = [];
      for (const { reject } of refused) reject(closedError(path));
    },
  };
}

function closedError(path: string): TaperError {
  return new TaperError('store_unavailable', `The store ${path} is closed.`);
}
