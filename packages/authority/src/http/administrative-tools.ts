import { constraint, type JsonObject, type ToolMap } from '@taper/core';
import { type Endpoint, isOptional } from './endpoint.ts';

/**
 * The tools of an administrator. Of all tenants: every tool with any arguments. Of one tenant: the tools that name a tenant, with this
 * one, and what everybody needs for himself.
 */
export function administrativeTools(
  endpoints: readonly Endpoint[],
  tenant: string | undefined,
): ToolMap {
  const tools: Record<string, Record<string, JsonObject>> = {};
  for (const { access, args } of endpoints) {
    if (access.kind !== 'administrator') continue;
    if (tenant === undefined || access.tool === 'taper:admin/administrator.renew') {
      tools[access.tool] = {};
      continue;
    }
    if (!isOfTenant(args)) continue;
    tools[access.tool] = Object.fromEntries(
      Object.entries(args).map(([name, argument]) => {
        if (name === 'tenant') return [name, constraint.exact(tenant)];
        const any = constraint.wildcard();
        return [name, isOptional(argument) ? constraint.optional(any) : any];
      }),
    );
  }
  return tools;
}

/** Whether the path says which tenant it is about: a tenant that may be left out bounds nothing. */
function isOfTenant(args: Endpoint['args']): boolean {
  return Object.hasOwn(args, 'tenant') && args['tenant']?.from === 'path';
}
