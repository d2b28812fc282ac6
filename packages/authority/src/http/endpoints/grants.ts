import { parseJson } from '@taper/core';
import { z } from 'zod';
import { MAX_GRANTS_LENGTH } from '../../grant/read-grant-set.ts';
import { type Endpoint, endpoint, hashOfContent, inQuery } from '../endpoint.ts';
import { authorOf, seconds } from './schema.ts';

const change = z.object({
  tenant: z.string(),
  grant: z.string(),
  change: z.enum(['added', 'removed', 'changed']),
  differences: z.array(
    z.object({
      member: z.string(),
      name: z.string().optional(),
      part: z.string().optional(),
      direction: z.enum(['widened', 'narrowed', 'incomparable', 'worded']),
      before: z.unknown().optional(),
      after: z.unknown().optional(),
    }),
  ),
});

/** Text of a number, as a query has it. */
const version = z
  .string()
  .regex(/^(?:0|[1-9][0-9]{0,8})$/)
  .transform(Number) as unknown as z.ZodType<number, string>;

/** Grants are one document for all tenants: who may apply it may give anything to anybody. */
export const GRANT_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    name: 'showGrants',
    method: 'GET',
    path: '/admin/grants',
    summary: 'Shows the grants in force, or those of an earlier version.',
    access: { kind: 'administrator', tool: 'taper:admin/grant.show' },
    args: { version: inQuery(version.optional()) },
    status: 200,
    result: z.object({
      version: z.int(),
      document: z.unknown().optional(),
      applied_at: seconds.optional(),
      applied_by: z.string().optional(),
    }),
    refusals: ['grant_none'],
    async handle({ grants }, { args }) {
      const found =
        args.version === undefined ? await grants.current() : await grants.version(args.version);
      if (found === undefined) return { version: 0 };
      const { set, appliedAt, appliedBy } = found;
      const document = parseJson(set.document, Number.POSITIVE_INFINITY);
      return {
        version: found.version,
        document: document.ok ? document.value : null,
        applied_at: appliedAt,
        applied_by: appliedBy,
      };
    },
  }),
  endpoint({
    name: 'applyGrants',
    method: 'PUT',
    path: '/admin/grants',
    summary:
      'Applies a document of grants, whole or not at all, in place of the version that is expected.',
    access: { kind: 'administrator', tool: 'taper:admin/grant.apply' },
    args: { document: hashOfContent(), expected: inQuery(version) },
    maxBody: 4 * MAX_GRANTS_LENGTH,
    status: 200,
    result: z.object({
      version: z.int(),
      widens: z.boolean(),
      unchanged: z.int(),
      changes: z.array(change),
    }),
    refusals: ['grant_malformed', 'grant_conflict'],
    async handle({ grants }, { args, caller, content }) {
      const { version: applied, plan } = await grants.apply(
        content,
        args.expected,
        authorOf(caller),
      );
      return {
        version: applied,
        widens: plan.widens,
        unchanged: plan.unchanged,
        changes: plan.changes as unknown as z.infer<typeof change>[],
      };
    },
  }),
];
