import { hash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { TaperError } from '@taper/core';

/** One step of the tables. Never changed once it has been released: the next step changes what it made. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
}

/**
 * What stands for good cannot be taken away or changed by a mistake either: the triggers refuse what a statement should never ask.
 * Text is compared byte by byte.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: 'first tables',
    sql: `
  CREATE TABLE agent (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    spiffe_id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('active', 'suspended', 'retired')),
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    UNIQUE (tenant, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX agent_of_tenant ON agent (tenant, id);
  CREATE INDEX agent_in_state ON agent (state, id);
  CREATE INDEX agent_of_tenant_in_state ON agent (tenant, state, id);
  CREATE TRIGGER agent_kept BEFORE DELETE ON agent
    BEGIN SELECT RAISE(ABORT, 'agents are kept'); END;

  CREATE TABLE holder_key (
    thumbprint TEXT PRIMARY KEY,
    jwk TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('agent', 'administrator', 'approver', 'authority')),
    holder TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('current', 'overlapping', 'former', 'compromised')),
    added_at INTEGER NOT NULL,
    ends_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX holder_key_of_holder ON holder_key (purpose, holder, added_at, thumbprint);
  CREATE TRIGGER holder_key_kept BEFORE DELETE ON holder_key
    BEGIN SELECT RAISE(ABORT, 'keys are kept'); END;

  CREATE TABLE enrolment (
    hash TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    agent TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX enrolment_expiry ON enrolment (expires_at);

  CREATE TABLE grant_set (
    version INTEGER PRIMARY KEY CHECK (version >= 1),
    document TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    applied_by TEXT NOT NULL
  ) STRICT;
  CREATE TRIGGER grant_set_kept BEFORE DELETE ON grant_set
    BEGIN SELECT RAISE(ABORT, 'sets of grants are kept'); END;
  CREATE TRIGGER grant_set_unchanged BEFORE UPDATE ON grant_set
    BEGIN SELECT RAISE(ABORT, 'sets of grants are not changed'); END;

  CREATE TABLE issuance (
    jti TEXT PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    tenant TEXT NOT NULL,
    grant_name TEXT NOT NULL,
    grant_version INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('client_credentials', 'token_exchange')),
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    holder TEXT NOT NULL,
    subject_hash TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX issuance_of_agent ON issuance (agent, jti);
  CREATE INDEX issuance_of_grant ON issuance (grant_name, jti);
  CREATE TRIGGER issuance_kept BEFORE DELETE ON issuance
    BEGIN SELECT RAISE(ABORT, 'issuances are kept'); END;
  CREATE TRIGGER issuance_unchanged BEFORE UPDATE ON issuance
    BEGIN SELECT RAISE(ABORT, 'issuances are not changed'); END;

  CREATE TABLE pending (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    grant_name TEXT NOT NULL,
    request TEXT NOT NULL,
    approvals TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'issued', 'closed')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX pending_of_tenant ON pending (tenant, id);
  CREATE INDEX pending_expiry ON pending (expires_at);

  CREATE TABLE peer_rule (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    rule TEXT NOT NULL CHECK (rule IN ('allow', 'block')),
    reason TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, agent)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE used (
    key TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX used_expiry ON used (expires_at);

  CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    log_index INTEGER UNIQUE
  ) STRICT;
  CREATE INDEX outbox_pending ON outbox (sequence) WHERE log_index IS NULL;
  CREATE TRIGGER outbox_pending_kept BEFORE DELETE ON outbox WHEN OLD.log_index IS NULL
    BEGIN SELECT RAISE(ABORT, 'what is not in the log yet is kept'); END;
  CREATE TRIGGER outbox_marked_once BEFORE UPDATE ON outbox
    WHEN OLD.log_index IS NOT NULL OR OLD.body <> NEW.body OR OLD.sequence <> NEW.sequence
    BEGIN SELECT RAISE(ABORT, 'what is in the log is not changed'); END;
`,
  },
];

/**
 * Brings the tables up to date. Runs within a transaction that nobody else writes in: all of it, or nothing.
 * @throws {TaperError} `store_unusable` where a later version of Taper made the tables, or other steps than these.
 */
export function migrate(
  db: DatabaseSync,
  path: string,
  migrations: readonly Migration[] = MIGRATIONS,
): void {
  db.exec(
    'CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT',
  );
  const done = db.prepare('SELECT number, checksum FROM migration ORDER BY number').all();
  if (done.length > migrations.length) {
    throw new TaperError(
      'store_unusable',
      `The store ${path} was made by a later version of Taper.`,
      { hint: 'Run that version. There is no way back but a backup from before the update.' },
    );
  }
  for (const [place, migration] of migrations.entries()) {
    const checksum = hash('sha256', migration.sql, 'hex');
    const row = done[place];
    if (row === undefined) {
      db.exec(migration.sql);
      db.prepare('INSERT INTO migration (number, name, checksum) VALUES (?, ?, ?)').run(
        place + 1,
        migration.name,
        checksum,
      );
    } else if (row['number'] !== place + 1 || row['checksum'] !== checksum) {
      throw new TaperError(
        'store_unusable',
        `The tables of the store ${path} were not made by the steps that this version of Taper knows.`,
        { hint: 'Run the version of Taper that made it, or restore a backup.' },
      );
    }
  }
}
