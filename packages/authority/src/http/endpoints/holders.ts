import { z } from 'zod';
import type { IssuedIdentity } from '../../identity/agents.ts';
import { AuthorityRefusal } from '../../refusal.ts';
import { type Caller, type Endpoint, endpoint, inBody } from '../endpoint.ts';
import { compactJws, seconds, thumbprint } from './schema.ts';

const identity = z.object({
  spiffe_id: z.string(),
  tenant: z.string(),
  name: z.string(),
  /** `wit+jwt`, compact. */
  identity: z.string(),
  expires_at: seconds,
});

/** What agents do with their own keys. */
export const HOLDER_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    name: 'enrolAgent',
    method: 'POST',
    path: '/agents',
    summary:
      'Makes the key that is proved an agent’s, by an enrolment token or a workload identity; or gives it to the agent of a workload that comes back.',
    access: { kind: 'possession' },
    args: {
      enrolment: inBody(z.string().min(1).max(256).optional()),
      workload: inBody(z.string().min(1).max(16_384).optional()),
    },
    status: 201,
    result: identity,
    refusals: [
      'possession_unproved',
      'nonce_required',
      'enrolment_refused',
      'identity_refused',
      'issuer_untrusted',
      'issuer_unavailable',
      'key_invalid',
      'key_weak',
      'key_in_use',
      'agent_exists',
      'agent_name_invalid',
      'agent_suspended',
      'agent_retired',
      'agent_state_invalid',
      'key_not_current',
      'replayed',
    ],
    async handle({ agents }, { args, caller }) {
      const { enrolment, workload } = args;
      if ((enrolment === undefined) === (workload === undefined))
        throw new AuthorityRefusal(
          'request_malformed',
          'An agent enrols by one of `enrolment` and `workload`.',
        );
      const admission =
        enrolment === undefined
          ? ({ kind: 'workload', token: workload as string } as const)
          : ({ kind: 'enrolment', token: enrolment } as const);
      return show(await agents.enrol({ possession: possessionOf(caller), admission }));
    },
  }),
  endpoint({
    name: 'renewIdentity',
    method: 'POST',
    path: '/identity',
    summary: 'Issues a new identity document to the agent whose key is proved.',
    access: { kind: 'possession' },
    args: {},
    status: 200,
    result: identity,
    refusals: [
      'possession_unproved',
      'nonce_required',
      'agent_unknown',
      'agent_suspended',
      'agent_retired',
      'key_not_current',
    ],
    admit: ({ agents }, { caller }) => agents.agentOfKey(possessionOf(caller).key.thumbprint),
    async handle({ agents }, { caller }) {
      return show(await agents.renewIdentity(possessionOf(caller)));
    },
  }),
  endpoint({
    name: 'rotateKey',
    method: 'POST',
    path: '/key',
    summary: 'Replaces the agent’s key by the one that is proved, with the consent of the old one.',
    access: { kind: 'possession' },
    args: {
      old_key: inBody(thumbprint),
      consent: inBody(compactJws),
      acceptance: inBody(compactJws),
      overlap: inBody(z.int().min(0).max(2_592_000).optional()),
    },
    status: 200,
    result: z.object({
      spiffe_id: z.string(),
      statement: z.string().optional(),
      old_until: seconds,
    }),
    refusals: [
      'possession_unproved',
      'nonce_required',
      'agent_unknown',
      'agent_suspended',
      'agent_retired',
      'agent_state_invalid',
      'key_not_current',
      'key_invalid',
      'key_weak',
      'key_in_use',
    ],
    async admit({ store }, { args }) {
      const key = await store.read((tx) => tx.findKey(args.old_key));
      if (key?.purpose !== 'agent')
        throw new AuthorityRefusal('agent_unknown', 'There is no agent with this key.');
    },
    async handle({ agents }, { args, caller }) {
      const { old_key: oldKey, consent, acceptance, overlap } = args;
      const { agent, statement, oldUntil } = await agents.rotateKey({
        possession: possessionOf(caller),
        acceptance,
        authority: { kind: 'holder', oldKey, consent },
        ...(overlap === undefined ? {} : { overlap }),
      });
      return {
        spiffe_id: agent.spiffeId,
        ...(statement === undefined ? {} : { statement }),
        old_until: oldUntil,
      };
    },
  }),
];

function possessionOf(caller: Caller): {
  readonly key: Extract<Caller, { kind: 'holder' }>['key'];
} {
  if (caller.kind === 'holder') return { key: caller.key };
  throw new Error('only who proved a key comes here');
}

function show({ agent, document, expiresAt }: IssuedIdentity): z.infer<typeof identity> {
  const { spiffeId, tenant, name } = agent;
  return { spiffe_id: spiffeId, tenant, name, identity: document, expires_at: expiresAt };
}
