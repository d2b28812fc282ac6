import { REVOCATION_REASONS, type RevocationReason } from '@taper/core';
import { z } from 'zod';
import type { EntryAuthor } from '../../administration/administrators.ts';
import type { Caller } from '../endpoint.ts';

/** Shapes that several endpoints share. What a value means is judged by the authority; here is only what it looks like. */
export const tenantName: z.ZodString = z.string().min(1).max(255);
export const agentName: z.ZodString = z.string().min(1).max(255);
export const thumbprint: z.ZodString = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
export const seconds: z.ZodNumber = z.int().min(0);
export const jwk: z.ZodType<Record<string, string>> = z.record(z.string(), z.string().max(128));
export const compactJws: z.ZodString = z.string().min(1).max(16_384);
export const reason: z.ZodOptional<z.ZodType<RevocationReason>> = z
  .enum(REVOCATION_REASONS as readonly [RevocationReason, ...RevocationReason[]])
  .optional() as never;

/** Where a revocation stands in the authority's log. */
export const revoked: z.ZodObject<{ index: z.ZodNumber; entry: z.ZodString }> = z.object({
  index: z.int(),
  entry: z.string(),
});

/** A page of a list: records after one, in the order of the list. */
export const after: z.ZodOptional<z.ZodString> = z.string().max(64).optional();
export const limit: z.ZodOptional<z.ZodType<number, string>> = z
  .string()
  .regex(/^[1-9][0-9]{0,3}$/)
  .transform(Number)
  .pipe(z.number().max(1000))
  .optional() as never;

/** An administrator, as the author of a change; beside the name the key that called, where it is another's. */
export function authorOf(caller: Caller): EntryAuthor & { readonly kind: 'administrator' } {
  if (caller.kind !== 'administrator') throw new Error('only administrators come here');
  const { name, delegate } = caller;
  return {
    kind: 'administrator',
    id: name,
    ...(delegate === undefined ? {} : { delegate: delegate.thumbprint }),
  };
}
