import { describe, expect, test } from 'vitest';
import { type ChainCaveats, chainCaveats, joinCaveats, TaperError } from '../../src/index.ts';
import { place, rootToken } from '../attack/attacker.ts';
import {
  caveatsOf,
  chainOf,
  child,
  HASHES,
  markedRoot,
  TOOLS,
  understanding,
  verdictOf,
  verified,
} from './caveated.ts';

const [one = '', two = ''] = HASHES;
const revocation = (log: string, epoch: number, max_staleness: number) => ({
  revocation: { log, epoch, max_staleness },
});

describe('the caveats of a chain', () => {
  test('are none where no hop has any', () => {
    const caveats = caveatsOf(undefined, undefined);
    expect(caveats).toMatchObject({ tenant: undefined, purposes: [], budgets: [] });
    expect(caveats.revocation).toBeUndefined();
    expect(caveats.approvals('refund').size).toBe(0);
    expect(caveats.definitions('refund')).toEqual([]);
  });

  test('K04 D13 are those of every hop: what a child leaves out, it inherits', () => {
    const all = {
      purpose: 'p',
      budget: { calls: '3' },
      approvals: { refund: { finance: 2 } },
      definitions: { refund: one },
      ...revocation('log.example', 7, 60),
    };
    const caveats = caveatsOf(all, undefined, { purpose: 'q' });
    expect(caveats.purposes).toEqual(['p', 'q']);
    expect(caveats.budgets).toHaveLength(1);
    expect([...caveats.approvals('refund')]).toEqual([['finance', 2]]);
    expect(caveats.definitions('refund')).toEqual([one]);
    expect(caveats.revocation).toMatchObject({ logs: ['log.example'], maxStaleness: 60 });
  });

  test('I13 are limits that a child can add to and never raise', () => {
    const tokens = chainOf({ budget: { calls: '3', EUR: '10.00' } }, undefined, {
      budget: { calls: '1000', USD: '5' },
    });
    const chain = verified(tokens);
    const [root, , leaf] = chain.tokens;
    const expiresAt = root?.claims.exp;
    expect(chainCaveats(chain).budgets).toEqual([
      { token: root?.hash, meter: 'calls', limit: '3', expiresAt },
      { token: root?.hash, meter: 'EUR', limit: '10.00', expiresAt },
      { token: leaf?.hash, meter: 'calls', limit: '1000', expiresAt },
      { token: leaf?.hash, meter: 'USD', limit: '5', expiresAt },
    ]);
  });

  test('name with each limit when its own token expires', () => {
    const root = markedRoot({ budget: { calls: '3' } });
    const leaf = child(root, { budget: { calls: '2' } }, { claims: { exp: 1_795_176_100 } });
    const { budgets } = chainCaveats(verified([root, leaf]));
    expect(budgets.map(({ expiresAt }) => expiresAt)).toEqual([1_795_179_600, 1_795_176_100]);
  });

  test('K04 ask for the greatest count of each group, of all groups that any hop names', () => {
    const caveats = caveatsOf(
      { approvals: { refund: { finance: 2, legal: 1 }, read: { privacy: 1 } } },
      { approvals: { refund: { finance: 1, security: 3 } } },
      { approvals: { refund: { legal: 4 } } },
    );
    expect(new Map(caveats.approvals('refund'))).toEqual(
      new Map([
        ['finance', 2],
        ['legal', 4],
        ['security', 3],
      ]),
    );
    expect([...caveats.approvals('read')]).toEqual([['privacy', 1]]);
    expect(caveats.approvals('Refund').size).toBe(0);
    expect(caveats.approvals('constructor').size).toBe(0);
  });

  test('follow every log and allow the smallest staleness', () => {
    const { revocation: demand } = caveatsOf(
      revocation('a.example', 5, 300),
      revocation('b.example', 1, 60),
      revocation('a.example', 3, 900),
    );
    expect(demand?.logs).toEqual(['a.example', 'b.example']);
    expect([...(demand?.epochs ?? [])]).toEqual([
      ['a.example', 5],
      ['b.example', 1],
    ]);
    expect(demand?.maxStaleness).toBe(60);
  });

  test('hold every different pin of a tool and every different purpose, each once', () => {
    const caveats = caveatsOf(
      { purpose: 'p', definitions: { refund: one } },
      { purpose: 'p', definitions: { refund: two, read: one } },
      { purpose: 'q', definitions: { refund: one } },
    );
    expect(caveats.definitions('refund')).toEqual([one, two]);
    expect(caveats.definitions('read')).toEqual([one]);
    expect(caveats.purposes).toEqual(['p', 'q']);
  });

  test('are worked out once for each chain', () => {
    const chain = verified(chainOf({ purpose: 'p' }));
    expect(chainCaveats(chain)).toBe(chainCaveats(chain));
  });

  test('cannot be changed by who reads them (X06, X07)', () => {
    const caveats = caveatsOf({
      budget: { calls: '3' },
      approvals: { refund: { finance: 2 } },
      definitions: { refund: one },
      ...revocation('log.example', 7, 60),
    });
    const { budgets, revocation: demand } = caveats;
    expect(() => Object.assign(caveats, { budgets: [] })).toThrow(TypeError);
    expect(() => (budgets as unknown[]).pop()).toThrow(TypeError);
    expect(() => Object.assign(budgets[0] as object, { limit: '9' })).toThrow(TypeError);
    expect(() => Object.assign(demand as object, { maxStaleness: 9 })).toThrow(TypeError);
    const epochs = demand?.epochs as Map<string, number>;
    expect(() => epochs.clear()).toThrow(TypeError);
    expect(() => (caveats.definitions('refund') as string[]).pop()).toThrow(TypeError);
    const counts = caveats.approvals('refund') as Map<string, number>;
    expect(() => counts.set('finance', 0)).toThrow(TypeError);
  });

  test.each<[string, unknown]>([
    ['an object of the same shape', { tokens: [], leaf: undefined }],
    ['null', null],
    ['undefined', undefined],
    ['a copy', { ...verified(chainOf({ purpose: 'p' })) }],
  ])('are known of verified chains only: not of %s', (_what, value) => {
    expect(() => chainCaveats(value as never)).toThrow(
      expect.objectContaining({ code: 'not_verified' }),
    );
  });
});

