import { describe, expect, test } from 'vitest';
import { planGrants } from '../../src/grant/plan.ts';
import { readGrantSet } from '../../src/grant/read-grant-set.ts';
import { ANY_ARGUMENTS, documentOf, grantText } from './document.ts';

type Changes = Readonly<Record<string, unknown>>;

function plan(before: Changes, after: Changes) {
  const sets = [before, after].map((changes) => readGrantSet(documentOf(grantText(changes))));
  return planGrants(sets[0], sets[1] as (typeof sets)[number]);
}

/** Member, name, part and direction of every difference, both ways round. */
function both(before: Changes, after: Changes): readonly string[] {
  return [plan(before, after), plan(after, before)].map(({ changes, widens }) =>
    [
      ...changes.flatMap(({ differences }) =>
        differences.map(({ member, name, part, direction }) =>
          [member, name, part, direction].filter((text) => text !== undefined).join(' '),
        ),
      ),
      widens ? 'WIDENS' : 'narrows',
    ].join(', '),
  );
}

const range = (max: number): object => ({ constraint_type: 'range', min: 0, max });
const refund = (argument: object): Changes => ({ tools: { refund: argument } });
const caveats = (members: object): Changes => ({ caveats: members });
const user = (scopes: object): Changes => ({
  subject: { kind: 'user', issuer: 'https://idp.example', scopes },
});

