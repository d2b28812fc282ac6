import { TaperError } from '../error.ts';
import { isPublicKey, isWellKnownTestKey } from '../key.ts';
import type { Approver } from './approver.ts';
import { personOf } from './count.ts';
import { isGroupName } from './request.ts';

/** Groups of approvers by name. */
export type ApproverGroups = Readonly<Record<string, readonly Approver[]>>;

const MAX_NAME = 256;

/**
 * A copy of the groups, checked: every group has a name and at least one approver, every approver a name and a key, no person is
 * in one group twice or has two keys, and no key goes by two names, in whatever groups. So counting people and counting keys agree,
 * and whoever holds a chain with a key from one group is known in the others.
 * @throws {TaperError} `option_invalid`.
 */
export function readApproverGroups(
  groups: ApproverGroups,
): ReadonlyMap<string, readonly Approver[]> {
  const checked = new Map<string, readonly Approver[]>();
  const personByKey = new Map<string, string>();
  const keyByPerson = new Map<string, string>();
  for (const [group, approvers] of Object.entries(groups)) {
    if (!isGroupName(group))
      throw invalid('A group of approvers has no name that could be asked for.', NAMES);
    if (!Array.isArray(approvers) || approvers.length === 0) {
      throw invalid(`The group ${JSON.stringify(group)} has no approver.`, 'Leave the group out.');
    }
    const people = new Set<string>();
    for (const approver of approvers as readonly Approver[]) {
      checkApprover(group, approver);
      const person = personOf(approver);
      const { thumbprint } = approver.key;
      const isAnother =
        (personByKey.get(thumbprint) ?? person) !== person ||
        (keyByPerson.get(person) ?? thumbprint) !== thumbprint;
      if (people.has(person) || isAnother) {
        throw invalid(
          `In the group ${JSON.stringify(group)} one person or key stands twice.`,
          'A person counts once: give one key for each, and the same name wherever the key stands.',
        );
      }
      people.add(person);
      personByKey.set(thumbprint, person);
      keyByPerson.set(person, thumbprint);
    }
    const members = (approvers as readonly Approver[]).map(({ name, key }) =>
      Object.freeze({ name, key }),
    );
    checked.set(group, Object.freeze(members));
  }
  return checked;
}

const NAMES = '1 to 128 visible characters; spaces may stand between them.';

function checkApprover(group: string, approver: Approver): void {
  const { name, key } = approver;
  const where = `An approver of the group ${JSON.stringify(group)}`;
  if (typeof name !== 'string' || name.length > MAX_NAME || !/^[^\p{C}\p{Zl}\p{Zp}]+$/u.test(name))
    throw invalid(`${where} has no name.`, 'Such as ada@example.com; at most 256 characters.');
  if (personOf(approver) === '') throw invalid(`${where} has no name.`, 'Such as ada@example.com.');
  if (!isPublicKey(key)) throw invalid(`${where} has no key.`, 'Pass what importPublicKey gives.');
  if (!isWellKnownTestKey(key)) return;
  throw invalid(
    `${where} has a published test key: anybody can approve with it.`,
    'Make a key with `taper key new`.',
  );
}

function invalid(message: string, hint: string): TaperError {
  return new TaperError('option_invalid', message, { hint });
}
