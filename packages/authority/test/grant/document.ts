import type { JsonObject, ToolMap } from '@taper/core';

export const ANY_ARGUMENTS: ToolMap[string] = { '*': { constraint_type: 'wildcard' } };

/** A grant as it is written, with changes; `undefined` takes a member out. */
export function grantText(changes: Readonly<Record<string, unknown>> = {}): JsonObject {
  const grant = {
    name: 'refunds',
    tenant: 'acme',
    agents: ['desk'],
    tools: {
      refund: { amount: { constraint_type: 'range', min: 0, max: 100 } },
      lookup: ANY_ARGUMENTS,
    },
    audience: ['https://shop.example'],
    max_depth: 2,
    max_depth_reason: 'desk, triage and one worker',
    lifetime: 3600,
    ends: '2027-01-01T00:00:00Z',
    ...changes,
  };
  return JSON.parse(JSON.stringify(grant));
}

/** A whole document of grants. */
export function documentOf(...grants: readonly JsonObject[]): string {
  return JSON.stringify({ type: 'taper-grants', version: 1, grants });
}
