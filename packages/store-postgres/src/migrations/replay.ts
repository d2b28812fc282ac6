/**
 * Of many calls at one time none waits for another: each connection counts in a row of its own, and one of them at a time takes away what
 * has expired. In `replay_accept` each statement sees what was committed before it: a key is inserted first, and only then is it asked
 * how far keys have been forgotten; so a key that is taken away in between is noticed.
 */
export const REPLAY_TABLES = `
  CREATE TABLE replay_key (
    key text COLLATE "C" PRIMARY KEY,
    expires_at bigint NOT NULL
  );
  CREATE INDEX replay_key_expiry ON replay_key (expires_at);
  CREATE TABLE replay_count (
    stripe int PRIMARY KEY,
    held bigint NOT NULL
  ) WITH (fillfactor = 20);
  INSERT INTO replay_count (stripe, held) SELECT stripe, 0 FROM generate_series(0, 63) AS stripe;
  CREATE TABLE replay_forgotten (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    keys bigint NOT NULL,
    forgotten_to bigint NOT NULL
  ) WITH (fillfactor = 20);
  INSERT INTO replay_forgotten (keys, forgotten_to) VALUES (0, -1);

  CREATE FUNCTION replay_accept(given text[], expiries bigint[], at_time bigint, capacity bigint) RETURNS text
  LANGUAGE plpgsql AS $$
  DECLARE
    added text[];
    gone bigint;
    gone_to bigint;
    limit_time bigint;
    held_now bigint;
  BEGIN
    IF pg_try_advisory_xact_lock(1952542821, 1) THEN
      SELECT forgotten_to INTO limit_time FROM replay_forgotten;
      WITH expired AS (
        SELECT key FROM replay_key WHERE expires_at < at_time AND expires_at >= limit_time - 300
        ORDER BY expires_at LIMIT 64 FOR UPDATE SKIP LOCKED
      ), deleted AS (
        DELETE FROM replay_key USING expired WHERE replay_key.key = expired.key RETURNING expires_at
      )
      SELECT count(*), max(expires_at) INTO gone, gone_to FROM deleted;
      IF gone > 0 THEN
        UPDATE replay_forgotten SET keys = keys + gone, forgotten_to = greatest(forgotten_to, gone_to);
      END IF;
    END IF;
    IF EXISTS (SELECT FROM replay_key WHERE key = ANY (given)) THEN RETURN 'replayed'; END IF;
    SELECT (SELECT sum(held) FROM replay_count) - keys INTO held_now FROM replay_forgotten;
    IF held_now + cardinality(given) > capacity THEN RETURN 'full'; END IF;
    WITH inserted AS (
      INSERT INTO replay_key (key, expires_at) SELECT * FROM unnest(given, expiries) AS each (key, expires_at) ORDER BY key
      ON CONFLICT DO NOTHING RETURNING key
    )
    SELECT array_agg(key) INTO added FROM inserted;
    IF coalesce(cardinality(added), 0) < cardinality(given) THEN
      DELETE FROM replay_key WHERE key = ANY (added);
      RETURN 'replayed';
    END IF;
    SELECT forgotten_to INTO limit_time FROM replay_forgotten;
    IF limit_time >= ANY (expiries) THEN
      DELETE FROM replay_key WHERE key = ANY (added);
      RETURN 'forgotten';
    END IF;
    UPDATE replay_count SET held = held + cardinality(given) WHERE stripe = pg_backend_pid() % 64;
    RETURN 'accepted';
  END $$;

  CREATE FUNCTION replay_forget(given text[]) RETURNS void
  LANGUAGE plpgsql AS $$
  DECLARE
    gone bigint;
  BEGIN
    WITH deleted AS (DELETE FROM replay_key WHERE key = ANY (given) RETURNING 1) SELECT count(*) INTO gone FROM deleted;
    UPDATE replay_count SET held = held - gone WHERE stripe = pg_backend_pid() % 64;
  END $$;
`;
