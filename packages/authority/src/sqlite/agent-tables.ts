import { canonicalize, type JsonValue, type PublicJwk, parseJson } from '@taper/core';
import type {
  AgentRecord,
  AgentRecords,
  AgentState,
  EnrolmentRecord,
  KeyRecord,
  KeyState,
} from '../port/store.ts';
import { StoreError } from '../store-error.ts';
import { damaged } from './error.ts';
import { listing, optional, type Row, type Statements } from './statements.ts';

/** Agents, keys and enrolments. What stands for good is a condition of each update. */
export function agentPart(statements: Statements, path: string): AgentRecords {
  const { row, rows, run } = statements;
  return {
    findAgent: async (id) => optional(row('SELECT * FROM agent WHERE id = ?', id), agentIn),
    findAgentByName: async (tenant, name) =>
      optional(row('SELECT * FROM agent WHERE tenant = ? AND name = ?', tenant, name), agentIn),
    findAgentBySpiffeId: async (spiffeId) =>
      optional(row('SELECT * FROM agent WHERE spiffe_id = ?', spiffeId), agentIn),
    async findAgentWithKeys(spiffeId) {
      const agent = optional(row('SELECT * FROM agent WHERE spiffe_id = ?', spiffeId), agentIn);
      return agent && { agent, keys: keysOf('agent', agent.id) };
    },
    async listAgents({ tenant, state, ...page }) {
      const { sql, values } = listing('agent', 'id', page, { tenant, state });
      return rows(sql, ...values).map(agentIn);
    },
    async insertAgent({ id, tenant, name, spiffeId, state, createdAt, version }) {
      const changed = run(
        `INSERT INTO agent (id, tenant, name, spiffe_id, state, created_at, version)
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
        id,
        tenant,
        name,
        spiffeId,
        state,
        createdAt,
        version,
      );
      if (changed === 0) throw new StoreError('agent', 'There is such an agent already.');
    },
    async updateAgent({ id, tenant, name, spiffeId, state, createdAt, version }) {
      const changed = run(
        `UPDATE agent SET state = ?, version = ?
         WHERE id = ? AND version = ? AND tenant = ? AND name = ? AND spiffe_id = ? AND created_at = ?
           AND (state <> 'retired' OR ?1 = 'retired')`,
        state,
        version,
        id,
        version - 1,
        tenant,
        name,
        spiffeId,
        createdAt,
      );
      if (changed === 0) throw changedSince('agent');
    },

    findKey: async (thumbprint) =>
      optional(row('SELECT * FROM holder_key WHERE thumbprint = ?', thumbprint), readKey),
    async findHeldKey(thumbprint) {
      const key = optional(
        row('SELECT * FROM holder_key WHERE thumbprint = ?', thumbprint),
        readKey,
      );
      if (key === undefined) return undefined;
      const found = row('SELECT * FROM agent WHERE id = ?', key.holder);
      return { key, agent: key.purpose === 'agent' ? optional(found, agentIn) : undefined };
    },
    listKeys: async (purpose, holder) => keysOf(purpose, holder),
    async insertKey({ thumbprint, jwk, purpose, holder, state, addedAt, endsAt }) {
      const changed = run(
        `INSERT INTO holder_key (thumbprint, jwk, purpose, holder, state, added_at, ends_at)
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
        thumbprint,
        textOf(jwk),
        purpose,
        holder,
        state,
        addedAt,
        endsAt ?? null,
      );
      if (changed === 0) throw new StoreError('key', 'The key is, or was, in use.');
    },
    async updateKey({ thumbprint, jwk, purpose, holder, state, addedAt, endsAt }) {
      const changed = run(
        `UPDATE holder_key SET state = ?1, ends_at = ?2
         WHERE thumbprint = ?3 AND jwk = ?4 AND purpose = ?5 AND holder = ?6 AND added_at = ?7
           AND instr('current overlapping former compromised', state) <= instr('current overlapping former compromised', ?1)`,
        state,
        endsAt ?? null,
        thumbprint,
        textOf(jwk),
        purpose,
        holder,
        addedAt,
      );
      if (changed === 0) throw changedSince('key');
    },

    findEnrolment: async (hash) =>
      optional(row('SELECT * FROM enrolment WHERE hash = ?', hash), enrolmentIn),
    async insertEnrolment({ hash, tenant, name, expiresAt, createdBy, agent }) {
      const changed = run(
        `INSERT INTO enrolment (hash, tenant, name, expires_at, created_by, agent)
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
        hash,
        tenant,
        name,
        expiresAt,
        createdBy,
        agent ?? null,
      );
      if (changed === 0) throw new StoreError('enrolment', 'There is such an enrolment already.');
    },
    async updateEnrolment({ hash, tenant, name, expiresAt, createdBy, agent }) {
      const changed = run(
        `UPDATE enrolment SET expires_at = ?1, agent = ?2
         WHERE hash = ?3 AND tenant = ?4 AND name = ?5 AND created_by = ?6 AND expires_at >= ?1 AND (agent IS NULL OR agent = ?2)`,
        expiresAt,
        agent ?? null,
        hash,
        tenant,
        name,
        createdBy,
      );
      if (changed === 0) throw changedSince('enrolment');
    },
  };

  function keysOf(purpose: KeyRecord['purpose'], holder: string): KeyRecord[] {
    return rows(
      'SELECT * FROM holder_key WHERE purpose = ? AND holder = ? ORDER BY added_at, thumbprint',
      purpose,
      holder,
    ).map(readKey);
  }

  function readKey(found: Row): KeyRecord {
    const parsed = parseJson(String(found['jwk']));
    if (!parsed.ok) throw damaged(path);
    return Object.freeze({
      thumbprint: String(found['thumbprint']),
      jwk: parsed.value as unknown as PublicJwk,
      purpose: String(found['purpose']) as KeyRecord['purpose'],
      holder: String(found['holder']),
      state: String(found['state']) as KeyState,
      addedAt: Number(found['added_at']),
      endsAt: optional(found['ends_at'], Number),
    });
  }
}

export function changedSince(what: string): StoreError {
  return new StoreError(
    'version',
    `The ${what} is not there, has changed since it was read, or would change in what stands for good.`,
  );
}

function textOf(jwk: PublicJwk): string {
  return canonicalize(jwk as unknown as JsonValue);
}

function agentIn(found: Row): AgentRecord {
  return Object.freeze({
    id: String(found['id']),
    tenant: String(found['tenant']),
    name: String(found['name']),
    spiffeId: String(found['spiffe_id']),
    state: String(found['state']) as AgentState,
    createdAt: Number(found['created_at']),
    version: Number(found['version']),
  });
}

function enrolmentIn(found: Row): EnrolmentRecord {
  return Object.freeze({
    hash: String(found['hash']),
    tenant: String(found['tenant']),
    name: String(found['name']),
    expiresAt: Number(found['expires_at']),
    createdBy: String(found['created_by']),
    agent: optional(found['agent'], String),
  });
}
