import { z } from 'zod';
import { AuthorityRefusal } from '../../refusal.ts';
import { type Endpoint, endpoint, inPath, inQuery } from '../endpoint.ts';
import { after, authorOf, limit, seconds, tenantName } from './schema.ts';

const waiting = z.object({
  id: z.string(),
  tenant: z.string(),
  agent: z.string(),
  grant: z.string(),
  created_at: seconds,
  expires_at: seconds,
  requirements: z.array(z.object({ group: z.string(), count: z.int() })),
});

/** Issuances that wait for approvals. To approve one takes no administrator: an approval is a signature, sent to its address. */
export const WAITING_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    name: 'listWaiting',
    method: 'GET',
    path: '/admin/tenants/:tenant/waiting',
    summary: 'Lists issuances that wait for approvals, a page at a time.',
    access: { kind: 'administrator', tool: 'taper:admin/waiting.list' },
    args: { tenant: inPath(tenantName), after: inQuery(after), limit: inQuery(limit) },
    status: 200,
    result: z.object({ waiting: z.array(waiting), next: z.string().optional() }),
    refusals: [],
    async handle({ issuance }, { args }) {
      const { tenant, after: from, limit: most = 100 } = args;
      const page = await issuance.listWaiting({
        tenant,
        limit: most,
        ...(from === undefined ? {} : { after: from }),
      });
      return {
        waiting: page.waiting.map((each) => ({
          id: each.id,
          tenant: each.tenant,
          agent: each.agent,
          grant: each.grant,
          created_at: each.createdAt,
          expires_at: each.expiresAt,
          requirements: each.request.requirements.map(({ group, count }) => ({ group, count })),
        })),
        ...(page.next === undefined ? {} : { next: page.next }),
      };
    },
  }),
  endpoint({
    name: 'closeWaiting',
    method: 'DELETE',
    path: '/admin/tenants/:tenant/waiting/:id',
    summary: 'Ends the wait of an issuance: the root is not issued.',
    access: { kind: 'administrator', tool: 'taper:admin/waiting.close' },
    args: { tenant: inPath(tenantName), id: inPath(z.string().max(64)) },
    status: 200,
    result: z.object({ id: z.string() }),
    refusals: ['pending_unknown'],
    async handle({ issuance }, { args, caller }) {
      const { tenant } = await issuance.waiting(args.id);
      if (tenant !== args.tenant)
        throw new AuthorityRefusal('pending_unknown', 'No such issuance waits for approval.');
      await issuance.close(args.id, authorOf(caller));
      return { id: args.id };
    },
  }),
];
