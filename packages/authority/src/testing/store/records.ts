import { hash } from 'node:crypto';
import { type PublicJwk, writeAuthorityEntryBody } from '@taper/core';
import type {
  AgentRecord,
  EnrolmentRecord,
  GrantSetRecord,
  IssuanceRecord,
  KeyRecord,
  PeerRuleRecord,
  PendingIssuanceRecord,
} from '../../port/store.ts';

/** A time at which the contract plays: seconds since the epoch. */
export const T = 1_800_000_000;

/** 43 base64url characters, as hashes and thumbprints are. */
export function identifier(name: string): string {
  return hash('sha256', name, 'base64url');
}

export function agent(name: string, changes: Partial<AgentRecord> = {}): AgentRecord {
  const { tenant = 'acme' } = changes;
  return {
    id: `id-${tenant}-${name}`,
    tenant,
    name,
    spiffeId: `spiffe://example.com/${tenant}/agent/${name}`,
    state: 'active',
    createdAt: T,
    version: 1,
    ...changes,
  };
}

export function key(name: string, changes: Partial<KeyRecord> = {}): KeyRecord {
  const jwk: PublicJwk = { kty: 'OKP', crv: 'Ed25519', x: identifier(`x of ${name}`) };
  return {
    thumbprint: identifier(name),
    jwk,
    purpose: 'agent',
    holder: 'id-acme-triage',
    state: 'current',
    addedAt: T,
    endsAt: undefined,
    ...changes,
  };
}

export function enrolment(name: string, changes: Partial<EnrolmentRecord> = {}): EnrolmentRecord {
  return {
    hash: identifier(name),
    tenant: 'acme',
    name,
    expiresAt: T + 600,
    createdBy: 'ada',
    agent: undefined,
    ...changes,
  };
}

export function grantSet(version: number, changes: Partial<GrantSetRecord> = {}): GrantSetRecord {
  return {
    version,
    document: `{"grants":[],"number":${version}}`,
    appliedAt: T + version,
    appliedBy: 'ada',
    ...changes,
  };
}

export function issuance(name: string, changes: Partial<IssuanceRecord> = {}): IssuanceRecord {
  return {
    jti: `jti-${name}`,
    tokenHash: identifier(`token ${name}`),
    agent: 'id-acme-triage',
    tenant: 'acme',
    grant: 'triage',
    grantVersion: 1,
    kind: 'client_credentials',
    issuedAt: T,
    expiresAt: T + 3600,
    holder: identifier('key'),
    subjectHash: undefined,
    ...changes,
  };
}

export function pending(
  name: string,
  changes: Partial<PendingIssuanceRecord> = {},
): PendingIssuanceRecord {
  return {
    id: `pending-${name}`,
    tenant: 'acme',
    agent: 'id-acme-triage',
    grant: 'deploy',
    request: '{"tools":{}}',
    approvals: [],
    state: 'open',
    createdAt: T,
    expiresAt: T + 600,
    version: 1,
    ...changes,
  };
}

export function peerRule(name: string, changes: Partial<PeerRuleRecord> = {}): PeerRuleRecord {
  return {
    tenant: 'acme',
    agent: `spiffe://example.com/other/agent/${name}`,
    rule: 'allow',
    reason: 'a partner',
    addedAt: T,
    ...changes,
  };
}

/** The body of an entry that differs with the name. */
export function body(name: string): string {
  return writeAuthorityEntryBody({
    time: T,
    event: 'agent.suspended',
    tenant: 'acme',
    by: { kind: 'administrator', id: 'ada' },
    subject: { agent: name },
    details: {},
  });
}
