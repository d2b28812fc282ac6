import { TEST_TIME } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { createGrants, type Grants } from '../../src/grant/grants.ts';
import type { AuthorityStore } from '../../src/port/store.ts';
import { openSqliteAuthorityStore } from '../../src/sqlite/index.ts';
import { refusal } from '../refusal.ts';
import { documentOf, grantText } from './document.ts';

const BY = { kind: 'administrator', id: 'ada' } as const;

function open(): { readonly grants: Grants; readonly store: AuthorityStore } {
  const store = openSqliteAuthorityStore({ path: ':memory:' });
  return { store, grants: createGrants({ store, clock: () => TEST_TIME }) };
}

describe('grants', () => {
  test('are applied with the version of the plan, and every version stays readable', async () => {
    const { grants, store } = open();
    expect(await grants.current()).toBeUndefined();
    const first = documentOf(grantText());
    expect(await grants.plan(first)).toMatchObject({ version: 0, plan: { widens: true } });
    expect(await grants.apply(first, 0, BY)).toMatchObject({ version: 1 });
    const second = documentOf(grantText({ lifetime: 60 }));
    expect(await grants.plan(second)).toMatchObject({ version: 1, plan: { widens: false } });
    expect(await grants.apply(second, 1, BY)).toMatchObject({ version: 2 });
    expect(await grants.current()).toMatchObject({
      version: 2,
      appliedBy: 'ada',
      appliedAt: TEST_TIME,
    });
    expect((await grants.version(1))?.set.grants[0]?.lifetime).toBe(3600);
    expect(await grants.version(3)).toBeUndefined();
    const entries = (await store.pendingEntries(10)).map(({ body }) => JSON.parse(body));
    expect(entries).toMatchObject([
      { event: 'grants.applied', by: BY, subject: { version: 1 }, details: { widens: true } },
      { event: 'grants.applied', by: BY, subject: { version: 2 }, details: { widens: false } },
    ]);
  });

  test('that were planned against others are refused, and nothing is changed', async () => {
    const { grants, store } = open();
    await grants.apply(documentOf(grantText()), 0, BY);
    const late = documentOf(grantText({ lifetime: 60 }));
    for (const expected of [0, 2, Number.NaN]) {
      expect(await refusal(() => grants.apply(late, expected, BY))).toEqual({
        code: 'grant_conflict',
        facts: { version: 1 },
      });
    }
    expect((await grants.current())?.set.grants[0]?.lifetime).toBe(3600);
    expect(await store.pendingEntries(10)).toHaveLength(1);
  });

  test('of two who apply at once one is refused', async () => {
    const { grants } = open();
    const results = await Promise.allSettled(
      [60, 61].map((lifetime) => grants.apply(documentOf(grantText({ lifetime })), 0, BY)),
    );
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await grants.current())?.version).toBe(1);
  });

  test('the same document once more, after a lost answer, is answered and makes no version', async () => {
    const { grants, store } = open();
    const document = documentOf(grantText());
    await grants.apply(document, 0, BY);
    expect(await grants.apply(document, 0, BY)).toMatchObject({
      version: 1,
      plan: { changes: [] },
    });
    expect(await store.pendingEntries(10)).toHaveLength(1);
  });

  test('are applied whole or not at all: one that is malformed refuses all', async () => {
    const { grants } = open();
    const document = documentOf(grantText(), grantText({ name: 'second', lifetime: 0 }));
    expect((await refusal(() => grants.apply(document, 0, BY))).code).toBe('grant_malformed');
    expect(await grants.current()).toBeUndefined();
  });
});
