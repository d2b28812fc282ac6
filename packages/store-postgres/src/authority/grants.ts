import {
  type GrantRecords,
  type GrantSetRecord,
  type IssuanceRecord,
  type PeerRuleRecord,
  type PendingIssuanceRecord,
  StoreError,
} from '@taper/authority';
import { type Row, statement } from '../statement.ts';
import type { PostgresSession } from '../transaction.ts';
import { changedSince, listing, rowOf, textOrNothing, written } from './row.ts';

const CURRENT_GRANTS = statement('SELECT * FROM grant_set ORDER BY version DESC LIMIT 1');
const GRANT_HEAD = statement(
  'SELECT version, applied_at FROM grant_set ORDER BY version DESC LIMIT 1',
);
const GRANTS = statement('SELECT * FROM grant_set WHERE version = $1');
const ADD_GRANTS = statement(`
  INSERT INTO grant_set (version, document, applied_at, applied_by) SELECT $1::bigint, $2, $3, $4
  WHERE $1::bigint = (SELECT coalesce(max(version), 0) + 1 FROM grant_set) RETURNING 1`);
const ISSUANCE = statement('SELECT * FROM issuance WHERE token_hash = $1');
const ADD_ISSUANCE = statement(`
  INSERT INTO issuance
    (jti, token_hash, agent, tenant, grant_name, grant_version, kind, issued_at, expires_at, holder, subject_hash)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING 1`);
const PENDING = statement('SELECT * FROM pending WHERE id = $1');
const ADD_PENDING = statement(`
  INSERT INTO pending (id, tenant, agent, grant_name, request, approvals, state, created_at, expires_at, version)
  VALUES ($1, $2, $3, $4, $5, $6::text[], $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING 1`);
const CHANGE_PENDING = statement(`
  UPDATE pending SET approvals = $6::text[], state = $7, version = $10
  WHERE id = $1 AND version = $10::bigint - 1 AND tenant = $2 AND agent = $3 AND grant_name = $4 AND request = $5
    AND created_at = $8 AND expires_at = $9 AND state = 'open'
  RETURNING 1`);
const PEER_RULES = statement('SELECT * FROM peer_rule WHERE tenant = $1 ORDER BY agent');
const PUT_PEER_RULE = statement(`
  INSERT INTO peer_rule (tenant, agent, rule, reason, added_at) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (tenant, agent) DO UPDATE SET rule = excluded.rule, reason = excluded.reason, added_at = excluded.added_at`);
const REMOVE_PEER_RULE = statement('DELETE FROM peer_rule WHERE tenant = $1 AND agent = $2');

/** Grants, issuances and peer rules. */
export function grantPart(session: PostgresSession): GrantRecords {
  return {
    currentGrantSet: () => rowOf(session, CURRENT_GRANTS, [], grantSetIn),
    currentGrantHead: () =>
      rowOf(session, GRANT_HEAD, [], (row) => ({
        version: Number(row['version']),
        appliedAt: Number(row['applied_at']),
      })),
    findGrantSet: (version) => rowOf(session, GRANTS, [version], grantSetIn),
    insertGrantSet: ({ version, document, appliedAt, appliedBy }) =>
      written(
        session,
        ADD_GRANTS,
        [version, document, appliedAt, appliedBy],
        () => new StoreError('grant_set', 'Other grants were applied meanwhile.'),
      ),

    insertIssuance: (record) =>
      written(
        session,
        ADD_ISSUANCE,
        issuanceValues(record),
        () => new StoreError('issuance', 'Such a token was issued already.'),
      ),
    findIssuance: (tokenHash) => rowOf(session, ISSUANCE, [tokenHash], issuanceIn),
    async listIssuances({ agent, grant, ...page }) {
      const { asked, values } = listing('issuance', 'jti', page, { agent, grant_name: grant });
      return (await session.query(asked, values)).map(issuanceIn);
    },

    findPending: (id) => rowOf(session, PENDING, [id], pendingIn),
    async listPending({ tenant, ...page }) {
      const { asked, values } = listing('pending', 'id', page, { tenant });
      return (await session.query(asked, values)).map(pendingIn);
    },
    insertPending: (record) =>
      written(
        session,
        ADD_PENDING,
        pendingValues(record),
        () => new StoreError('pending', 'There is such an issuance already.'),
      ),
    updatePending: (record) =>
      written(session, CHANGE_PENDING, pendingValues(record), () => changedSince('issuance')),

    listPeerRules: async (tenant) => (await session.query(PEER_RULES, [tenant])).map(peerRuleIn),
    async putPeerRule({ tenant, agent, rule, reason, addedAt }) {
      await session.query(PUT_PEER_RULE, [tenant, agent, rule, reason, addedAt]);
    },
    async removePeerRule(tenant, agent) {
      await session.query(REMOVE_PEER_RULE, [tenant, agent]);
    },
  };
}

function grantSetIn(row: Row): GrantSetRecord {
  return Object.freeze({
    version: Number(row['version']),
    document: String(row['document']),
    appliedAt: Number(row['applied_at']),
    appliedBy: String(row['applied_by']),
  });
}

function issuanceValues(record: IssuanceRecord) {
  const { jti, tokenHash, agent, tenant, grant, grantVersion } = record;
  const { kind, issuedAt, expiresAt, holder, subjectHash = null } = record;
  return [
    ...[jti, tokenHash, agent, tenant, grant, grantVersion],
    ...[kind, issuedAt, expiresAt, holder, subjectHash],
  ];
}

function issuanceIn(row: Row): IssuanceRecord {
  return Object.freeze({
    jti: String(row['jti']),
    tokenHash: String(row['token_hash']),
    agent: String(row['agent']),
    tenant: String(row['tenant']),
    grant: String(row['grant_name']),
    grantVersion: Number(row['grant_version']),
    kind: String(row['kind']) as IssuanceRecord['kind'],
    issuedAt: Number(row['issued_at']),
    expiresAt: Number(row['expires_at']),
    holder: String(row['holder']),
    subjectHash: textOrNothing(row['subject_hash']),
  });
}

function pendingValues(record: PendingIssuanceRecord) {
  const { id, tenant, agent, grant, request, approvals } = record;
  const { state, createdAt, expiresAt, version } = record;
  return [id, tenant, agent, grant, request, approvals, state, createdAt, expiresAt, version];
}

function pendingIn(row: Row): PendingIssuanceRecord {
  return Object.freeze({
    id: String(row['id']),
    tenant: String(row['tenant']),
    agent: String(row['agent']),
    grant: String(row['grant_name']),
    request: String(row['request']),
    approvals: row['approvals'] as readonly string[],
    state: String(row['state']) as PendingIssuanceRecord['state'],
    createdAt: Number(row['created_at']),
    expiresAt: Number(row['expires_at']),
    version: Number(row['version']),
  });
}

function peerRuleIn(row: Row): PeerRuleRecord {
  return Object.freeze({
    tenant: String(row['tenant']),
    agent: String(row['agent']),
    rule: String(row['rule']) as PeerRuleRecord['rule'],
    reason: String(row['reason']),
    addedAt: Number(row['added_at']),
  });
}
