import { type ApprovalAction, approve } from '@taper/core';
import { TEST_TIME as NOW, present, type TestKey, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  type ApprovalRequirement,
  type Approver,
  type CountOptions,
  countApprovals,
  createMemoryApprovalSource,
  mergeRequirements,
} from '../../src/index.ts';

const [ada, grace, eve, agent] = ['ada', 'grace', 'eve', 'agent'].map((name) => testKey(name)) as [
  TestKey,
  TestKey,
  TestKey,
  TestKey,
];
/** Another key of the same person. */
const adasPhone = testKey('ada on the phone', 'ES256');

const ACTION: ApprovalAction = {
  tool: 'pay',
  arguments: { amount: '120.00' },
  tokens: ['h'.repeat(43)],
  enforcementPoint: 'https://tools.example.com',
  nonce: 'n'.repeat(22),
  issuedAt: NOW,
  expiresAt: NOW + 900,
};

function approver(name: string, { publicKey }: TestKey): Approver {
  return { name, key: publicKey };
}

const GROUPS = new Map<string, readonly Approver[]>([
  ['finance', [approver('Ada', ada), approver('Grace', grace), approver('ADA ', adasPhone)]],
  ['board', [approver('Ada', ada), approver('Eve', eve), approver('Ada', adasPhone)]],
  ['nobody', []],
]);

let serial = 0;

function by(key: TestKey, group = 'finance', action = ACTION, expiresAt = action.expiresAt) {
  serial += 1;
  return approve({ action, group, signer: key.signer, now: NOW, id: `id-${serial}`, expiresAt });
}

function count(approvals: readonly string[], changes: Partial<CountOptions> = {}) {
  return countApprovals(approvals, {
    action: ACTION,
    requirements: [{ group: 'finance', count: 2 }],
    approversOf: (group) => GROUPS.get(group),
    holders: [agent.publicKey.thumbprint],
    now: NOW,
    ...changes,
  });
}

function codeOf(counted: ReturnType<typeof countApprovals>): string {
  return 'code' in counted ? counted.code : `missing ${counted.missing.length}`;
}

describe('approvals', () => {
  test('of different people count, each once, and what is missing is said', async () => {
    const both = count([await by(ada), await by(grace)]);
    expect(both).toMatchObject({
      valid: [
        { group: 'finance', approver: 'Ada', thumbprint: ada.publicKey.thumbprint },
        { group: 'finance', approver: 'Grace', thumbprint: grace.publicKey.thumbprint },
      ],
      missing: [],
    });
    expect(count([await by(ada)])).toMatchObject({ missing: [{ group: 'finance', count: 1 }] });
    expect(count([])).toMatchObject({ valid: [], missing: [{ group: 'finance', count: 2 }] });
  });

  test('of more people than needed are no harm', async () => {
    const requirements = [{ group: 'finance', count: 1 }];
    expect(codeOf(count([await by(ada), await by(grace)], { requirements }))).toBe('missing 0');
  });

  test('count for the group they name and for no other', async () => {
    const requirements = [
      { group: 'finance', count: 1 },
      { group: 'board', count: 1 },
    ];
    expect(count([await by(ada)], { requirements })).toMatchObject({
      missing: [{ group: 'board', count: 1 }],
    });
    const both = [await by(grace), await by(eve, 'board')];
    expect(codeOf(count(both, { requirements }))).toBe('missing 0');
  });
});

describe('one approver is not two (P09)', () => {
  test('with one approval twice, or two approvals of one key', async () => {
    const once = await by(ada);
    expect(codeOf(count([once, once]))).toBe('approval_repeated');
    expect(codeOf(count([once, await by(ada)]))).toBe('approval_repeated');
    expect(codeOf(count([once, await by(grace)]))).toBe('missing 0');
  });

  test('with two keys, however the name is spelled (P03)', async () => {
    expect(codeOf(count([await by(ada), await by(adasPhone)]))).toBe('approval_repeated');
    expect(codeOf(count([await by(grace), await by(adasPhone)]))).toBe('missing 0');
  });

  test('in two groups, with one key or with two', async () => {
    const requirements = [
      { group: 'finance', count: 1 },
      { group: 'board', count: 1 },
    ];
    for (const second of [ada, adasPhone]) {
      const twice = [await by(ada), await by(second, 'board')];
      expect(codeOf(count(twice, { requirements }))).toBe('approval_repeated');
    }
    const two = [await by(ada), await by(eve, 'board')];
    expect(codeOf(count(two, { requirements }))).toBe('missing 0');
  });
});

describe('nobody approves for himself (P03)', () => {
  test.each<[string, TestKey]>([
    ['the key of a holder', ada],
    ['another key of a holder, by the name that both go by', adasPhone],
  ])('with %s', async (_what, key) => {
    const holders = [agent.publicKey.thumbprint, ada.publicKey.thumbprint];
    expect(codeOf(count([await by(key)], { holders }))).toBe('approval_by_requester');
    expect(codeOf(count([await by(key)]))).toBe('missing 1');
    expect(codeOf(count([await by(grace)], { holders }))).toBe('missing 1');
  });
});

