import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  createRevokedRoot,
  type LogTrust,
  type NoteKey,
  openRevokedProof,
  parseNoteKey,
  type RevokedEntry,
  type RevokedQuery,
  revokedRootOf,
  soughtIds,
  tenantId,
  verifyStaple,
  verifyStapleAsync,
} from '../../src/index.ts';

type Row =
  | readonly ['token', root: string, token: string, expiresAt: number]
  | readonly ['key', key: string]
  | readonly ['tenant', tenant: string, issuedBefore: number];

interface Suite {
  readonly sets: readonly { id: string; entries: readonly Row[]; revoked_root: string }[];
  readonly proofs: readonly {
    id: string;
    set: string;
    query: RevokedQuery;
    proof: string;
    expected: { present: Record<string, number> } | 'malformed' | 'other_root';
  }[];
  readonly trust: { origin: string; keys: string[]; witnesses: string[]; quorum: number };
  readonly staples: readonly {
    id: string;
    subject: { chains: RevokedQuery['chains']; tenant: string | null; oldest_issued_at: number };
    staple: string;
    expected: object;
  }[];
}

const PATH = join(import.meta.dirname, '../../../../vectors/log/revoked-set.json');
const SUITE: Suite = JSON.parse(readFileSync(PATH, 'utf8'));
const ROOTS = new Map(SUITE.sets.map(({ id, revoked_root }) => [id, revoked_root]));

describe('the vectors of the revoked set', () => {
  test.each(SUITE.sets)('root: $id', ({ entries, revoked_root }) => {
    expect(textOf(revokedRootOf(entries.map(entryOf)))).toBe(revoked_root);
  });

  test.each(SUITE.sets)('no root of other entries: $id', ({ entries, revoked_root }) => {
    for (const at of entries.keys())
      expect(textOf(revokedRootOf(entries.toSpliced(at, 1).map(entryOf)))).not.toBe(revoked_root);
    for (const at of entries.keys()) {
      const twice = entries.toSpliced(at, 0, entries[at] as Row).map(entryOf);
      expect(revokedRootOf(twice)).toBeUndefined();
    }
  });

  test.each(SUITE.proofs)('proof: $id', ({ set, query, proof, expected }) => {
    const sought = soughtIds(query);
    const opening = sought && openRevokedProof(Buffer.from(proof, 'base64url'), sought);
    if (expected === 'malformed') {
      expect(opening).toBeUndefined();
      return;
    }
    expect(textOf(opening?.root) === ROOTS.get(set)).toBe(expected !== 'other_root');
    if (expected === 'other_root') return;
    const tenant =
      query.tenant === undefined ? [] : [[textOf(tenantId(query.tenant)), query.tenant]];
    const names = new Map(tenant as [string, string][]);
    const present = [...(opening?.present ?? [])].map(([{ id }, time]) => {
      const text = textOf(id) as string;
      return [names.get(text) ?? text, time];
    });
    expect(Object.fromEntries(present)).toEqual(expected.present);
  });

  test.each(SUITE.staples)('staple: $id', async ({ subject, staple, expected }) => {
    const { chains, tenant, oldest_issued_at: oldestIssuedAt } = subject;
    const asked = { chains, oldestIssuedAt, ...(tenant === null ? {} : { tenant }) };
    const verdict = verifyStaple(staple, asked, trust());
    expect(await verifyStapleAsync(staple, asked, trust())).toEqual(verdict);
    expect(verifyStaple(Buffer.from(staple, 'base64url'), asked, trust())).toEqual(verdict);
    const actual = verdict.ok
      ? {
          ok: true,
          epoch: verdict.epoch,
          as_of: verdict.asOf,
          next_update: verdict.nextUpdate,
          index: verdict.index,
          revoked: verdict.revoked ?? null,
        }
      : verdict;
    expect(actual).toEqual(expected);
  });
});

describe('a root made of entries as they come', () => {
  test.each<[string, RevokedEntry[]]>([
    ['a key before a token', [key('A'), token('A', 'A')]],
    ['families that descend', [token('B', 'A'), token('A', 'A')]],
    ['tokens of a family that descend', [token('A', 'B'), token('A', 'A')]],
    ['keys that descend', [key('B'), key('A')]],
    ['a key with another spelling', [{ kind: 'key', key: `${'A'.repeat(42)}B` }]],
    ['a time that is none', [{ ...token('A', 'A'), expiresAt: 1.5 }]],
    ['a tenant without a name', [{ kind: 'tenant', tenant: '', issuedBefore: 1 }]],
  ])('is none of %s', (_title, entries) => {
    expect(revokedRootOf(entries)).toBeUndefined();
  });

  test('is one where they ascend, and nothing is added to it afterwards', () => {
    const builder = createRevokedRoot();
    for (const entry of [token('A', 'A'), token('A', 'B'), token('B', 'A'), key('A'), key('B')])
      expect(builder.add(entry)).toBe(true);
    expect(builder.finish()).toHaveLength(32);
    expect(builder.add(key('C'))).toBe(false);
    expect(builder.finish()).toBeUndefined();
  });
});

/** 32 bytes whose order is that of their first letter. */
function hash(letter: string): string {
  return letter + 'A'.repeat(42);
}

function key(letter: string): RevokedEntry {
  return { kind: 'key', key: hash(letter) };
}

function token(root: string, letter: string): RevokedEntry & { kind: 'token' } {
  return { kind: 'token', root: hash(root), token: hash(letter), expiresAt: 7 };
}

function entryOf(row: Row): RevokedEntry {
  switch (row[0]) {
    case 'token':
      return { kind: 'token', root: row[1], token: row[2], expiresAt: row[3] };
    case 'key':
      return { kind: 'key', key: row[1] };
    case 'tenant':
      return { kind: 'tenant', tenant: row[1], issuedBefore: row[2] };
  }
}

function trust(): LogTrust {
  const { origin, keys, witnesses, quorum } = SUITE.trust;
  const read = (text: string): NoteKey => parseNoteKey(text) as NoteKey;
  return { origin, keys: keys.map(read), witnesses: witnesses.map(read), quorum };
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('base64url');
}
