/**
 * What stands for good cannot be taken away or changed by a mistake either: triggers refuse what a statement should never ask. Text is
 * compared byte by byte. Whoever writes locks `authority_turn` first, so that one transaction writes at a time.
 */
export const AUTHORITY_TABLES = `
  CREATE TABLE authority_turn (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    forgotten bigint NOT NULL
  );
  INSERT INTO authority_turn (forgotten) VALUES (-1);

  CREATE TABLE agent (
    id text COLLATE "C" PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    spiffe_id text COLLATE "C" NOT NULL UNIQUE,
    state text NOT NULL CHECK (state IN ('active', 'suspended', 'retired')),
    created_at bigint NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    UNIQUE (tenant, name)
  );
  CREATE INDEX agent_of_tenant ON agent (tenant, id);
  CREATE INDEX agent_in_state ON agent (state, id);
  CREATE INDEX agent_of_tenant_in_state ON agent (tenant, state, id);
  CREATE TRIGGER agent_kept BEFORE DELETE ON agent FOR EACH ROW EXECUTE FUNCTION refuse_change();

  CREATE TABLE holder_key (
    thumbprint text COLLATE "C" PRIMARY KEY,
    jwk text NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('agent', 'administrator', 'approver', 'authority')),
    holder text COLLATE "C" NOT NULL,
    state text NOT NULL CHECK (state IN ('current', 'overlapping', 'former', 'compromised')),
    added_at bigint NOT NULL,
    ends_at bigint
  );
  CREATE INDEX holder_key_of_holder ON holder_key (purpose, holder, added_at, thumbprint);
  CREATE TRIGGER holder_key_kept BEFORE DELETE ON holder_key FOR EACH ROW EXECUTE FUNCTION refuse_change();

  CREATE TABLE enrolment (
    hash text COLLATE "C" PRIMARY KEY,
    tenant text NOT NULL,
    name text NOT NULL,
    expires_at bigint NOT NULL,
    created_by text NOT NULL,
    agent text
  );
  CREATE INDEX enrolment_expiry ON enrolment (expires_at);

  CREATE TABLE grant_set (
    version bigint PRIMARY KEY CHECK (version >= 1),
    document text NOT NULL,
    applied_at bigint NOT NULL,
    applied_by text NOT NULL
  );
  CREATE TRIGGER grant_set_kept BEFORE UPDATE OR DELETE ON grant_set FOR EACH ROW EXECUTE FUNCTION refuse_change();

  CREATE TABLE issuance (
    jti text COLLATE "C" PRIMARY KEY,
    token_hash text COLLATE "C" NOT NULL UNIQUE,
    agent text COLLATE "C" NOT NULL,
    tenant text NOT NULL,
    grant_name text COLLATE "C" NOT NULL,
    grant_version bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('client_credentials', 'token_exchange')),
    issued_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    holder text NOT NULL,
    subject_hash text
  );
  CREATE INDEX issuance_of_agent ON issuance (agent, jti);
  CREATE INDEX issuance_of_grant ON issuance (grant_name, jti);
  CREATE TRIGGER issuance_kept BEFORE UPDATE OR DELETE ON issuance FOR EACH ROW EXECUTE FUNCTION refuse_change();

  CREATE TABLE pending (
    id text COLLATE "C" PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    agent text NOT NULL,
    grant_name text NOT NULL,
    request text NOT NULL,
    approvals text[] NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'issued', 'closed')),
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    version bigint NOT NULL CHECK (version >= 1)
  );
  CREATE INDEX pending_of_tenant ON pending (tenant, id);
  CREATE INDEX pending_expiry ON pending (expires_at);

  CREATE TABLE peer_rule (
    tenant text COLLATE "C" NOT NULL,
    agent text COLLATE "C" NOT NULL,
    rule text NOT NULL CHECK (rule IN ('allow', 'block')),
    reason text NOT NULL,
    added_at bigint NOT NULL,
    PRIMARY KEY (tenant, agent)
  );

  CREATE TABLE used (
    key text COLLATE "C" PRIMARY KEY,
    expires_at bigint NOT NULL
  );
  CREATE INDEX used_expiry ON used (expires_at);

  CREATE TABLE setting (name text COLLATE "C" PRIMARY KEY, value text NOT NULL);

  CREATE TABLE outbox (
    sequence bigint PRIMARY KEY CHECK (sequence >= 1),
    body text NOT NULL,
    log_index bigint UNIQUE CHECK (log_index >= 0)
  );
  CREATE INDEX outbox_pending ON outbox (sequence) WHERE log_index IS NULL;
  CREATE TRIGGER outbox_pending_kept BEFORE DELETE ON outbox FOR EACH ROW WHEN (OLD.log_index IS NULL)
    EXECUTE FUNCTION refuse_change();
  CREATE TRIGGER outbox_marked_once BEFORE UPDATE ON outbox FOR EACH ROW
    WHEN (OLD.log_index IS NOT NULL OR OLD.body <> NEW.body OR OLD.sequence <> NEW.sequence)
    EXECUTE FUNCTION refuse_change();
`;