describe('who may approve comes from the configuration (P04)', () => {
  test('not from the approval', async () => {
    expect(codeOf(count([await by(agent)]))).toBe('approval_approver_unknown');
    expect(codeOf(count([await by(eve)]))).toBe('approval_approver_unknown');
  });

  test('also where nobody asked for the group of a real approver', async () => {
    expect(codeOf(count([await by(eve, 'board')]))).toBe('approval_approver_unknown');
  });

  test.each(['nobody', 'unheard of', 'constructor', '__proto__'])(
    'a group without approvers is unknown: %s',
    async (group) => {
      const requirements = [{ group, count: 1 }];
      expect(codeOf(count([], { requirements }))).toBe('approval_group_unknown');
      expect(codeOf(count([await by(ada)], { requirements }))).toBe('approval_group_unknown');
    },
  );
});

describe('one bad approval refuses the call', () => {
  test.each<[string, () => Promise<string>, string]>([
    [
      'by a stranger to the group',
      () => by(eve, 'finance', { ...ACTION, arguments: {} }),
      'approval_approver_unknown',
    ],
    [
      'for another request',
      () => by(grace, 'finance', { ...ACTION, nonce: 'm'.repeat(22) }),
      'approval_action_mismatch',
    ],
    ['cut short', async () => (await by(grace)).slice(0, -8), 'approval_signature_invalid'],
    ['that is a token', async () => present().chain[0] as string, 'approval_malformed'],
    ['that is a proof', async () => present().pop, 'approval_malformed'],
    ['that is a word', async () => 'approve', 'approval_malformed'],
  ])('%s, whatever stands beside it', async (_what, make, code) => {
    const good = [await by(ada), await by(grace)];
    const requirements = [{ group: 'finance', count: 1 }];
    expect(codeOf(count([await make(), ...good.slice(0, 1)], { requirements }))).toBe(code);
    expect(codeOf(count([...good.slice(0, 1), await make()], { requirements }))).toBe(code);
    expect(codeOf(count(good, { requirements }))).toBe('missing 0');
  });

  test('that has expired, although there are enough without it (P05)', async () => {
    const requirements = [{ group: 'finance', count: 1 }];
    const all = [await by(ada), await by(grace, 'finance', ACTION, NOW + 60)];
    expect(codeOf(count(all, { requirements, now: NOW + 59 }))).toBe('missing 0');
    expect(codeOf(count(all, { requirements, now: NOW + 60 }))).toBe('approval_expired');
  });

  test('when its action has expired (P11)', async () => {
    const all = [await by(ada), await by(grace)];
    expect(codeOf(count(all, { now: NOW + 899 }))).toBe('missing 0');
    expect(codeOf(count(all, { now: NOW + 900 }))).toBe('approval_expired');
  });

  test('when there are more than 64', async () => {
    const many = Array.from({ length: 65 }, () => 'approve');
    expect(count(many)).toMatchObject({
      code: 'approval_malformed',
      facts: { reason: 'too_many' },
    });
  });
});

describe('what is required', () => {
  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 17, '1', undefined])(
    'is never a count of %s (P09)',
    (bad) => {
      const requirement = { group: 'finance', count: bad } as ApprovalRequirement;
      expect(mergeRequirements([{ group: 'board', count: 1 }], [requirement])).toBeUndefined();
      expect(codeOf(count([], { requirements: [requirement] }))).toBe('internal_error');
    },
  );

  test('is the greatest count of each group, whoever asks', () => {
    const merged = mergeRequirements(
      [
        { group: 'finance', count: 2 },
        { group: 'board', count: 1 },
      ],
      [{ group: 'finance', count: 1 }],
      [{ group: 'finance', count: 3 }],
    );
    expect(merged).toEqual([
      { group: 'finance', count: 3 },
      { group: 'board', count: 1 },
    ]);
    expect(mergeRequirements([], [])).toEqual([]);
  });

  test('is not asked for twice in one group', () => {
    const requirements = [
      { group: 'finance', count: 2 },
      { group: 'finance', count: 1 },
    ];
    expect(codeOf(count([], { requirements }))).toBe('internal_error');
  });
});

describe('groups of approvers', () => {
  const key = ada.publicKey;
  test.each<[string, Record<string, readonly Approver[]>]>([
    ['a group without approvers', { finance: [] }],
    ['a group without a name', { '': [{ name: 'Ada', key }] }],
    ['an approver without a name', { finance: [{ name: ' ', key }] }],
    ['a name that hides characters', { finance: [{ name: 'Ada\u200b', key }] }],
    ['a key that is only a look-alike', { finance: [{ name: 'Ada', key: { ...key } }] }],
    [
      'one person twice in a group',
      {
        finance: [
          { name: 'Ada', key },
          { name: 'ada', key: eve.publicKey },
        ],
      },
    ],
    ['one key under two names', { finance: [{ name: 'Ada', key }], board: [{ name: 'Eve', key }] }],
  ])('are refused with %s', (_what, groups) => {
    expect(() => createMemoryApprovalSource({ groups })).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });

  test('are accepted when every person has one name and one key in each', () => {
    const groups = { finance: [{ name: 'Ada', key }], board: [{ name: 'ADA', key }] };
    expect(createMemoryApprovalSource({ groups }).approvers('board')).toEqual(groups.board);
  });
});
