import { canonicalize, parseJson } from '@taper/core';
import type {
  GrantRecords,
  GrantSetRecord,
  IssuanceRecord,
  PeerRuleRecord,
  PendingIssuanceRecord,
} from '../port/store.ts';
import { StoreError } from '../store-error.ts';
import { changedSince } from './agent-tables.ts';
import { damaged } from './error.ts';
import { listing, optional, type Row, type Statements } from './statements.ts';

/** Grants, issuances and peer rules. */
export function grantPart({ row, rows, run }: Statements, path: string): GrantRecords {
  return {
    currentGrantSet: async () =>
      optional(row('SELECT * FROM grant_set ORDER BY version DESC LIMIT 1'), grantSetIn),
    currentGrantHead: async () =>
      optional(
        row('SELECT version, applied_at FROM grant_set ORDER BY version DESC LIMIT 1'),
        (found) => ({
          version: Number(found['version']),
          appliedAt: Number(found['applied_at']),
        }),
      ),
    findGrantSet: async (version) =>
      optional(row('SELECT * FROM grant_set WHERE version = ?', version), grantSetIn),
    async insertGrantSet({ version, document, appliedAt, appliedBy }) {
      const last = row('SELECT coalesce(max(version), 0) AS version FROM grant_set');
      if (version !== Number(last?.['version']) + 1)
        throw new StoreError('grant_set', 'Other grants were applied meanwhile.');
      run(
        'INSERT INTO grant_set (version, document, applied_at, applied_by) VALUES (?, ?, ?, ?)',
        version,
        document,
        appliedAt,
        appliedBy,
      );
    },

    async insertIssuance(record) {
      const changed = run(
        `INSERT INTO issuance
           (jti, token_hash, agent, tenant, grant_name, grant_version, kind, issued_at, expires_at, holder, subject_hash)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
        record.jti,
        record.tokenHash,
        record.agent,
        record.tenant,
        record.grant,
        record.grantVersion,
        record.kind,
        record.issuedAt,
        record.expiresAt,
        record.holder,
        record.subjectHash ?? null,
      );
      if (changed === 0) throw new StoreError('issuance', 'Such a token was issued already.');
    },
    findIssuance: async (tokenHash) =>
      optional(row('SELECT * FROM issuance WHERE token_hash = ?', tokenHash), issuanceIn),
    async listIssuances({ agent, grant, ...page }) {
      const { sql, values } = listing('issuance', 'jti', page, { agent, grant_name: grant });
      return rows(sql, ...values).map(issuanceIn);
    },

    findPending: async (id) => optional(row('SELECT * FROM pending WHERE id = ?', id), readPending),
    async listPending({ tenant, ...page }) {
      const { sql, values } = listing('pending', 'id', page, { tenant });
      return rows(sql, ...values).map(readPending);
    },
    async insertPending(record) {
      const changed = run(
        `INSERT INTO pending
           (id, tenant, agent, grant_name, request, approvals, state, created_at, expires_at, version)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
        record.id,
        record.tenant,
        record.agent,
        record.grant,
        record.request,
        canonicalize(record.approvals),
        record.state,
        record.createdAt,
        record.expiresAt,
        record.version,
      );
      if (changed === 0) throw new StoreError('pending', 'There is such an issuance already.');
    },
    async updatePending(record) {
      const changed = run(
        `UPDATE pending SET approvals = ?, state = ?, version = ?
         WHERE id = ? AND version = ? AND tenant = ? AND agent = ? AND grant_name = ? AND request = ?
           AND created_at = ? AND expires_at = ? AND state = 'open'`,
        canonicalize(record.approvals),
        record.state,
        record.version,
        record.id,
        record.version - 1,
        record.tenant,
        record.agent,
        record.grant,
        record.request,
        record.createdAt,
        record.expiresAt,
      );
      if (changed === 0) throw changedSince('issuance');
    },

    listPeerRules: async (tenant) =>
      rows('SELECT * FROM peer_rule WHERE tenant = ? ORDER BY agent', tenant).map(peerRuleIn),
    async putPeerRule({ tenant, agent, rule, reason, addedAt }) {
      run(
        `INSERT INTO peer_rule (tenant, agent, rule, reason, added_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (tenant, agent) DO UPDATE
         SET rule = excluded.rule, reason = excluded.reason, added_at = excluded.added_at`,
        tenant,
        agent,
        rule,
        reason,
        addedAt,
      );
    },
    async removePeerRule(tenant, agent) {
      run('DELETE FROM peer_rule WHERE tenant = ? AND agent = ?', tenant, agent);
    },
  };

  function readPending(found: Row): PendingIssuanceRecord {
    const parsed = parseJson(String(found['approvals']));
    if (!parsed.ok || !isStringArray(parsed.value)) throw damaged(path);
    return Object.freeze({
      id: String(found['id']),
      tenant: String(found['tenant']),
      agent: String(found['agent']),
      grant: String(found['grant_name']),
      request: String(found['request']),
      approvals: parsed.value,
      state: String(found['state']) as PendingIssuanceRecord['state'],
      createdAt: Number(found['created_at']),
      expiresAt: Number(found['expires_at']),
      version: Number(found['version']),
    });
  }
}

function isStringArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function grantSetIn(found: Row): GrantSetRecord {
  return Object.freeze({
    version: Number(found['version']),
    document: String(found['document']),
    appliedAt: Number(found['applied_at']),
    appliedBy: String(found['applied_by']),
  });
}

function issuanceIn(found: Row): IssuanceRecord {
  return Object.freeze({
    jti: String(found['jti']),
    tokenHash: String(found['token_hash']),
    agent: String(found['agent']),
    tenant: String(found['tenant']),
    grant: String(found['grant_name']),
    grantVersion: Number(found['grant_version']),
    kind: String(found['kind']) as IssuanceRecord['kind'],
    issuedAt: Number(found['issued_at']),
    expiresAt: Number(found['expires_at']),
    holder: String(found['holder']),
    subjectHash: optional(found['subject_hash'], String),
  });
}

function peerRuleIn(found: Row): PeerRuleRecord {
  return Object.freeze({
    tenant: String(found['tenant']),
    agent: String(found['agent']),
    rule: String(found['rule']) as PeerRuleRecord['rule'],
    reason: String(found['reason']),
    addedAt: Number(found['added_at']),
  });
}
