import {
  importPublicKey,
  type RevocationReason,
  type RevocationTarget,
  TaperError,
} from '@taper/core';
import { z } from 'zod';
import type { Authority } from '../../authority.ts';
import { agentSpiffeId } from '../../identity/spiffe-id.ts';
import type { AgentRecord, KeyRecord } from '../../port/store.ts';
import { AuthorityRefusal } from '../../refusal.ts';
import { type Endpoint, endpoint, inBody, inPath, inQuery } from '../endpoint.ts';
import {
  after,
  agentName,
  authorOf,
  compactJws,
  jwk,
  limit,
  reason,
  revoked,
  seconds,
  tenantName,
  thumbprint,
} from './schema.ts';

const AGENTS = '/admin/tenants/:tenant/agents';
const AGENT = `${AGENTS}/:agent`;

const agentShown = z.object({
  spiffe_id: z.string(),
  tenant: z.string(),
  name: z.string(),
  state: z.enum(['active', 'suspended', 'retired']),
  created_at: seconds,
  version: z.int(),
});

const keyShown = z.object({
  key: thumbprint,
  jwk,
  state: z.enum(['current', 'overlapping', 'former', 'compromised']),
  added_at: seconds,
  ends_at: seconds.optional(),
});

const place = { tenant: inPath(tenantName), agent: inPath(agentName) } as const;

const STATE_REFUSALS = ['agent_unknown', 'agent_name_invalid', 'agent_state_invalid'] as const;

export const AGENT_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    name: 'createEnrolment',
    method: 'POST',
    path: '/admin/tenants/:tenant/enrolments',
    summary:
      'Makes a one-time enrolment token for an agent. The answer is the only place where it stands.',
    access: { kind: 'administrator', tool: 'taper:admin/enrolment.create' },
    args: {
      tenant: inPath(tenantName),
      agent: inBody(agentName),
      lifetime: inBody(z.int().min(1).max(604_800).optional()),
    },
    status: 201,
    result: z.object({
      tenant: z.string(),
      name: z.string(),
      token: z.string(),
      hash: thumbprint,
      expires_at: seconds,
    }),
    refusals: ['agent_name_invalid', 'agent_exists'],
    async handle({ agents }, { args, caller }) {
      const { tenant, agent, lifetime } = args;
      const made = await agents.createEnrolment({
        tenant,
        name: agent,
        by: authorOf(caller),
        ...(lifetime === undefined ? {} : { lifetime }),
      });
      const { name, token, hash, expiresAt } = made;
      return { tenant: made.tenant, name, token, hash, expires_at: expiresAt };
    },
  }),
  endpoint({
    name: 'listAgents',
    method: 'GET',
    path: AGENTS,
    summary: 'Lists the agents of a tenant, a page at a time.',
    access: { kind: 'administrator', tool: 'taper:admin/agent.list' },
    args: {
      tenant: inPath(tenantName),
      state: inQuery(z.enum(['active', 'suspended', 'retired']).optional()),
      after: inQuery(after),
      limit: inQuery(limit),
    },
    status: 200,
    result: z.object({ agents: z.array(agentShown), next: z.string().optional() }),
    refusals: [],
    async handle({ agents }, { args }) {
      const { tenant, state, after: from, limit: most = 100 } = args;
      const found = await agents.list({
        tenant,
        limit: most,
        ...(state === undefined ? {} : { state }),
        ...(from === undefined ? {} : { after: from }),
      });
      const last = found.length === most ? found.at(-1)?.id : undefined;
      return { agents: found.map(showAgent), ...(last === undefined ? {} : { next: last }) };
    },
  }),
  endpoint({
    name: 'showAgent',
    method: 'GET',
    path: AGENT,
    summary: 'Shows an agent with all keys that it has and had.',
    access: { kind: 'administrator', tool: 'taper:admin/agent.show' },
    args: place,
    status: 200,
    result: agentShown.extend({ keys: z.array(keyShown) }),
    refusals: ['agent_unknown', 'agent_name_invalid'],
    async handle(authority, { args }) {
      const { agent, keys } = await authority.agents.find(idOf(authority, args));
      return { ...showAgent(agent), keys: keys.map(showKey) };
    },
  }),
  endpoint({
    name: 'suspendAgent',
    method: 'POST',
    path: `${AGENT}/suspend`,
    summary: 'Suspends an agent: it gets no identity and no root until it is resumed.',
    access: { kind: 'administrator', tool: 'taper:admin/agent.suspend' },
    args: place,
    status: 200,
    result: agentShown,
    refusals: STATE_REFUSALS,
    async handle(authority, { args, caller }) {
      const agent = idOf(authority, args);
      return showAgent(await authority.agents.suspend({ agent, by: authorOf(caller) }));
    },
  }),
  endpoint({
    name: 'resumeAgent',
    method: 'POST',
    path: `${AGENT}/resume`,
    summary: 'Ends the suspension of an agent.',
    access: { kind: 'administrator', tool: 'taper:admin/agent.resume' },
    args: place,
    status: 200,
    result: agentShown,
    refusals: STATE_REFUSALS,
    async handle(authority, { args, caller }) {
      const agent = idOf(authority, args);
      return showAgent(await authority.agents.resume({ agent, by: authorOf(caller) }));
    },
  }),
  endpoint({
    name: 'retireAgent',
    method: 'POST',
    path: `${AGENT}/retire`,
    summary: 'Retires an agent for good, and revokes all its keys.',
    access: { kind: 'administrator', tool: 'taper:admin/agent.retire' },
    args: { ...place, reason: inBody(reason) },
    status: 200,
    result: agentShown.extend({ revocations: z.array(revoked) }),
    refusals: STATE_REFUSALS,
    async handle(authority, { args, caller }) {
      const { agent, revocations } = await authority.agents.retire({
        agent: idOf(authority, args),
        by: authorOf(caller),
      });
      const made = await revokeEach(authority, revocations, args.reason ?? 'unspecified');
      return { ...showAgent(agent), revocations: made };
    },
  }),
  endpoint({
    name: 'compromiseKey',
    method: 'POST',
    path: `${AGENT}/compromise`,
    summary:
      'Marks a key of an agent as compromised, with those that it was replaced by under its own proof, and revokes all that they hold and signed.',
    access: { kind: 'administrator', tool: 'taper:admin/agent.compromise' },
    args: {
      ...place,
      key: inBody(thumbprint.optional()),
      keep_successors: inBody(z.boolean().optional()),
    },
    status: 200,
    result: agentShown.extend({
      key: thumbprint,
      marked: z.array(thumbprint),
      kept: z.array(thumbprint),
      revocations: z.array(revoked),
    }),
    refusals: ['agent_unknown', 'agent_name_invalid', 'key_not_current'],
    async handle(authority, { args, caller }) {
      const { agents } = authority;
      const { keys } = await agents.find(idOf(authority, args));
      // The key has to be one of this agent's: who may do this in one tenant may not do it in another.
      const found =
        args.key === undefined
          ? currentOf(keys)
          : keys.find(({ thumbprint: each }) => each === args.key);
      if (found === undefined)
        throw new AuthorityRefusal('key_not_current', 'The agent has no such key.');
      const key = found.thumbprint;
      const { agent, revocations, marked, kept } = await agents.markCompromised({
        key,
        by: authorOf(caller),
        keepSuccessors: args.keep_successors ?? false,
      });
      const made = await revokeEach(authority, revocations, 'key_compromised');
      return { ...showAgent(agent), key, marked: [...marked], kept: [...kept], revocations: made };
    },
  }),
  endpoint({
    name: 'replaceKey',
    method: 'POST',
    path: `${AGENT}/key`,
    summary:
      'Gives an agent a new key without the consent of the old one, by the right of the operator.',
    access: { kind: 'administrator', tool: 'taper:admin/agent.rotate' },
    args: {
      ...place,
      key: inBody(jwk),
      acceptance: inBody(compactJws),
      overlap: inBody(z.int().min(0).max(2_592_000).optional()),
    },
    status: 200,
    result: agentShown.extend({ statement: z.string().optional(), old_until: seconds }),
    refusals: [...STATE_REFUSALS, 'key_invalid', 'key_weak', 'key_in_use', 'possession_unproved'],
    async handle(authority, { args, caller }) {
      const { acceptance, overlap } = args;
      const rotated = await authority.agents.rotateKey({
        // The acceptance is signed by the new key, and is what proves it.
        possession: { key: readKey(args.key) },
        acceptance,
        authority: { kind: 'operator', agent: idOf(authority, args), by: authorOf(caller) },
        ...(overlap === undefined ? {} : { overlap }),
      });
      return {
        ...showAgent(rotated.agent),
        ...(rotated.statement === undefined ? {} : { statement: rotated.statement }),
        old_until: rotated.oldUntil,
      };
    },
  }),
];