describe('the tenant of a chain', () => {
  const by = understanding({ tenant: 't' });

  test('F01 is one: a hop that names another than a hop above is refused', () => {
    expect(place(verdictOf(chainOf({ tenant: 't' }, { tenant: 'u' }), by))).toBe(
      'tenant_mismatch 1',
    );
    expect(place(verdictOf(chainOf({ tenant: 't' }, undefined, { tenant: 'u' }), by))).toBe(
      'tenant_mismatch 2',
    );
    expect(place(verdictOf(chainOf(undefined, { tenant: 't' }, { tenant: 'u' }), by))).toBe(
      'tenant_mismatch 2',
    );
    expect(verdictOf(chainOf({ tenant: 't' }, { tenant: 't' }), by).verdict).toBe('verified');
    expect(caveatsOf(undefined, { tenant: 't' }, undefined).tenant).toBe('t');
  });

  test.each(['T', 't ', 't\u200b', '\u0074\u0301', 'tt'])(
    'F01 is compared as an exact string: %j is another',
    (other) => {
      expect(place(verdictOf(chainOf({ tenant: 't' }, { tenant: other }), by))).toBe(
        'tenant_mismatch 1',
      );
    },
  );

  test('J09 is compared with the hops above also where those are in the cache', () => {
    const root = markedRoot({ tenant: 't' });
    const plain = child(root);
    const stranger = child(plain, { tenant: 'u' });
    const cached = understanding({ tenant: 't' });
    for (let round = 0; round < 2; round += 1) {
      expect(verdictOf([root, plain], cached).verdict).toBe('verified');
      expect(place(verdictOf([root, plain, stranger], cached))).toBe('tenant_mismatch 2');
    }
  });
});

