import {
  type AgentRecord,
  type AgentRecords,
  type AgentState,
  type EnrolmentRecord,
  type KeyRecord,
  type KeyState,
  StoreError,
} from '@taper/authority';
import { canonicalize, type JsonValue, type PublicJwk, parseJson, TaperError } from '@taper/core';
import { type Row, statement } from '../statement.ts';
import type { PostgresSession } from '../transaction.ts';
import { changedSince, listing, numberOrNothing, rowOf, textOrNothing, written } from './row.ts';

const AGENT = statement('SELECT * FROM agent WHERE id = $1');
const AGENT_BY_NAME = statement('SELECT * FROM agent WHERE tenant = $1 AND name = $2');
const AGENT_BY_SPIFFE_ID = statement('SELECT * FROM agent WHERE spiffe_id = $1');
/** Both tables have a `state`. */
const BOTH =
  'agent.*, thumbprint, jwk, purpose, holder, holder_key.state AS key_state, added_at, ends_at';
const AGENT_WITH_KEYS = statement(`
  SELECT ${BOTH} FROM agent LEFT JOIN holder_key ON purpose = 'agent' AND holder = agent.id
  WHERE spiffe_id = $1 ORDER BY added_at, thumbprint`);
const HELD_KEY = statement(`
  SELECT ${BOTH} FROM holder_key LEFT JOIN agent ON purpose = 'agent' AND agent.id = holder
  WHERE thumbprint = $1`);
const ADD_AGENT = statement(`
  INSERT INTO agent (id, tenant, name, spiffe_id, state, created_at, version)
  VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING 1`);
const CHANGE_AGENT = statement(`
  UPDATE agent SET state = $5, version = $7
  WHERE id = $1 AND version = $7::bigint - 1 AND tenant = $2 AND name = $3 AND spiffe_id = $4 AND created_at = $6 AND (state <> 'retired' OR $5 = 'retired')
  RETURNING 1`);
const KEY = statement('SELECT * FROM holder_key WHERE thumbprint = $1');
const KEYS = statement(
  'SELECT * FROM holder_key WHERE purpose = $1 AND holder = $2 ORDER BY added_at, thumbprint',
);
const ADD_KEY = statement(`
  INSERT INTO holder_key (thumbprint, jwk, purpose, holder, state, added_at, ends_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING 1`);
const CHANGE_KEY = statement(`
  UPDATE holder_key SET state = $5, ends_at = $7
  WHERE thumbprint = $1 AND jwk = $2 AND purpose = $3 AND holder = $4 AND added_at = $6
    AND array_position(ARRAY['current', 'overlapping', 'former', 'compromised'], state)
      <= array_position(ARRAY['current', 'overlapping', 'former', 'compromised'], $5)
  RETURNING 1`);
const ENROLMENT = statement('SELECT * FROM enrolment WHERE hash = $1');
const ADD_ENROLMENT = statement(`
  INSERT INTO enrolment (hash, tenant, name, expires_at, created_by, agent)
  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1`);
const CHANGE_ENROLMENT = statement(`
  UPDATE enrolment SET expires_at = $4, agent = $6
  WHERE hash = $1 AND tenant = $2 AND name = $3 AND created_by = $5 AND expires_at >= $4::bigint
    AND (agent IS NULL OR agent = $6::text)
  RETURNING 1`);

