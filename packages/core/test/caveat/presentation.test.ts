import { describe, expect, test } from 'vitest';
import {
  type JoinedPresentation,
  joinPresentations,
  type Presentation,
  readPresentation,
  readPresentations,
  TaperError,
} from '../../src/index.ts';
import {
  carol,
  childToken,
  exact,
  NOW,
  place,
  proofOf,
  rootToken,
  type Token,
  verifier,
} from '../attack/attacker.ts';

const tools = {
  pay: { to: { constraint_type: 'wildcard' }, amount: { constraint_type: 'range', max: 100 } },
};
const ARGS = { to: 'bob', amount: 10 };

function presented(...tokens: readonly Token[]): Presentation {
  return {
    aat_chain: tokens.map(({ compact }) => compact),
    aat_pop: proofOf(tokens.at(-1) as Token, 'pay', ARGS),
  };
}

const [a, b, c, d, e] = Array.from({ length: 5 }, () => presented(rootToken(tools))) as [
  Presentation,
  Presentation,
  Presentation,
  Presentation,
  Presentation,
];
const approval = 'aaa.bbb.ccc';

function codeOf(wire: unknown): string {
  const read = readPresentations(wire);
  return 'code' in read ? read.code : `${read.presentations.length} and ${read.approvals.length}`;
}

describe('what comes over the wire', () => {
  test.each<[string, unknown, string]>([
    ['one chain', a, '1 and 0'],
    ['one chain with an approval', { ...a, taper_approvals: [approval] }, '1 and 1'],
    ['one chain with no approval in the list', { ...a, taper_approvals: [] }, '1 and 0'],
    ['one chain and 16 approvals', { ...a, taper_approvals: Array(16).fill(approval) }, '1 and 16'],
    ['one chain beside members that are not known', { ...a, other: 1 }, '1 and 0'],
    ['two chains', { taper_chains: [a, b] }, '2 and 0'],
    [
      'four chains and an approval',
      { taper_chains: [a, b, c, d], taper_approvals: [approval] },
      '4 and 1',
    ],
  ])('is read: %s', (_what, wire, expected) => {
    expect(codeOf(wire)).toBe(expected);
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'presentation_missing'],
    ['null', null, 'presentation_missing'],
    ['a text', 'x', 'presentation_malformed'],
    ['a list of presentations', [a, b], 'presentation_malformed'],
    ['no chain', {}, 'presentation_malformed'],
    ['a chain that is no list', { ...a, aat_chain: 'x' }, 'presentation_malformed'],
    ['no proof', { aat_chain: a.aat_chain }, 'proof_missing'],
    ['approvals alone', { taper_approvals: [approval] }, 'presentation_malformed'],
    ['approvals that are null', { ...a, taper_approvals: null }, 'approval_malformed'],
    ['approvals that are undefined', { ...a, taper_approvals: undefined }, 'approval_malformed'],
    ['an approval that is no list', { ...a, taper_approvals: approval }, 'approval_malformed'],
    ['an approval that is no text', { ...a, taper_approvals: [{}] }, 'approval_malformed'],
    ['an empty approval', { ...a, taper_approvals: [''] }, 'approval_malformed'],
    [
      'an approval that is too long',
      { ...a, taper_approvals: ['x'.repeat(4097)] },
      'approval_malformed',
    ],
    ['a hole among the approvals', { ...a, taper_approvals: Array(1) }, 'approval_malformed'],
    ['17 approvals', { ...a, taper_approvals: Array(17).fill(approval) }, 'approval_malformed'],
    ['joined chains that are null', { taper_chains: null }, 'join_malformed'],
    [
      'joined chains that are undefined beside a chain',
      { ...a, taper_chains: undefined },
      'join_malformed',
    ],
    ['joined chains that are no list', { taper_chains: { 0: a, 1: b } }, 'join_malformed'],
    ['no joined chain', { taper_chains: [] }, 'join_malformed'],
    ['one joined chain', { taper_chains: [a] }, 'join_malformed'],
    ['five joined chains', { taper_chains: [a, b, c, d, e] }, 'join_malformed'],
    [
      'a chain beside the joined ones',
      { taper_chains: [a, b], aat_chain: c.aat_chain },
      'join_malformed',
    ],
    [
      'a proof beside the joined ones',
      { taper_chains: [a, b], aat_pop: c.aat_pop },
      'join_malformed',
    ],
    [
      'a joined chain without a proof',
      { taper_chains: [a, { aat_chain: b.aat_chain }] },
      'join_malformed',
    ],
    ['a joined chain that is null', { taper_chains: [a, null] }, 'join_malformed'],
    ['holes in the place of joined chains', { taper_chains: Array(3) }, 'join_malformed'],
    ['a join in a join', { taper_chains: [a, { ...b, taper_chains: [c, d] }] }, 'join_malformed'],
    [
      'approvals in a joined chain',
      { taper_chains: [a, { ...b, taper_approvals: [] }] },
      'join_malformed',
    ],
    ['the same chain twice', { taper_chains: [a, a] }, 'join_malformed'],
    ['the same chain twice, not in a row', { taper_chains: [a, b, a] }, 'join_malformed'],
    [
      'two empty chains',
      {
        taper_chains: [
          { ...a, aat_chain: [] },
          { ...b, aat_chain: [] },
        ],
      },
      'join_malformed',
    ],
    [
      'bad approvals beside joined chains',
      { taper_chains: [a, b], taper_approvals: [1] },
      'approval_malformed',
    ],
  ])('is refused: %s', (_what, wire, code) => {
    expect(codeOf(wire)).toBe(code);
  });

  test('is refused with one leaf under two chains, and with one leaf twice under two signatures', () => {
    const root = rootToken(tools, { holder: carol });
    const leaf = childToken(root, tools);
    const again = { ...presented(root, leaf), aat_chain: [leaf.compact] };
    expect(codeOf({ taper_chains: [presented(root, leaf), again] })).toBe('join_malformed');
    const other = `${leaf.compact.slice(0, leaf.compact.lastIndexOf('.'))}.${'A'.repeat(86)}`;
    const resigned = { ...presented(root, leaf), aat_chain: [root.compact, other] };
    expect(codeOf({ taper_chains: [presented(root, leaf), resigned] })).toBe('join_malformed');
    const sibling = childToken(root, tools);
    expect(codeOf({ taper_chains: [presented(root, leaf), presented(root, sibling)] })).toBe(
      '2 and 0',
    );
  });

  test('is copied: what becomes of it later has no effect', () => {
    const chain = [...a.aat_chain];
    const wire = {
      taper_chains: [{ ...a, aat_chain: chain }, b],
      taper_approvals: [approval],
    };
    const read = readPresentations(wire);
    chain.push('x');
    wire.taper_chains.pop();
    wire.taper_approvals.push('y');
    expect(read).toEqual({ presentations: [a, b], approvals: [approval] });
  });

  test('X06 is refused, and nothing is thrown, where reading it runs code that throws', () => {
    const hostile = new Proxy(
      {},
      {
        getOwnPropertyDescriptor: () => {
          throw new Error('no');
        },
      },
    );
    expect(codeOf(hostile)).toBe('presentation_malformed');
    const inside = { taper_chains: [a, hostile] };
    expect(codeOf(inside)).toBe('presentation_malformed');
  });

  test('X07 has only members of its own', () => {
    const inherited = Object.create({ taper_chains: [a, b], ...a }) as object;
    expect(codeOf(inherited)).toBe('presentation_malformed');
  });

  test('Z05 is refused by who reads one chain only, where there are several', () => {
    const read = readPresentation({ taper_chains: [a, b] });
    expect('code' in read && read.code).toBe('presentation_malformed');
  });
});

