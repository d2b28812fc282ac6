import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import {
  createMemoryRevocationView,
  type ReplacedKey,
  type RevocationQuery,
  type RevocationView,
  type RevocationViewOptions,
} from '../../src/index.ts';
import { createSqliteRevocationView, openSqliteDatabase } from '../../src/sqlite/index.ts';
import { agent, authority, chainOf, codeOf, NOW, pay, pointWith } from '../judge/scene.ts';

// What the views that are told say of keys that were replaced (spec/rotation.md section 6).

type View = RevocationView & { replace(replaced: ReplacedKey): void | Promise<void> };

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'taper-replaced-'));
  ends.push(() => rmSync(made, { recursive: true }));
  return made;
};

function sqliteView(path: string, options?: RevocationViewOptions): View {
  const database = openSqliteDatabase(path);
  ends.push(() => database.close());
  return createSqliteRevocationView(database, options);
}

const [OLD, MIDDLE] = ['O'.repeat(43), 'M'.repeat(43)];

/** Two keys have signed: the first a token of a second, the other the call. */
function query(first: string, at: number, caller: string): RevocationQuery {
  return {
    tokens: [],
    keys: [],
    acting: [
      { key: first, at },
      { key: caller, at: undefined },
    ],
    chains: [],
    tenant: undefined,
    oldestIssuedAt: NOW,
    logs: [],
    epochs: new Map(),
    evidence: undefined,
  };
}

describe.each<[string, (options?: RevocationViewOptions) => View]>([
  ['in memory', createMemoryRevocationView],
  ['in SQLite', (options) => sqliteView(join(folder(), 'view.db'), options)],
])('the view %s', (_where, open) => {
  const good = { verdict: 'good' };

  test('lets a replaced key call and sign to the last second of its time, and no longer', async () => {
    const view = open();
    await view.replace({ key: OLD, until: NOW + 10 });
    expect(await view.check(query(MIDDLE, NOW, OLD), NOW + 9)).toMatchObject(good);
    expect(await view.check(query(MIDDLE, NOW, OLD), NOW + 10)).toEqual({
      verdict: 'rotated',
      index: 1,
    });
    expect(await view.check(query(OLD, NOW + 9, MIDDLE), NOW + 99)).toMatchObject(good);
    expect(await view.check(query(OLD, NOW + 10, MIDDLE), NOW + 10)).toEqual({
      verdict: 'rotated',
      index: 0,
    });
    expect(await view.check(query(OLD, Number.NaN, MIDDLE), NOW)).toMatchObject({ index: 0 });
  });

  test('keeps the earlier of two times', async () => {
    const view = open();
    for (const until of [NOW + 20, NOW + 10, NOW + 30]) await view.replace({ key: OLD, until });
    expect(await view.check(query(MIDDLE, NOW, OLD), NOW + 9)).toMatchObject(good);
    expect(await view.check(query(MIDDLE, NOW, OLD), NOW + 10)).toMatchObject({
      verdict: 'rotated',
    });
  });

  test('refuses what is no key or no time, and one more than it holds', async () => {
    const view = open({ capacity: 1 });
    const replace = async (replaced: object): Promise<void> => view.replace(replaced as never);
    for (const wrong of [
      { key: 'short', until: NOW },
      { key: OLD, until: -1 },
      { key: OLD, until: 1.5 },
      { key: OLD },
    ])
      await expect(replace(wrong)).rejects.toMatchObject({ code: 'option_invalid' });
    await replace({ key: OLD, until: NOW });
    await expect(replace({ key: MIDDLE, until: NOW })).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    await replace({ key: OLD, until: NOW - 5 });
    expect(await view.check(query(MIDDLE, NOW, OLD), NOW - 5)).toMatchObject({
      verdict: 'rotated',
    });
  });

  test('has an enforcement point refuse the call of a key whose time is over', async () => {
    const view = open();
    const chain = await chainOf();
    const point = pointWith({ revocation: view });
    await view.replace({ key: authority.publicKey.thumbprint, until: NOW - 60 }); // signs no token as a holder
    await view.replace({ key: agent.publicKey.thumbprint, until: NOW + 1 });
    expect(codeOf(await pay(point, chain))).toBe('permit');
    await view.replace({ key: agent.publicKey.thumbprint, until: NOW });
    expect(codeOf(await pay(point, chain))).toBe('key_rotated');
  });
});

test('the view in SQLite tells all processes that share its file, and after a restart', async () => {
  const path = join(folder(), 'view.db');
  const [here, there] = [sqliteView(path), sqliteView(path)];
  await here.replace({ key: OLD, until: NOW });
  for (const view of [there, sqliteView(path)])
    expect(await view.check(query(MIDDLE, NOW, OLD), NOW)).toMatchObject({ verdict: 'rotated' });
});

test('the view in memory tells those who listen', () => {
  const view = createMemoryRevocationView();
  let heard = 0;
  view.onRevoked?.(() => {
    heard += 1;
  });
  view.replace({ key: OLD, until: NOW });
  expect(heard).toBe(1);
});