describe('the caveats of joined chains', () => {
  const join = (...chains: readonly ChainCaveats[]): ChainCaveats => joinCaveats(chains);

  test('are those of all of them', () => {
    const joined = join(
      caveatsOf({ tenant: 't', purpose: 'p', approvals: { refund: { finance: 1 } } }),
      caveatsOf({ budget: { calls: '1' }, definitions: { refund: one } }),
      caveatsOf({
        purpose: 'q',
        approvals: { refund: { finance: 2, legal: 1 } },
        definitions: { refund: two },
        ...revocation('log.example', 7, 60),
      }),
      caveatsOf(undefined),
    );
    expect(joined.tenant).toBe('t');
    expect(joined.purposes).toEqual(['p', 'q']);
    expect(joined.budgets).toHaveLength(1);
    expect(joined.definitions('refund')).toEqual([one, two]);
    expect([...joined.approvals('refund')]).toEqual([
      ['finance', 2],
      ['legal', 1],
    ]);
    expect(joined.revocation).toMatchObject({ logs: ['log.example'], maxStaleness: 60 });
  });

  test('charge a token that stands in several chains once for each meter', () => {
    const root = markedRoot({ budget: { calls: '3', EUR: '5' } });
    const left = verified([root, child(root, { budget: { calls: '1' } })]);
    const right = verified([root, child(root, { budget: { calls: '1' } })]);
    const { budgets } = join(chainCaveats(left), chainCaveats(right));
    const accounts = budgets.map(({ token, meter }) => `${token} ${meter}`);
    expect(accounts).toHaveLength(4);
    expect(new Set(accounts).size).toBe(4);
  });

  test('allow the smallest staleness of all', () => {
    const joined = join(
      caveatsOf(revocation('a.example', 1, 600)),
      caveatsOf(revocation('b.example', 1, 30)),
      caveatsOf(revocation('a.example', 9, 900)),
    );
    expect(joined.revocation?.maxStaleness).toBe(30);
    expect([...(joined.revocation?.epochs ?? [])]).toEqual([
      ['a.example', 9],
      ['b.example', 1],
    ]);
  });

  test('F01 have one tenant: two are misuse, since no enforcement point permits both', () => {
    const [t, u] = ['t', 'u'].map((tenant) => caveatsOf({ tenant })) as [
      ChainCaveats,
      ChainCaveats,
    ];
    expect(() => join(t, u)).toThrow(TaperError);
    expect(join(t, caveatsOf({ tenant: 't' }), caveatsOf({ purpose: 'p' })).tenant).toBe('t');
  });

  test('are those of the chain where there is but one', () => {
    const only = caveatsOf({ purpose: 'p' });
    expect(join(only)).toBe(only);
  });

  test('X06 are made of what chainCaveats gave, and of nothing that looks like it', () => {
    const only = caveatsOf({ purpose: 'p' });
    const { tenant, purposes, budgets, revocation: demand } = only;
    const approvals = () => new Map<string, number>();
    const lookalike = {
      tenant,
      purposes,
      budgets,
      revocation: demand,
      approvals,
      definitions: () => [],
    };
    expect(() => join(lookalike)).toThrow(TaperError);
    expect(() => join(only, lookalike)).toThrow(TaperError);
    expect(() => join()).toThrow(TaperError);
  });
});

test('a plain root grants nothing that a caveat below it lifts', () => {
  const root = rootToken(TOOLS);
  expect(chainCaveats(verified([root])).budgets).toEqual([]);
  expect(
    chainCaveats(verified([root, child(root, { budget: { calls: '0' } })])).budgets,
  ).toMatchObject([{ meter: 'calls', limit: '0' }]);
});