describe('presentations that are put together', () => {
  test('are what readPresentations takes apart', () => {
    for (const [list, approvals] of [
      [[a], []],
      [[a], [approval]],
      [[a, b], []],
      [
        [a, b, c, d],
        [approval, 'x'],
      ],
    ] as const) {
      expect(readPresentations(joinPresentations(list, approvals))).toEqual({
        presentations: list,
        approvals,
      });
    }
    expect(joinPresentations([a])).toEqual(a);
  });

  test.each<[string, () => JoinedPresentation]>([
    ['none', () => joinPresentations([])],
    ['five', () => joinPresentations([a, b, c, d, e])],
    ['the same twice', () => joinPresentations([a, a])],
    ['17 approvals', () => joinPresentations([a], Array(17).fill(approval))],
  ])('are misuse: %s', (_what, make) => {
    expect(make).toThrow(TaperError);
  });

  test('are judged one by one, and authority is not united: what either refuses, is refused', () => {
    const wide = rootToken(tools);
    const toBob = rootToken({
      pay: { to: exact('bob'), amount: { constraint_type: 'range', max: 5 } },
    });
    const wire = joinPresentations([presented(wide), presented(toBob)]);
    const read = readPresentations(wire);
    if ('code' in read) throw new Error(read.code);
    const verdicts = read.presentations.map((presentation) =>
      place(verifier.authorize({ presentation, tool: 'pay', args: ARGS, now: NOW })),
    );
    expect(verdicts).toEqual(['permit', 'argument_refused 6b 0']);
  });
});
