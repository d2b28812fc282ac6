import { readRevocationTarget } from '@taper/core';
import { z } from 'zod';
import { revokeFor } from '../../administration/revoke-for.ts';
import type { Authority } from '../../authority.ts';
import type { IssuanceRecord } from '../../port/store.ts';
import { AuthorityRefusal } from '../../refusal.ts';
import { type Endpoint, endpoint, inBody, inPath, inQuery } from '../endpoint.ts';
import {
  after,
  agentName,
  authorOf,
  limit,
  reason,
  revoked,
  seconds,
  tenantName,
  thumbprint,
} from './schema.ts';

const issuance = z.object({
  token_hash: thumbprint,
  jti: z.string(),
  agent: z.string(),
  grant: z.string(),
  grant_version: z.int(),
  kind: z.enum(['client_credentials', 'token_exchange']),
  issued_at: seconds,
  expires_at: seconds,
  key: thumbprint,
});

const name = z.string().min(1);

/** As `RevocationTarget` of core, with exactly the members of its kind. */
const target = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('token'), token: thumbprint, root: thumbprint }),
  z.strictObject({ kind: z.literal('key'), key: thumbprint }),
  z.strictObject({ kind: z.literal('agent'), agent: name, keys: z.array(thumbprint).min(1) }),
  z.strictObject({ kind: z.literal('tenant'), tenant: name, issued_before: seconds }),
]);

/** The authority's own right to revoke. Holders and issuers revoke at the revocation service, by requests that they sign. */
export const REVOCATION_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    name: 'revoke',
    method: 'POST',
    path: '/admin/revocations',
    summary:
      'Revokes a token, a key, an agent or a tenant’s tokens (spec/revocation.md section 3).',
    access: { kind: 'administrator', tool: 'taper:admin/revocation.add' },
    args: {
      target: inBody(target),
      reason: inBody(reason),
      expires_at: inBody(seconds.optional()),
    },
    status: 201,
    result: revoked,
    refusals: [],
    async handle(authority, { args, caller }) {
      const wanted = readRevocationTarget(args.target);
      if (wanted === undefined || (wanted.kind === 'token' && args.expires_at === undefined))
        throw new AuthorityRefusal('request_malformed', 'This is no target of a revocation.', {
          facts: { argument: wanted === undefined ? 'target' : 'expires_at' },
          hint: 'A token needs `expires_at`, its end or later.',
        });
      return revokeFor(authority, {
        target: wanted,
        tenant: wanted.kind === 'tenant' ? wanted.tenant : undefined,
        reason: args.reason,
        expiresAt: args.expires_at,
        by: authorOf(caller),
      });
    },
  }),
  endpoint({
    name: 'revokeTenant',
    method: 'POST',
    path: '/admin/tenants/:tenant/revocations',
    summary: 'Revokes all tokens of a tenant that are older than a time; by default, than now.',
    access: { kind: 'administrator', tool: 'taper:admin/revocation.tenant' },
    args: {
      tenant: inPath(tenantName),
      issued_before: inBody(seconds.optional()),
      reason: inBody(reason),
    },
    status: 201,
    result: revoked,
    refusals: [],
    async handle(authority, { args, caller }) {
      const { tenant, issued_before: before = authority.clock() } = args;
      return revokeFor(authority, {
        target: { kind: 'tenant', tenant, issued_before: before },
        tenant,
        reason: args.reason,
        by: authorOf(caller),
      });
    },
  }),
  endpoint({
    name: 'listIssuances',
    method: 'GET',
    path: '/admin/tenants/:tenant/agents/:agent/issuances',
    summary: 'Lists the roots that were issued to an agent, a page at a time.',
    access: { kind: 'administrator', tool: 'taper:admin/issuance.list' },
    args: {
      tenant: inPath(tenantName),
      agent: inPath(agentName),
      after: inQuery(after),
      limit: inQuery(limit),
    },
    status: 200,
    result: z.object({ issuances: z.array(issuance), next: z.string().optional() }),
    refusals: ['agent_unknown'],
    async handle({ store }, { args }) {
      const { tenant, agent: name, after: from, limit: most = 100 } = args;
      const found = await store.read(async (tx) => {
        const agent = await tx.findAgentByName(tenant, name);
        if (agent === undefined)
          throw new AuthorityRefusal('agent_unknown', 'There is no such agent.');
        return tx.listIssuances({
          agent: agent.id,
          limit: most,
          ...(from === undefined ? {} : { after: from }),
        });
      });
      const last = found.length === most ? found.at(-1)?.jti : undefined;
      return { issuances: found.map(show), ...(last === undefined ? {} : { next: last }) };
    },
  }),
  endpoint({
    name: 'revokeIssuance',
    method: 'POST',
    path: '/admin/tenants/:tenant/issuances/:token/revoke',
    summary:
      'Revokes a root that was issued to an agent of the tenant, and all that was derived from it.',
    access: { kind: 'administrator', tool: 'taper:admin/issuance.revoke' },
    args: { tenant: inPath(tenantName), token: inPath(thumbprint), reason: inBody(reason) },
    status: 201,
    result: revoked,
    refusals: ['issuance_unknown'],
    async handle(authority, { args, caller }) {
      const { tokenHash, expiresAt } = await requireIssuance(authority, args);
      return revokeFor(authority, {
        target: { kind: 'token', token: tokenHash, root: tokenHash },
        tenant: args.tenant,
        reason: args.reason,
        expiresAt,
        by: authorOf(caller),
      });
    },
  }),
];

/** One of the tenant's: of another tenant's nobody learns that it is there. */
async function requireIssuance(
  { store }: Authority,
  { tenant, token }: { readonly tenant: string; readonly token: string },
): Promise<IssuanceRecord> {
  const found = await store.read((tx) => tx.findIssuance(token));
  if (found !== undefined && found.tenant === tenant) return found;
  throw new AuthorityRefusal('issuance_unknown', 'No such root was issued in this tenant.');
}

function show(record: IssuanceRecord): z.infer<typeof issuance> {
  return {
    token_hash: record.tokenHash,
    jti: record.jti,
    agent: record.agent,
    grant: record.grant,
    grant_version: record.grantVersion,
    kind: record.kind,
    issued_at: record.issuedAt,
    expires_at: record.expiresAt,
    key: record.holder,
  };
}