/** Agents, keys and enrolments. What stands for good is a condition of each update. */
export function agentPart(session: PostgresSession): AgentRecords {
  return {
    findAgent: (id) => rowOf(session, AGENT, [id], agentIn),
    findAgentByName: (tenant, name) => rowOf(session, AGENT_BY_NAME, [tenant, name], agentIn),
    findAgentBySpiffeId: (spiffeId) => rowOf(session, AGENT_BY_SPIFFE_ID, [spiffeId], agentIn),
    async findAgentWithKeys(spiffeId) {
      const rows = await session.query(AGENT_WITH_KEYS, [spiffeId]);
      const [first] = rows;
      if (first === undefined) return undefined;
      const keys = rows.filter((row) => row['thumbprint'] !== null);
      return { agent: agentIn(first), keys: keys.map((row) => keyIn(row, 'key_state')) };
    },
    async listAgents({ tenant, state, ...page }) {
      const { asked, values } = listing('agent', 'id', page, { tenant, state });
      return (await session.query(asked, values)).map(agentIn);
    },
    insertAgent: (record) =>
      written(
        session,
        ADD_AGENT,
        agentValues(record),
        () => new StoreError('agent', 'There is such an agent already.'),
      ),
    updateAgent: (record) =>
      written(session, CHANGE_AGENT, agentValues(record), () => changedSince('agent')),

    findKey: (thumbprint) => rowOf(session, KEY, [thumbprint], (row) => keyIn(row)),
    findHeldKey: (thumbprint) =>
      rowOf(session, HELD_KEY, [thumbprint], (row) => ({
        key: keyIn(row, 'key_state'),
        agent: row['id'] === null ? undefined : agentIn(row),
      })),
    listKeys: async (purpose, holder) =>
      (await session.query(KEYS, [purpose, holder])).map((row) => keyIn(row)),
    insertKey: (record) =>
      written(
        session,
        ADD_KEY,
        keyValues(record),
        () => new StoreError('key', 'The key is, or was, in use.'),
      ),
    updateKey: (record) =>
      written(session, CHANGE_KEY, keyValues(record), () => changedSince('key')),

    findEnrolment: (hash) => rowOf(session, ENROLMENT, [hash], enrolmentIn),
    insertEnrolment: (record) =>
      written(
        session,
        ADD_ENROLMENT,
        enrolmentValues(record),
        () => new StoreError('enrolment', 'There is such an enrolment already.'),
      ),
    updateEnrolment: (record) =>
      written(session, CHANGE_ENROLMENT, enrolmentValues(record), () => changedSince('enrolment')),
  };
}

function agentValues({ id, tenant, name, spiffeId, state, createdAt, version }: AgentRecord) {
  return [id, tenant, name, spiffeId, state, createdAt, version];
}

function agentIn(row: Row): AgentRecord {
  return Object.freeze({
    id: String(row['id']),
    tenant: String(row['tenant']),
    name: String(row['name']),
    spiffeId: String(row['spiffe_id']),
    state: String(row['state']) as AgentState,
    createdAt: Number(row['created_at']),
    version: Number(row['version']),
  });
}

function keyValues({ thumbprint, jwk, purpose, holder, state, addedAt, endsAt }: KeyRecord) {
  const text = canonicalize(jwk as unknown as JsonValue);
  return [thumbprint, text, purpose, holder, state, addedAt, endsAt ?? null];
}

function keyIn(row: Row, state = 'state'): KeyRecord {
  const parsed = parseJson(String(row['jwk']));
  if (!parsed.ok) {
    throw new TaperError('store_unusable', 'The database holds a damaged key.', {
      hint: 'Something else has written to it. Follow "Restoring" in docs/postgres.md.',
    });
  }
  return Object.freeze({
    thumbprint: String(row['thumbprint']),
    jwk: parsed.value as unknown as PublicJwk,
    purpose: String(row['purpose']) as KeyRecord['purpose'],
    holder: String(row['holder']),
    state: String(row[state]) as KeyState,
    addedAt: Number(row['added_at']),
    endsAt: numberOrNothing(row['ends_at']),
  });
}

function enrolmentValues({ hash, tenant, name, expiresAt, createdBy, agent }: EnrolmentRecord) {
  return [hash, tenant, name, expiresAt, createdBy, agent ?? null];
}

function enrolmentIn(row: Row): EnrolmentRecord {
  return Object.freeze({
    hash: String(row['hash']),
    tenant: String(row['tenant']),
    name: String(row['name']),
    expiresAt: Number(row['expires_at']),
    createdBy: String(row['created_by']),
    agent: textOrNothing(row['agent']),
  });
}
