import { z } from 'zod';
import type { Administrator } from '../../administration/administrator-record.ts';
import type { AddedAdministrator } from '../../administration/administrators.ts';
import { type Endpoint, endpoint, inBody, inPath } from '../endpoint.ts';
import { authorOf, jwk, revoked, seconds, tenantName, thumbprint } from './schema.ts';

const name = z.string().min(1).max(63);

const shown = z.object({
  name,
  tenant: tenantName.optional(),
  key: thumbprint,
  added_at: seconds,
  removed_at: seconds.optional(),
});

const added = shown.extend({
  chain: z.array(z.string()),
  expires_at: seconds,
});

export const ADMINISTRATOR_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    name: 'addAdministrator',
    method: 'POST',
    path: '/admin/administrators',
    summary: 'Adds an administrator, of one tenant or of all, and issues the root token.',
    access: { kind: 'administrator', tool: 'taper:admin/administrator.add' },
    args: { name: inBody(name), key: inBody(jwk), tenant: inBody(tenantName.optional()) },
    status: 201,
    result: added,
    refusals: ['key_invalid', 'key_weak', 'key_in_use', 'administrator_exists'],
    async handle({ administrators }, { args, caller }) {
      const { name: wanted, key, tenant } = args;
      const made = await administrators.add(
        { name: wanted, jwk: key, ...(tenant === undefined ? {} : { tenant }) },
        authorOf(caller),
      );
      return showAdded(made);
    },
  }),
  endpoint({
    name: 'listAdministrators',
    method: 'GET',
    path: '/admin/administrators',
    summary: 'Lists all administrators that there are and were.',
    access: { kind: 'administrator', tool: 'taper:admin/administrator.list' },
    args: {},
    status: 200,
    result: z.object({ administrators: z.array(shown) }),
    refusals: [],
    async handle({ administrators }) {
      return { administrators: (await administrators.list()).map(show) };
    },
  }),
  endpoint({
    name: 'removeAdministrator',
    method: 'DELETE',
    path: '/admin/administrators/:name',
    summary: 'Takes the right of an administrator away, for good, and revokes the key.',
    access: { kind: 'administrator', tool: 'taper:admin/administrator.remove' },
    args: { name: inPath(name) },
    status: 200,
    result: shown.extend({ revocation: revoked }),
    refusals: ['administrator_unknown', 'administrator_last'],
    async handle({ administrators, revocations }, { args, caller }) {
      const removed = await administrators.remove(args.name, authorOf(caller));
      const { index, entry } = await revocations.revoke(
        { kind: 'key', key: removed.thumbprint },
        { reason: 'unspecified' },
      );
      return { ...show(removed), revocation: { index, entry } };
    },
  }),
  endpoint({
    name: 'renewAdministrator',
    method: 'POST',
    path: '/admin/administrators/self/renewal',
    summary: 'Issues a new root token to the administrator who asks, for the same key and tools.',
    access: { kind: 'administrator', tool: 'taper:admin/administrator.renew' },
    args: {},
    status: 201,
    result: added,
    refusals: ['administrator_unknown'],
    async handle({ administrators }, { caller }) {
      const key = caller.kind === 'administrator' ? caller.key.thumbprint : '';
      return showAdded(await administrators.renew(key));
    },
  }),
];

function show({
  name: of,
  tenant,
  thumbprint: key,
  addedAt,
  removedAt,
}: Administrator): z.infer<typeof shown> {
  return {
    name: of,
    ...(tenant === undefined ? {} : { tenant }),
    key,
    added_at: addedAt,
    ...(removedAt === undefined ? {} : { removed_at: removedAt }),
  };
}

function showAdded({ administrator, chain }: AddedAdministrator): z.infer<typeof added> {
  return {
    ...show(administrator),
    chain: chain.tokens.map(({ compact }) => compact),
    expires_at: chain.leaf.claims.exp,
  };
}
