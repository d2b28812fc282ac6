import { requireKnownOptions, TaperError } from '@taper/core';
import { exclusively } from '@taper/sqlite-file';
import type { AuthorityStore, AuthorityTransaction, OutboxRecord } from '../port/store.ts';
import { storeError } from './error.ts';
import { type Connections, noteProgress, openFile, openMemory } from './file.ts';
import { lastMarkedIn, lastSequenceIn, markIn, pendingIn } from './outbox.ts';
import { prepareStatements } from './statements.ts';
import { sweepIn } from './sweep.ts';
import { transactionsOn } from './transaction.ts';
import { createTurns, type Turns } from './turns.ts';

/** Milliseconds between two notes on the witness. */
const WITNESS_INTERVAL = 1_000;

export interface SqliteAuthorityStoreOptions {
  /** Path of the file, on a local disk; `:memory:` for a store that lives no longer than the process. */
  readonly path: string;
  /** Milliseconds for which a transaction waits for another process before it is refused. Default 2000. */
  readonly lockTimeout?: number;
  /** Milliseconds after which a transaction that does not end is undone. Default 10,000. */
  readonly workTimeout?: number;
  /** File that remembers how far the store has come, so that an old copy of the store is noticed. Best kept where backups do not reach. Default: `<path>.witness`. */
  readonly witness?: string;
}

const OPTIONS: readonly (keyof SqliteAuthorityStoreOptions)[] = [
  'path',
  'lockTimeout',
  'workTimeout',
  'witness',
];

/**
 * Opens an authority's store in a SQLite file, or makes it: mode 0600, write-ahead log, every transaction on the disk before it is
 * answered. Any number of processes may open it. Its tables are brought up to date, once, whoever comes first.
 *
 * @throws {TaperError} `store_unusable` for a file that is no database, is damaged, belongs to something else, was made by a later
 * version, can be read by others, or is older than its witness; `store_unavailable` when it stays locked; `option_invalid`.
 */
export function openSqliteAuthorityStore(options: SqliteAuthorityStoreOptions): AuthorityStore {
  return storeOn(options, (path, witness) =>
    path === ':memory:' ? openMemory() : openFile(path, witness),
  );
}

/** The store on connections that are opened otherwise. */
export function storeOn(
  options: SqliteAuthorityStoreOptions,
  connect: (path: string, witness: string) => Connections,
): AuthorityStore {
  requireKnownOptions(options, OPTIONS);
  const { path, lockTimeout = 2_000, workTimeout = 10_000 } = options;
  if (typeof path !== 'string' || path === '' || path.startsWith('file:'))
    throw new TaperError('option_invalid', 'A store needs the path of a file.');
  for (const [name, value] of Object.entries({ lockTimeout, workTimeout }))
    if (!Number.isSafeInteger(value) || value < 1 || value > 60_000)
      throw new TaperError('option_invalid', `\`${name}\` must be 1 to 60000 milliseconds.`);
  const isFile = path !== ':memory:';
  const { witness = `${path}.witness` } = options;
  const { writer, reader } = connect(path, witness);

  const statements = prepareStatements(writer);
  const changes = () => statements.row('SELECT total_changes() AS count')?.['count'];
  let counted = changes();
  let noted = performance.now();

  const writing = createTurns({
    db: writer,
    path,
    begin: 'BEGIN IMMEDIATE',
    lockTimeout,
    beforeCommit() {
      // The count that is noted has been committed: the witness is never ahead of the store.
      if (isFile && performance.now() - noted >= WITNESS_INTERVAL) note();
      if (changes() !== counted) statements.run('UPDATE store SET commits = commits + 1');
      counted = changes();
    },
  });
  const reading = isFile
    ? createTurns({
        db: reader,
        path,
        begin: 'BEGIN',
        lockTimeout,
        beforeCommit: () => undefined,
      })
    : writing;
  const toWrite = transactionsOn(writer, path, { mode: 'write', timeout: workTimeout });
  const toRead = transactionsOn(reader, path, { mode: 'read', timeout: workTimeout });
  const look = prepareStatements(reader);

  function note(): void {
    noteProgress(writer, witness);
    noted = performance.now();
  }

  return Object.freeze({
    transaction: <T>(work: (tx: AuthorityTransaction) => Promise<T>) =>
      writing.run(toWrite(work)) as Promise<T>,
    read: <T>(work: (tx: AuthorityTransaction) => Promise<T>) =>
      reading.run(toRead(work)) as Promise<T>,
    async pendingEntries(limit: number): Promise<OutboxRecord[]> {
      if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1000)
        throw new TaperError('option_invalid', '`limit` must be 1 to 1000.');
      return atOnce(reading, path, () => pendingIn(look, limit));
    },
    lastMarked: () => atOnce(reading, path, () => lastMarkedIn(look)),
    lastSequence: () => atOnce(reading, path, () => lastSequenceIn(look)),
    markEntries: (places: readonly { sequence: number; index: number }[]) =>
      atOnce(writing, path, () => markIn(statements, places)),
    sweep: (now: number) => atOnce(writing, path, () => sweepIn(statements, now)),
    ping: () => atOnce(reading, path, () => void look.row('SELECT commits FROM store')),
    async close(): Promise<void> {
      await writing.close();
      await reading.close();
      if (!writer.isOpen) return;
      try {
        if (isFile) exclusively(writer, note);
      } catch {
        // The witness stays behind by at most a second's worth of commits, which is allowed.
      }
      for (const db of new Set([reader, writer])) db.close();
    },
  });
}

/** Does work that waits for nothing, in a transaction. */
function atOnce<T>(turns: Turns, path: string, work: () => T): Promise<T> {
  return turns.run(async () => {
    try {
      return work();
    } catch (error) {
      throw storeError(error, path);
    }
  }) as Promise<T>;
}
