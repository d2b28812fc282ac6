/** Events are added and read, and nothing else: who wants to change one has to take the triggers away first. */
export const AUDIT_TABLES = `
  CREATE TABLE audit_event (
    emitter text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL CHECK (sequence >= 1),
    hash text NOT NULL,
    line text NOT NULL,
    PRIMARY KEY (emitter, sequence)
  );
  CREATE TABLE audit_kept_beside (
    emitter text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    salt text NOT NULL,
    evidence text,
    PRIMARY KEY (emitter, sequence)
  );
  CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    RAISE EXCEPTION 'rows of % stand for good', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
  END $$;
  CREATE TRIGGER audit_event_unchanged BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
  CREATE TRIGGER audit_event_kept BEFORE TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
`;
