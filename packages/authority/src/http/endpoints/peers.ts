import { z } from 'zod';
import type { PeerRuleRecord } from '../../port/store.ts';
import { type Endpoint, endpoint, inBody, inPath } from '../endpoint.ts';
import { authorOf, seconds, tenantName } from './schema.ts';

const spiffeId = z.string().min(1).max(2048);
const rule = z.object({
  agent: z.string(),
  rule: z.enum(['allow', 'block']),
  reason: z.string(),
  added_at: seconds,
});

/** Whom the agents of a tenant may deal with (docs/agents.md). */
export const PEER_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    name: 'listPeers',
    method: 'GET',
    path: '/admin/tenants/:tenant/peers',
    summary: 'Lists the agents that a tenant allows or blocks.',
    access: { kind: 'administrator', tool: 'taper:admin/peer.list' },
    args: { tenant: inPath(tenantName) },
    status: 200,
    result: z.object({ peers: z.array(rule) }),
    refusals: [],
    async handle({ peers }, { args }) {
      return { peers: (await peers.list(args.tenant)).map(show) };
    },
  }),
  endpoint({
    name: 'allowPeer',
    method: 'POST',
    path: '/admin/tenants/:tenant/peers/allow',
    summary: 'Puts an agent on the tenant’s allow list; it is not blocked any more.',
    access: { kind: 'administrator', tool: 'taper:admin/peer.allow' },
    args: { tenant: inPath(tenantName), agent: inBody(spiffeId), reason: inBody(z.string()) },
    status: 200,
    result: rule,
    refusals: [],
    async handle({ peers }, { args, caller }) {
      return show(await peers.allow({ ...args, by: authorOf(caller) }));
    },
  }),
  endpoint({
    name: 'blockPeer',
    method: 'POST',
    path: '/admin/tenants/:tenant/peers/block',
    summary: 'Blocks an agent for the tenant; it is not allowed any more.',
    access: { kind: 'administrator', tool: 'taper:admin/peer.block' },
    args: { tenant: inPath(tenantName), agent: inBody(spiffeId), reason: inBody(z.string()) },
    status: 200,
    result: rule,
    refusals: [],
    async handle({ peers }, { args, caller }) {
      return show(await peers.block({ ...args, by: authorOf(caller) }));
    },
  }),
  endpoint({
    name: 'removePeer',
    method: 'POST',
    path: '/admin/tenants/:tenant/peers/remove',
    summary: 'Takes an agent off the tenant’s list.',
    access: { kind: 'administrator', tool: 'taper:admin/peer.remove' },
    args: { tenant: inPath(tenantName), agent: inBody(spiffeId) },
    status: 200,
    result: z.object({ agent: z.string() }),
    refusals: ['peer_unknown'],
    async handle({ peers }, { args, caller }) {
      await peers.remove({ ...args, by: authorOf(caller) });
      return { agent: args.agent };
    },
  }),
];

function show({ agent, rule: kind, reason, addedAt }: PeerRuleRecord): z.infer<typeof rule> {
  return { agent, rule: kind, reason, added_at: addedAt };
}
