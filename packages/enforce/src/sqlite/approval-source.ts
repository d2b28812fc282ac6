import { isDeepStrictEqual } from 'node:util';
import { parseApprovalRequest, readApproverGroups, TaperError } from '@taper/core';
import {
  type ApprovalStore,
  claimedAction,
  judgeSubmission,
  type OpenAction,
  readCapacity,
  readOpenAction,
  requireRoom,
} from '../approval/inbox.ts';
import type { ApprovalStoreOptions } from '../memory/approval-source.ts';
import type { PendingAction } from '../port/approval-source.ts';
import type { SqliteDatabase } from './database.ts';

/** Expired actions that each new one deletes: more than one, so that they do not pile up. */
const SWEEP = 64;

/** `request` is the JSON text of the pending action without its approvals; the other columns are what it is found and counted by. */
const TABLES = `
  CREATE TABLE approval_action (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT NOT NULL UNIQUE,
    nonce TEXT NOT NULL UNIQUE,
    action_hash TEXT NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    root TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    request TEXT NOT NULL
  ) STRICT;
  CREATE INDEX approval_action_expiry ON approval_action (expires_at);
  CREATE INDEX approval_action_agent ON approval_action (agent);
  CREATE INDEX approval_action_root ON approval_action (root);
  CREATE TABLE approval (
    action_hash TEXT NOT NULL REFERENCES approval_action (action_hash) ON DELETE CASCADE,
    compact TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (action_hash, compact)
  ) STRICT, WITHOUT ROWID;
`;

type Row = Readonly<Record<string, unknown>>;

/**
 * An approval source in a SQLite file, shared by all processes that open it: an action that one of them opened can be approved
 * through another, and both are on the disk when they are answered. Who may approve is each process's own configuration.
 *
 * @throws {TaperError} `option_invalid`; `store_unusable` when the file holds another version of its tables.
 */
export function createSqliteApprovalSource(
  database: SqliteDatabase,
  options: ApprovalStoreOptions,
): ApprovalStore {
  const groups = readApproverGroups(options.groups);
  const capacity = readCapacity(options);
  database.define('approval', 1, TABLES);
  const prepare = (where: string) =>
    database.prepare(`SELECT * FROM approval_action WHERE ${where} AND expires_at > ?`);
  const bySubject = prepare('subject = ?');
  const byNonce = prepare('nonce = ?');
  const byActionHash = prepare('action_hash = ?');
  const all = database.prepare(
    'SELECT * FROM approval_action WHERE expires_at > ? ORDER BY number',
  );
  const occupancy = database.prepare(`
    SELECT count(*) AS "all", count(*) FILTER (WHERE agent = ?) AS agent, count(*) FILTER (WHERE root = ?) AS root
    FROM approval_action WHERE expires_at > ?`);
  const insert = database.prepare(`
    INSERT INTO approval_action (subject, nonce, action_hash, agent, root, expires_at, request)
    VALUES (?, ?, ?, ?, ?, ?, ?)`);
  const update = database.prepare('UPDATE approval_action SET request = ? WHERE subject = ?');
  const remove = database.prepare('DELETE FROM approval_action WHERE subject = ?');
  const expired = database.prepare(
    'SELECT subject FROM approval_action WHERE expires_at <= ? ORDER BY expires_at LIMIT ?',
  );
  const approvalsOf = database.prepare(
    'SELECT compact FROM approval WHERE action_hash = ? AND expires_at > ? ORDER BY compact',
  );
  const insertApproval = database.prepare(
    'INSERT INTO approval (action_hash, compact, expires_at) VALUES (?, ?, ?)',
  );

  function read(row: Row | undefined, now: number): PendingAction | undefined {
    if (row === undefined) return undefined;
    const request = parseApprovalRequest(String(row['request']));
    if (request === undefined) throw damaged(database.path);
    const approvals = approvalsOf.all(String(row['action_hash']), now);
    return Object.freeze({
      ...request,
      approvals: approvals.map(({ compact }) => String(compact)),
    });
  }

  function open(opening: OpenAction, now: number): PendingAction {
    const { subject, actionHash, requester, pending } = opening;
    const known = read(bySubject.get(subject, now), now);
    if (known !== undefined) {
      const again = { ...known, requirements: pending.requirements };
      if (!isDeepStrictEqual(known.requirements, again.requirements))
        update.run(JSON.stringify({ ...again, approvals: [] }), subject);
      return Object.freeze(again);
    }
    remove.run(subject);
    for (const row of expired.all(now, SWEEP)) remove.run(String(row['subject']));
    const { agent, root } = requester;
    const row = occupancy.get(agent, root, now);
    requireRoom(
      { all: Number(row?.['all']), agent: Number(row?.['agent']), root: Number(row?.['root']) },
      capacity,
    );
    const { nonce, expiresAt } = pending.action;
    insert.run(subject, nonce, actionHash, agent, root, expiresAt, JSON.stringify(pending));
    return pending;
  }

  return {
    approvers: (group) => groups.get(group),
    async open(asked, now) {
      const opening = readOpenAction(asked, now);
      return database.write(() => open(opening, now));
    },
    find: (subject, now) => database.read(() => read(bySubject.get(subject, now), now)),
    async close(subject) {
      await database.write(() => {
        remove.run(subject);
      });
    },
    look: (nonce, now) => database.read(() => read(byNonce.get(nonce, now), now)),
    async submit(approval, now) {
      const actionHash = claimedAction(approval);
      if (typeof actionHash !== 'string') return actionHash;
      const judge = () => {
        const pending = read(byActionHash.get(actionHash, now), now);
        return judgeSubmission(approval, pending, groups, now);
      };
      // Most of what is refused never takes the lock; what passes is judged again beside what came in meanwhile.
      const first = database.read(judge);
      if ('code' in first) return first;
      return database.write(() => {
        const judged = judge();
        if (!('code' in judged)) insertApproval.run(actionHash, approval, judged.expiresAt);
        return judged;
      });
    },
    pending: (now) =>
      database.read(() => all.all(now).map((row) => read(row, now) as PendingAction)),
  };
}

function damaged(path: string): TaperError {
  return new TaperError('store_unusable', `The store ${path} holds a damaged pending action.`, {
    hint: 'It was changed by something else. Stop every process that uses it and follow "Restoring" in docs/stores.md.',
  });
}
