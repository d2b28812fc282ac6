import type { CaveatsInit, ToolMap } from '@taper/core';
import type { Grant, GrantSubject } from '../grant/grant.ts';
import { AuthorityRefusal } from '../refusal.ts';
import type { SubjectBounds } from './request.ts';

/** Whether a grant is for requests of this kind: at an exchange one that says so, and otherwise one that does not. */
export function servesSubject({ subject }: Grant, bounds: SubjectBounds | undefined): boolean {
  if (subject === undefined || bounds === undefined) return subject === bounds;
  if (subject.kind !== bounds.subject) return false;
  return subject.kind === 'chain' || subject.issuer === bounds.issuer;
}

/** What the subject has, in tools of ours. Scopes and foreign tools that the grant does not name give nothing. */
export function subjectTools(subject: GrantSubject, bounds: SubjectBounds): ToolMap {
  switch (subject.kind) {
    case 'chain':
      return required(bounds.tools);
    case 'foreign':
      return renamed(required(bounds.tools), subject.tools);
    case 'user': {
      const given = (bounds.scopes ?? []).filter((scope) => Object.hasOwn(subject.scopes, scope));
      return Object.fromEntries(
        given.flatMap((scope) => Object.entries(subject.scopes[scope] as ToolMap)),
      );
    }
  }
}

/** The caveats of the subject, about tools of ours. */
export function subjectCaveats(
  subject: GrantSubject,
  { caveats }: SubjectBounds,
): CaveatsInit | undefined {
  if (caveats === undefined || subject.kind !== 'foreign') return caveats;
  const { approvals, definitions, ...rest } = caveats;
  const kept = {
    approvals: renamed(approvals ?? {}, subject.tools),
    definitions: renamed(definitions ?? {}, subject.tools),
  };
  return {
    ...rest,
    ...(Object.keys(kept.approvals).length === 0 ? {} : { approvals: kept.approvals }),
    ...(Object.keys(kept.definitions).length === 0 ? {} : { definitions: kept.definitions }),
  };
}

function renamed<Value>(
  byForeign: { readonly [tool: string]: Value },
  names: { readonly [foreign: string]: string },
): { readonly [tool: string]: Value } {
  const own = Object.entries(byForeign).filter(([tool]) => Object.hasOwn(names, tool));
  return Object.fromEntries(own.map(([tool, value]) => [names[tool] as string, value]));
}

function required(tools: ToolMap | undefined): ToolMap {
  if (tools !== undefined) return tools;
  throw new AuthorityRefusal('subject_refused', 'The subject has no tools.', {
    facts: { reason: 'tools' },
  });
}
