import type { JsonObject, JsonValue, RequiredApproval } from '@taper/core';
import { compareCaveats, isAtLeast, limited } from './compare-caveats.ts';
import { compareToolMaps } from './compare-tools.ts';
import {
  compareLimits,
  compareLists,
  compareMembers,
  difference,
  type GrantDifference,
} from './difference.ts';
import type { Grant, GrantSet, GrantSubject } from './grant.ts';

/** What applying does to one grant. */
export interface GrantChange {
  readonly tenant: string;
  readonly grant: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly differences: readonly GrantDifference[];
}

/** The difference in authority between the grants that are in force and others. */
export interface GrantPlan {
  /** In the order of tenant and name. */
  readonly changes: readonly GrantChange[];
  /** Whether somebody could get more than before, or it cannot be shown that nobody can. */
  readonly widens: boolean;
  /** Grants that stay as they are. */
  readonly unchanged: number;
}

/** Compares grants by what they allow, and not by how they are written. `before` is `undefined` where none were applied. */
export function planGrants(before: GrantSet | undefined, after: GrantSet): GrantPlan {
  const [old, fresh] = [byName(before?.grants ?? []), byName(after.grants)];
  let unchanged = 0;
  const changes: GrantChange[] = [];
  for (const name of [...new Set([...old.keys(), ...fresh.keys()])].sort()) {
    const change = compareGrants(old.get(name), fresh.get(name));
    if (change === undefined) unchanged += 1;
    else changes.push(change);
  }
  const widens = changes.some(({ differences }) =>
    differences.some(({ direction }) => direction === 'widened' || direction === 'incomparable'),
  );
  return Object.freeze({ changes: Object.freeze(changes), widens, unchanged });
}

function byName(grants: readonly Grant[]): ReadonlyMap<string, Grant> {
  return new Map(grants.map((grant) => [`${grant.tenant}/${grant.name}`, grant]));
}

function compareGrants(
  before: Grant | undefined,
  after: Grant | undefined,
): GrantChange | undefined {
  const { tenant, name: grant } = (after ?? before) as Grant;
  if (before === undefined || after === undefined) {
    const [change, direction] =
      before === undefined ? (['added', 'widened'] as const) : (['removed', 'narrowed'] as const);
    const differences = [
      difference({ member: 'grant' }, direction, summaryOf(before), summaryOf(after)),
    ];
    return Object.freeze({ tenant, grant, change, differences });
  }
  const differences = differencesOf(before, after);
  return differences.length === 0
    ? undefined
    : Object.freeze({ tenant, grant, change: 'changed', differences });
}

/** What a reader has to know of a grant that comes or goes as a whole. */
function summaryOf(grant: Grant | undefined): JsonObject | undefined {
  if (grant === undefined) return undefined;
  const { agents, tools, audience, maxDepth, lifetime, ends, approvals, caveats, subject } = grant;
  return {
    agents,
    tools: tools as unknown as JsonObject,
    audience,
    max_depth: maxDepth,
    lifetime,
    ends: writeInstant(ends),
    ...(approvals.length === 0 ? {} : { approvals: approvals.map((each) => ({ ...each })) }),
    ...(caveats === undefined ? {} : { caveats: caveats as unknown as JsonObject }),
    ...(subject === undefined ? {} : { subject: subject as unknown as JsonObject }),
  };
}

function differencesOf(before: Grant, after: Grant): readonly GrantDifference[] {
  return [
    ...compareLists('agents', before.agents, after.agents),
    ...compareToolMaps('tools', before.tools, after.tools),
    ...compareCaveats(before.caveats, after.caveats),
    ...compareAudiences(before.audience, after.audience),
    ...compareLimits({ member: 'max_depth' }, before.maxDepth, after.maxDepth),
    ...(before.maxDepthReason === after.maxDepthReason
      ? []
      : [
          difference(
            { member: 'max_depth_reason' },
            'worded',
            before.maxDepthReason,
            after.maxDepthReason,
          ),
        ]),
    ...compareLimits({ member: 'lifetime' }, before.lifetime, after.lifetime),
    ...compareLimits({ member: 'ends' }, before.ends, after.ends, writeInstant),
    ...compareMembers(counts(before.approvals), counts(after.approvals), (name, old, fresh) =>
      limited({ member: 'approvals', name }, old, fresh, isAtLeast),
    ),
    ...compareSubjects(before.subject, after.subject),
  ];
}

function compareAudiences(
  before: Grant['audience'],
  after: Grant['audience'],
): readonly GrantDifference[] {
  if (before === 'any' || after === 'any') {
    if (before === after) return [];
    return [
      difference({ member: 'audience' }, after === 'any' ? 'widened' : 'narrowed', before, after),
    ];
  }
  return compareLists('audience', before, after);
}

function counts(approvals: readonly RequiredApproval[]): { readonly [group: string]: number } {
  return Object.fromEntries(approvals.map(({ group, count }) => [group, count]));
}

function compareSubjects(
  before: GrantSubject | undefined,
  after: GrantSubject | undefined,
): readonly GrantDifference[] {
  if (before?.kind === 'user' && after?.kind === 'user' && before.issuer === after.issuer) {
    return compareMembers(before.scopes, after.scopes, (scope, old, fresh) =>
      compareToolMaps(`subject.scopes.${scope}`, old, fresh),
    );
  }
  if (before?.kind === 'foreign' && after?.kind === 'foreign' && before.issuer === after.issuer) {
    return compareMembers(before.tools, after.tools, (name, old, fresh) => {
      if (old === fresh) return [];
      const at = { member: 'subject.tools', name };
      if (old === undefined) return [difference(at, 'widened', undefined, fresh)];
      return [difference(at, fresh === undefined ? 'narrowed' : 'incomparable', old, fresh)];
    });
  }
  if (before?.kind === after?.kind && before?.kind !== 'user' && before?.kind !== 'foreign')
    return [];
  return [
    difference(
      { member: 'subject' },
      'incomparable',
      before as unknown as JsonValue | undefined,
      after as unknown as JsonValue | undefined,
    ),
  ];
}

/** RFC 3339. */
function writeInstant(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, -5)}Z`;
}
