/**
 * `taken` is what is settled and what is held. A reservation that is lost in a crash of the server has held nothing by then: its settlement
 * finds it gone, and the call does not run; so reserving does not wait for the disk, and an account that many calls share is locked for
 * microseconds. Settling waits for the disk, and locks nothing that another call needs. Whatever locks several accounts locks them in
 * the order of their names. `accounts` of a reservation is empty once it is settled.
 */
export const BUDGET_TABLES = `
  CREATE TABLE budget_account (
    account text COLLATE "C" PRIMARY KEY,
    spending_limit numeric NOT NULL,
    taken numeric NOT NULL CHECK (taken >= 0 AND taken <= spending_limit),
    expires_at bigint NOT NULL
  ) WITH (fillfactor = 50);
  CREATE INDEX budget_account_expiry ON budget_account (expires_at);
  CREATE TABLE budget_reservation (
    id text COLLATE "C" PRIMARY KEY,
    owner text NOT NULL,
    expires_at bigint NOT NULL,
    settled boolean NOT NULL DEFAULT false,
    accounts text[] COLLATE "C" NOT NULL,
    amounts numeric[] NOT NULL
  ) WITH (fillfactor = 50);
  CREATE INDEX budget_reservation_expiry ON budget_reservation (expires_at);
  CREATE TABLE budget_count (
    stripe int PRIMARY KEY,
    accounts bigint NOT NULL,
    reservations bigint NOT NULL
  ) WITH (fillfactor = 20);
  INSERT INTO budget_count SELECT stripe, 0, 0 FROM generate_series(0, 63) AS stripe;
  CREATE TABLE budget_forgotten (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    forgotten_to bigint NOT NULL
  ) WITH (fillfactor = 20);
  INSERT INTO budget_forgotten (forgotten_to) VALUES (-1);

  CREATE FUNCTION budget_count_add(more_accounts bigint, more_reservations bigint) RETURNS void
  LANGUAGE sql AS $$
    UPDATE budget_count SET accounts = accounts + more_accounts, reservations = reservations + more_reservations
    WHERE stripe = pg_backend_pid() % 64
  $$;

  -- Gives back what reservations held. Their rows are deleted by then, and the accounts are locked.
  CREATE FUNCTION budget_give_back(held_accounts text[], held_amounts numeric[]) RETURNS void
  LANGUAGE sql AS $$
    UPDATE budget_account SET taken = taken - back.amount
    FROM (SELECT account, sum(amount) AS amount FROM unnest(held_accounts, held_amounts) AS each (account, amount) GROUP BY account) AS back
    WHERE budget_account.account = back.account
  $$;

  CREATE FUNCTION budget_reserve(
    given_id text, given_owner text, given_expiry bigint, given text[], limits numeric[], given_amounts numeric[], expiries bigint[],
    at_time bigint, capacity bigint, OUT verdict text, OUT refused text
  )
  LANGUAGE plpgsql AS $$
  DECLARE
    late_accounts text[] := '{}';
    late_amounts numeric[] := '{}';
    late bigint;
    locked bigint;
    kept_now bigint;
    opening bigint;
    opened bigint;
    gone bigint := 0;
    gone_to bigint;
    limit_time bigint;
    known bigint;
    waiting bigint;
  BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO budget_reservation (id, owner, expires_at, accounts, amounts)
      VALUES (given_id, given_owner, given_expiry, given, given_amounts) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      verdict := 'taken';
      RETURN;
    END IF;

    WITH expired AS (
      SELECT id FROM budget_reservation WHERE expires_at < at_time
      ORDER BY accounts && given DESC, expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED
    ), deleted AS (
      DELETE FROM budget_reservation USING expired WHERE budget_reservation.id = expired.id
      RETURNING budget_reservation.id, accounts, amounts
    ), held AS (
      SELECT each.account, each.amount FROM deleted, unnest(deleted.accounts, deleted.amounts) AS each (account, amount)
    )
    SELECT (SELECT count(*) FROM deleted), coalesce(array_agg(account), '{}'), coalesce(array_agg(amount), '{}')
      INTO late, late_accounts, late_amounts FROM held;
    IF late_accounts <> '{}' THEN
      PERFORM FROM budget_account WHERE account = ANY (given || late_accounts) ORDER BY account FOR UPDATE;
      PERFORM budget_give_back(late_accounts, late_amounts);
    END IF;

    IF pg_try_advisory_xact_lock(1952542821, 2) THEN
      WITH expired AS (
        SELECT account FROM budget_account WHERE expires_at < at_time - 60 ORDER BY expires_at LIMIT 64 FOR UPDATE SKIP LOCKED
      ), deleted AS (
        DELETE FROM budget_account USING expired WHERE budget_account.account = expired.account RETURNING expires_at
      )
      SELECT count(*), max(expires_at) INTO gone, gone_to FROM deleted;
      IF gone > 0 THEN UPDATE budget_forgotten SET forgotten_to = greatest(forgotten_to, gone_to); END IF;
    END IF;

    LOOP
      PERFORM FROM budget_account WHERE account = ANY (given) ORDER BY account FOR UPDATE;
      GET DIAGNOSTICS locked = ROW_COUNT;
      SELECT forgotten_to INTO limit_time FROM budget_forgotten;
      SELECT CASE
          WHEN kept.account IS NULL AND each.expires_at <= limit_time THEN 'forgotten'
          WHEN kept.spending_limit <> each.spending_limit THEN 'limit'
          ELSE 'exceeded' END, each.account
        INTO verdict, refused
        FROM unnest(given, limits, given_amounts, expiries) WITH ORDINALITY AS each (account, spending_limit, amount, expires_at, place)
        LEFT JOIN budget_account AS kept USING (account)
        WHERE kept.account IS NULL AND each.expires_at <= limit_time OR kept.spending_limit <> each.spending_limit
          OR coalesce(kept.taken, 0) + each.amount > each.spending_limit
        ORDER BY place LIMIT 1;
      EXIT WHEN verdict IS NOT NULL;
      SELECT count(*) INTO kept_now FROM budget_account WHERE account = ANY (given);
      -- Somebody opened one of them since they were locked.
      CONTINUE WHEN kept_now > locked;
      opening := cardinality(given) - locked;
      SELECT sum(accounts), sum(reservations) INTO known, waiting FROM budget_count;
      IF known - gone + opening > capacity OR waiting - late + 1 > capacity THEN
        verdict := 'full';
        EXIT;
      END IF;
      EXIT WHEN opening = 0;
      INSERT INTO budget_account (account, spending_limit, taken, expires_at)
        SELECT each.account, each.spending_limit, 0, each.expires_at
        FROM unnest(given, limits, expiries) AS each (account, spending_limit, expires_at)
        WHERE NOT EXISTS (SELECT FROM budget_account AS kept WHERE kept.account = each.account)
        ORDER BY each.account ON CONFLICT DO NOTHING;
      GET DIAGNOSTICS opened = ROW_COUNT;
      gone := gone - opened;
      EXIT WHEN opened = opening;
    END LOOP;

    IF verdict IS NULL THEN
      UPDATE budget_account SET taken = taken + each.amount, expires_at = greatest(budget_account.expires_at, each.expires_at)
        FROM unnest(given, given_amounts, expiries) AS each (account, amount, expires_at)
        WHERE budget_account.account = each.account;
      verdict := 'reserved';
      late := late - 1;
    ELSE
      DELETE FROM budget_reservation WHERE id = given_id;
    END IF;
    IF gone <> 0 OR late <> 0 THEN PERFORM budget_count_add(-gone, -late); END IF;
  END $$;

  -- One that is settled stays settled: of two that settle at the same time, the second finds what the first wrote.
  CREATE FUNCTION budget_settle(given_id text, at_time bigint) RETURNS text
  LANGUAGE plpgsql AS $$
  BEGIN
    UPDATE budget_reservation SET settled = true, accounts = '{}', amounts = '{}'
      WHERE id = given_id AND (settled OR expires_at >= at_time);
    IF FOUND THEN RETURN 'settled'; END IF;
    PERFORM budget_release(given_id);
    RETURN 'lost';
  END $$;

  CREATE FUNCTION budget_release(given_id text) RETURNS void
  LANGUAGE plpgsql AS $$
  DECLARE
    held_accounts text[];
    held_amounts numeric[];
  BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    DELETE FROM budget_reservation WHERE id = given_id AND NOT settled RETURNING accounts, amounts INTO held_accounts, held_amounts;
    IF NOT FOUND THEN RETURN; END IF;
    PERFORM FROM budget_account WHERE account = ANY (held_accounts) ORDER BY account FOR UPDATE;
    PERFORM budget_give_back(held_accounts, held_amounts);
    PERFORM budget_count_add(0, -1);
  END $$;
`;
