import { hash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { requireKnownOptions, TaperError } from '@taper/core';
import type { Client } from 'pg';
import type { PostgresDatabase } from './database.ts';
import { isRefusedByServer, PostgresError, postgresError } from './postgres-error.ts';
import { run, statement } from './statement.ts';

export interface PostgresLeaseOptions {
  /** What one node does at a time, such as `authority log`. */
  readonly name: string;
  /** Where the other nodes reach this one while it holds the lease, such as a URL. */
  readonly address: string;
  /** Milliseconds without a sign of life after which a holder is put out, 500 to 600,000. Default 10,000. */
  readonly patience?: number;
}

/** Who has a lease. */
export interface LeaseHolder {
  readonly address: string;
  /** Goes up whenever the lease changes hands. */
  readonly fence: number;
}

/** A lease as long as it is ours. */
export interface HeldLease extends LeaseHolder {
  readonly name: string;
  /** Aborted once it is known here that the lease is lost, or was released. That may be late: what counts is the fence, which the database compares at each write. */
  readonly ended: AbortSignal;
  release(): Promise<void>;
}

export interface PostgresLease {
  /** Takes the lease if nobody has it. @throws {PostgresError} */
  tryAcquire(): Promise<HeldLease | undefined>;
  /**
   * Waits for it, also while the database does not answer. Rejects with the reason of `signal` once that is aborted.
   * @throws {TaperError} where waiting does not help.
   */
  acquire(signal?: AbortSignal): Promise<HeldLease>;
  /** Who has it and has shown life within the patience; `undefined` for nobody. @throws {PostgresError} */
  holder(): Promise<LeaseHolder | undefined>;
}

/** Most milliseconds between two attempts. */
const ATTEMPT_PAUSE = 250;

/** First half of the numbers of our advisory locks: `tape` in ASCII. */
const LOCK_CLASS = 0x74617065;

const LOCK = statement('SELECT pg_try_advisory_lock($1::int, $2::int) AS locked');
const UNLOCK = statement('SELECT pg_advisory_unlock($1::int, $2::int)');
const TAKE = statement(`
  WITH taken AS (
    INSERT INTO lease (name, fence) VALUES ($1, 1)
    ON CONFLICT (name) DO UPDATE SET fence = lease.fence + 1 RETURNING fence
  )
  INSERT INTO lease_holder (name, fence, address, seen_at) SELECT $1, fence, $2, clock_timestamp() FROM taken
  ON CONFLICT (name) DO UPDATE SET fence = excluded.fence, address = excluded.address, seen_at = excluded.seen_at
  RETURNING fence`);
const RENEW = statement(
  'UPDATE lease_holder SET seen_at = clock_timestamp() WHERE name = $1 AND fence = $2',
);
const STILL_OURS = statement('SELECT 1 FROM lease WHERE name = $1 AND fence = $2');
const GIVE_UP = statement('DELETE FROM lease_holder WHERE name = $1 AND fence = $2');
const HOLDER = statement(`
  SELECT address, fence FROM lease_holder JOIN lease USING (name, fence)
  WHERE name = $1 AND seen_at > clock_timestamp() - $2 * interval '1 millisecond'`);
/** The connection that has the lock, where its holder has not been seen for too long. */
const SILENT = statement(`
  SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = $1::int::oid AND objid = $2::int::oid AND objsubid = 2 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND NOT EXISTS (SELECT FROM lease_holder WHERE name = $3 AND seen_at > clock_timestamp() - $4 * interval '1 millisecond')`);
const PUT_OUT = statement('SELECT pg_terminate_backend($1::int)');

/** Whether waiting may help: nobody answers, or the server is a standby, full, or busy. */
function passes(error: unknown): boolean {
  if (!(error instanceof PostgresError) || error.code !== 'store_unavailable') return false;
  return !isRefusedByServer(error) || /^(?:25006|53|55P03|57014)/.test(error.state ?? '');
}

/**
 * A lease that one node has at a time. It is an advisory lock on a connection of its own, which the server gives back at once when the holder dies;
 * a holder that is alive and silent is put out after a while. Each holder has a fence, a number higher than all before it. What a holder writes under the
 * lease is refused by the database once there is a higher one: a holder that was frozen and wakes up changes nothing.
 *
 * @throws {TaperError} `option_invalid`.
 */
export function createPostgresLease(
  database: PostgresDatabase,
  options: PostgresLeaseOptions,
): PostgresLease {
  requireKnownOptions(options, ['name', 'address', 'patience']);
  const { name, address, patience = 10_000 } = options;
  if (typeof name !== 'string' || name === '' || typeof address !== 'string')
    throw new TaperError('option_invalid', 'A lease has a name, and its holder an address.');
  if (!Number.isSafeInteger(patience) || patience < 500 || patience > 600_000)
    throw new TaperError('option_invalid', '`patience` is 500 to 600000 milliseconds.');
  const lock = [LOCK_CLASS, hash('sha256', name, 'buffer').readUInt32BE(0) >>> 1] as const;

  /** The lease, where the lock is free. The connection stays open then, and only then. */
  async function take(client: Client): Promise<HeldLease | undefined> {
    const [row] = await run(client, LOCK, lock);
    if (row?.['locked'] !== true) return undefined;
    const [taken] = await run(client, TAKE, [name, address]);
    return hold(client, Number(taken?.['fence']));
  }

  function hold(client: Client, fence: number): HeldLease {
    const ended = new AbortController();
    const stop = (): void => {
      clearInterval(timer);
      ended.abort();
    };
    const end = (): void => {
      if (ended.signal.aborted) return;
      stop();
      client.end().catch(() => undefined);
    };
    let renewing: Promise<void> | undefined;
    const timer = setInterval(() => {
      renewing ??= renew(client, fence)
        .then((ours) => (ours ? undefined : end()), end)
        .finally(() => {
          renewing = undefined;
        });
    }, patience / 4);
    client.on('error', end);
    client.on('end', end);
    return Object.freeze<HeldLease>({
      name,
      address,
      fence,
      ended: ended.signal,
      async release() {
        clearInterval(timer);
        // A connection is asked one thing at a time.
        await renewing;
        if (ended.signal.aborted) return;
        await run(client, GIVE_UP, [name, fence]).catch(() => undefined);
        if (ended.signal.aborted) return;
        stop();
        // A server takes its time to notice that a connection has ended.
        await run(client, UNLOCK, lock).catch(() => undefined);
        client.end().catch(() => undefined);
      },
    });
  }

  async function renew(client: Client, fence: number): Promise<boolean> {
    await run(client, RENEW, [name, fence]);
    return (await run(client, STILL_OURS, [name, fence])).length === 1;
  }

  /** Who has the lock and is silent. */
  async function silent(client: Client): Promise<number | undefined> {
    const [row] = await run(client, SILENT, [...lock, name, patience]);
    return row && Number(row['pid']);
  }

  /** Tries on one connection until it breaks. A holder is put out that is found silent twice: one that has just come has not told yet. */
  async function waitOn(client: Client, signal: AbortSignal): Promise<HeldLease> {
    let suspect: number | undefined;
    for (;;) {
      signal.throwIfAborted();
      const held = await take(client);
      if (held !== undefined) return held;
      const found = await silent(client);
      if (found !== undefined && found === suspect) await run(client, PUT_OUT, [found]);
      suspect = found;
      await pause(ATTEMPT_PAUSE * (0.5 + Math.random() / 2), undefined, { signal });
    }
  }

  async function connected<Result>(
    act: (client: Client) => Promise<Result>,
  ): Promise<Result | undefined> {
    const client = await database.connect();
    let result: Result | undefined;
    try {
      result = await act(client);
      return result;
    } catch (error) {
      throw postgresError(error, database.name, 'unknown');
    } finally {
      if (result === undefined) client.end().catch(() => undefined);
    }
  }

  return Object.freeze<PostgresLease>({
    tryAcquire: () => connected(take),
    async acquire(signal = new AbortController().signal) {
      for (;;) {
        signal.throwIfAborted();
        try {
          const held = await connected((client) => waitOn(client, signal));
          if (held !== undefined) return held;
        } catch (error) {
          signal.throwIfAborted();
          if (!passes(error)) throw error;
        }
        await pause(ATTEMPT_PAUSE, undefined, { signal }).catch(() => undefined);
      }
    },
    async holder() {
      const [row] = await database.query(HOLDER, [name, patience]);
      return row && { address: String(row['address']), fence: Number(row['fence']) };
    },
  });
}