function idOf(
  { trustDomain }: Authority,
  { tenant, agent }: { readonly tenant: string; readonly agent: string },
): string {
  return agentSpiffeId(trustDomain, { tenant, name: agent });
}

/** The current key; of an agent that has none since it was marked as compromised, that one: who was interrupted asks again. */
function currentOf(keys: readonly KeyRecord[]): KeyRecord | undefined {
  return (
    keys.find(({ state }) => state === 'current') ??
    keys.findLast(({ state }) => state === 'compromised')
  );
}

/**
 * Up to 256 keys are one target, so that all are revoked or none. Of more, those that come after a failure are not: the keys are marked already, and
 * who asks again has all of them revoked.
 */
async function revokeEach(
  { revocations }: Authority,
  targets: readonly RevocationTarget[],
  reasonGiven: RevocationReason,
): Promise<z.infer<typeof revoked>[]> {
  const made: z.infer<typeof revoked>[] = [];
  for (const target of targets) {
    const { index, entry } = await revocations.revoke(target, { reason: reasonGiven });
    made.push({ index, entry });
  }
  return made;
}

function readKey(given: Readonly<Record<string, string>>): ReturnType<typeof importPublicKey> {
  try {
    return importPublicKey(given);
  } catch (cause) {
    const weak = cause instanceof TaperError && cause.code === 'key_weak';
    throw new AuthorityRefusal(weak ? 'key_weak' : 'key_invalid', 'The key cannot be used.');
  }
}

function showAgent(agent: AgentRecord): z.infer<typeof agentShown> {
  const { spiffeId, tenant, name, state, createdAt, version } = agent;
  return { spiffe_id: spiffeId, tenant, name, state, created_at: createdAt, version };
}

function showKey({
  thumbprint: key,
  jwk: shown,
  state,
  addedAt,
  endsAt,
}: KeyRecord): z.infer<typeof keyShown> {
  return {
    key,
    jwk: { ...shown },
    state,
    added_at: addedAt,
    ...(endsAt === undefined ? {} : { ends_at: endsAt }),
  };
}