describe('the plan', () => {
  test('of the first grants is that all of them are new', () => {
    const { changes, widens } = planGrants(undefined, readGrantSet(documentOf(grantText())));
    expect(changes).toMatchObject([{ tenant: 'acme', grant: 'refunds', change: 'added' }]);
    expect(widens).toBe(true);
  });

  test('of grants that go is that nobody gets more', () => {
    const { changes, widens } = planGrants(
      readGrantSet(documentOf(grantText())),
      readGrantSet(documentOf()),
    );
    expect(changes).toMatchObject([{ grant: 'refunds', change: 'removed' }]);
    expect(widens).toBe(false);
  });

  test('of the same grants, in whatever order and with whatever white space, is empty', () => {
    const [one, other] = [grantText(), grantText({ name: 'audit' })];
    const before = readGrantSet(documentOf(one, other));
    const after = readGrantSet(JSON.stringify(JSON.parse(documentOf(other, one)), undefined, 2));
    expect(planGrants(before, after)).toEqual({ changes: [], widens: false, unchanged: 2 });
  });

  test('knows two constraints that are written differently and allow the same', () => {
    const [a, b] = [
      { constraint_type: 'one_of', values: [1, 2] },
      { constraint_type: 'one_of', values: [2, 1] },
    ];
    expect(both(refund({ x: a }), refund({ x: b }))).toEqual(['narrows', 'narrows']);
  });

  test.each<readonly [string, Changes, Changes, string, string]>([
    [
      'an agent more',
      { agents: ['desk'] },
      { agents: ['desk', 'triage'] },
      'agents triage widened, WIDENS',
      'agents triage narrowed, narrows',
    ],
    [
      'a tool more',
      refund({ amount: range(1) }),
      { tools: { refund: { amount: range(1) }, lookup: ANY_ARGUMENTS } },
      'tools lookup widened, WIDENS',
      'tools lookup narrowed, narrows',
    ],
    [
      'a greater range',
      refund({ amount: range(1) }),
      refund({ amount: range(2) }),
      'tools refund amount widened, WIDENS',
      'tools refund amount narrowed, narrows',
    ],
    [
      'another argument allowed',
      refund({ amount: range(1) }),
      refund({ amount: range(1), note: { constraint_type: 'wildcard', optional: true } }),
      'tools refund note widened, WIDENS',
      'tools refund note narrowed, narrows',
    ],
    [
      'any other arguments',
      refund({ amount: range(1) }),
      refund({ amount: range(1), ...ANY_ARGUMENTS }),
      'tools refund * widened, WIDENS',
      'tools refund * narrowed, narrows',
    ],
    [
      'an argument made optional',
      refund({ amount: range(1) }),
      refund({ amount: { ...range(1), optional: true } }),
      'tools refund amount widened, WIDENS',
      'tools refund amount narrowed, narrows',
    ],
    [
      'deeper',
      { max_depth: 1 },
      { max_depth: 2 },
      'max_depth widened, WIDENS',
      'max_depth narrowed, narrows',
    ],
    [
      'longer',
      { lifetime: 60 },
      { lifetime: 61 },
      'lifetime widened, WIDENS',
      'lifetime narrowed, narrows',
    ],
    [
      'a later end',
      { ends: '2027-01-01T00:00:00Z' },
      { ends: '2027-01-01T00:00:01Z' },
      'ends widened, WIDENS',
      'ends narrowed, narrows',
    ],
    [
      'another place',
      { audience: ['https://a.example'] },
      { audience: ['https://a.example', 'https://b.example'] },
      'audience https://b.example widened, WIDENS',
      'audience https://b.example narrowed, narrows',
    ],
    [
      'any place',
      { audience: ['https://a.example'] },
      { audience: 'any' },
      'audience widened, WIDENS',
      'audience narrowed, narrows',
    ],
    [
      'fewer approvers of the issuance',
      { approvals: [{ group: 'finance', count: 2 }] },
      { approvals: [{ group: 'finance', count: 1 }] },
      'approvals finance widened, WIDENS',
      'approvals finance narrowed, narrows',
    ],
    [
      'no approvers of the issuance',
      { approvals: [{ group: 'finance', count: 1 }] },
      {},
      'approvals finance widened, WIDENS',
      'approvals finance narrowed, narrows',
    ],
    [
      'a caveat less',
      caveats({ purpose: 'case 7' }),
      {},
      'caveats.purpose widened, WIDENS',
      'caveats.purpose narrowed, narrows',
    ],
    [
      'a greater budget',
      caveats({ budget: { EUR: '9.50' } }),
      caveats({ budget: { EUR: '10' } }),
      'caveats.budget EUR widened, WIDENS',
      'caveats.budget EUR narrowed, narrows',
    ],
    [
      'fewer approvers of a call',
      caveats({ approvals: { refund: { finance: 2 } } }),
      caveats({ approvals: { refund: { finance: 1 } } }),
      'caveats.approvals refund finance widened, WIDENS',
      'caveats.approvals refund finance narrowed, narrows',
    ],
    [
      'older knowledge of revocations',
      caveats({ revocation: { log: 'l', max_staleness: 5 } }),
      caveats({ revocation: { log: 'l', max_staleness: 6 } }),
      'caveats.revocation widened, WIDENS',
      'caveats.revocation narrowed, narrows',
    ],
    [
      'a scope more',
      user({ a: { lookup: ANY_ARGUMENTS } }),
      user({ a: { lookup: ANY_ARGUMENTS }, b: { refund: { amount: range(1) } } }),
      'subject.scopes.b refund widened, WIDENS',
      'subject.scopes.b refund narrowed, narrows',
    ],
  ])('%s widens, and the reverse narrows', (_, before, after, there, back) => {
    expect(both(before, after)).toEqual([there, back]);
  });

  test.each<readonly [string, Changes, Changes, string]>([
    [
      'a range that moved',
      refund({ amount: range(5) }),
      refund({ amount: { constraint_type: 'range', min: 3, max: 9 } }),
      'tools refund amount',
    ],
    [
      'a constraint of another type',
      refund({ amount: range(5) }),
      refund({ amount: { constraint_type: 'not_one_of', excluded: [6] } }),
      'tools refund amount',
    ],
    ['another purpose', caveats({ purpose: 'a' }), caveats({ purpose: 'b' }), 'caveats.purpose'],
    [
      'another revocation log',
      caveats({ revocation: { log: 'l', max_staleness: 5 } }),
      caveats({ revocation: { log: 'm', max_staleness: 5 } }),
      'caveats.revocation',
    ],
    ['on behalf of others', {}, { subject: { kind: 'chain' } }, 'subject'],
    [
      'other users',
      user({ a: { lookup: ANY_ARGUMENTS } }),
      {
        subject: {
          kind: 'user',
          issuer: 'https://other.example',
          scopes: { a: { lookup: ANY_ARGUMENTS } },
        },
      },
      'subject',
    ],
  ])('%s cannot be compared, and counts as widening both ways', (_, before, after, what) => {
    expect(both(before, after)).toEqual([
      `${what} incomparable, WIDENS`,
      `${what} incomparable, WIDENS`,
    ]);
  });

  test('another reason for the same depth changes no authority', () => {
    expect(both({ max_depth_reason: 'one' }, { max_depth_reason: 'two' })).toEqual([
      'max_depth_reason worded, narrows',
      'max_depth_reason worded, narrows',
    ]);
  });

  test('one widening among many narrowings widens', () => {
    const { widens } = plan(
      { lifetime: 100, max_depth: 2 },
      { lifetime: 10, max_depth: 0, agents: ['desk', 'x'] },
    );
    expect(widens).toBe(true);
  });
});
