/**
 * `transaction_mark`: what each transaction of several statements leaves, so that its outcome can be asked for; not `kept` is that of one which
 * was asked for, and has not been done.
 *
 * `lease`: one row for each thing that one node does at a time; `fence` goes up whenever it changes hands. The time of its holder stands
 * apart, so that saying "still here" never waits for a write that has locked the fence.
 */
export const LOG_TABLES = `
  CREATE TABLE transaction_mark (
    id uuid PRIMARY KEY,
    kept boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
  );
  CREATE INDEX transaction_mark_time ON transaction_mark (at);
  CREATE TABLE lease (
    name text PRIMARY KEY,
    fence bigint NOT NULL CHECK (fence >= 1)
  );
  CREATE TABLE lease_holder (
    name text PRIMARY KEY,
    fence bigint NOT NULL,
    address text NOT NULL,
    seen_at timestamptz NOT NULL
  );
  CREATE TABLE log_checkpoint (
    log text PRIMARY KEY,
    origin text NOT NULL,
    size bigint NOT NULL CHECK (size BETWEEN 0 AND 9007199254740991),
    root bytea NOT NULL CHECK (length(root) = 32),
    note text
  );
  CREATE TABLE log_tile (
    log text NOT NULL,
    path text NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (log, path)
  );
  CREATE TABLE log_staged (
    log text NOT NULL,
    place bigint NOT NULL,
    record bytea NOT NULL,
    PRIMARY KEY (log, place)
  );
  CREATE TABLE log_state (
    log text NOT NULL,
    generation bigint NOT NULL,
    part int NOT NULL,
    parts int NOT NULL,
    lines text NOT NULL,
    PRIMARY KEY (log, generation, part)
  );
  -- Hashes and signed entries do not become smaller.
  ALTER TABLE log_tile ALTER COLUMN bytes SET STORAGE EXTERNAL;
  ALTER TABLE log_staged ALTER COLUMN record SET STORAGE EXTERNAL;
`;
