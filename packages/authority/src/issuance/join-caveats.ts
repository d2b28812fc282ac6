import { type CaveatsInit, canonicalize, type JsonValue } from '@taper/core';
import { isAtMost } from '../grant/amount.ts';
import { AuthorityRefusal } from '../refusal.ts';

type Members<Value> = { readonly [name: string]: Value };

/**
 * What both ask of every call, as caveats of one root: the smaller budget, the greater number of approvers, the fresher knowledge of
 * revocations. What cannot be said in one root is refused and not left out.
 * @throws {AuthorityRefusal} `subject_refused`, with the caveat.
 */
export function joinedCaveats(grant: CaveatsInit, subject: CaveatsInit | undefined): CaveatsInit {
  if (subject === undefined) return grant;
  const joined: { readonly [Member in keyof CaveatsInit]: CaveatsInit[Member] | undefined } = {
    tenant: same('tenant', grant.tenant, subject.tenant),
    purpose: same('purpose', grant.purpose, subject.purpose),
    budget: merged(grant.budget, subject.budget, smallerAmount),
    approvals: merged(grant.approvals, subject.approvals, (left, right) =>
      mergedMembers(left, right, Math.max),
    ),
    definitions: merged(grant.definitions, subject.definitions, (left, right) =>
      same('definitions', left, right),
    ),
    revocation: joinedRevocation(grant.revocation, subject.revocation),
  };
  const asked = Object.entries(joined).filter(([, value]) => value !== undefined);
  return Object.fromEntries(asked);
}

function same<Value extends JsonValue | undefined>(
  caveat: string,
  left: Value,
  right: Value,
): Value {
  if (left === undefined || right === undefined) return left ?? right;
  if (canonicalize(left) === canonicalize(right)) return left;
  throw new AuthorityRefusal('subject_refused', `The ${caveat} of the subject cannot be kept.`, {
    facts: { reason: 'caveat', caveat },
  });
}

function merged<Value>(
  left: Members<Value> | undefined,
  right: Members<Value> | undefined,
  join: (left: Value, right: Value) => Value,
): Members<Value> | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return mergedMembers(left, right, join);
}

function mergedMembers<Value>(
  left: Members<Value>,
  right: Members<Value>,
  join: (left: Value, right: Value) => Value,
): Members<Value> {
  const members = new Map(Object.entries(left));
  for (const [name, value] of Object.entries(right)) {
    const before = members.get(name);
    members.set(name, before === undefined ? value : join(before, value));
  }
  return Object.fromEntries(members);
}

function smallerAmount(left: string, right: string): string {
  return isAtMost(left, right) ? right : left;
}

function joinedRevocation(
  left: CaveatsInit['revocation'],
  right: CaveatsInit['revocation'],
): CaveatsInit['revocation'] {
  if (left === undefined || right === undefined) return left ?? right;
  return {
    log: same('revocation', left.log, right.log),
    epoch: Math.max(left.epoch, right.epoch),
    max_staleness: Math.min(left.max_staleness, right.max_staleness),
  };
}
