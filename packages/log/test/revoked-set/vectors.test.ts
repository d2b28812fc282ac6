import { join } from 'node:path';
import {
  openRevokedProof,
  parseStaple,
  type RevokedEntry,
  type RevokedQuery,
  type Staple,
  type StapleSubject,
  soughtIds,
  verifyStaple,
  writeStaple,
} from '@taper/core';
import { TEST_TIME } from '@taper/testkit';
import { expect, test } from 'vitest';
import { createRevokedSet } from '../../src/revoked-set/revoked-set.ts';
import { createStaple } from '../../src/revoked-set/staple.ts';
import { near } from './arbitrary.ts';
import { naiveRoot } from './naive.ts';
import { named, OTHERS, openScene, SUBJECT, TRUST } from './scene.ts';

const PATH = join(import.meta.dirname, '../../../../vectors/log/revoked-set.json');

const CHAIN = SUBJECT.chains[0] as StapleSubject['chains'][number];
const [ROOT, MIDDLE, LEAF] = CHAIN.tokens as readonly [string, string, string];
const FEW: readonly RevokedEntry[] = OTHERS.slice(0, 12);
const LEAF_REVOKED = token(LEAF);

const SETS: Readonly<Record<string, readonly RevokedEntry[]>> = {
  empty: [],
  'one-token': [LEAF_REVOKED],
  'one-key': [{ kind: 'key', key: named('key 1') }],
  'one-tenant': [tenant('acme', TEST_TIME)],
  'tenant-in-utf-8': [tenant('größe 株式', 2 ** 53 - 1)],
  'family-of-three': [token(ROOT), token(MIDDLE), token(LEAF)],
  'two-families-of-one-token': [token(LEAF), token(LEAF, named('other root'))],
  'keys-that-share-255-bits': [
    { kind: 'key', key: near(0, 255) },
    { kind: 'key', key: named('hash 0') },
    { kind: 'key', key: near(0, 3) },
  ],
  'of-every-kind': [...FEW, LEAF_REVOKED, tenant('globex', TEST_TIME)],
};

interface ProofVector {
  readonly id: string;
  readonly title: string;
  readonly set: string;
  readonly query: RevokedQuery;
  readonly proof: string;
  /** What is shown present, by its text, with the time of its entry; `malformed`; or `other_root`. */
  readonly expected:
    | { readonly present: Readonly<Record<string, number>> }
    | 'malformed'
    | 'other_root';
}

function proofs(): ProofVector[] {
  const vectors: ProofVector[] = [];
  const add = (
    id: string,
    title: string,
    set: string,
    query: RevokedQuery,
    proof: Uint8Array,
    expected: ProofVector['expected'],
  ): void => {
    vectors.push({ id, title, set, query, proof: textOf(proof), expected });
  };
  const query = { chains: SUBJECT.chains, tenant: 'acme' };
  const present: Readonly<Record<string, Readonly<Record<string, number>>>> = {
    'one-token': { [LEAF]: TEST_TIME + 60 },
    'one-tenant': { acme: TEST_TIME },
    'family-of-three': Object.fromEntries(CHAIN.tokens.map((hash) => [hash, TEST_TIME + 60])),
    'two-families-of-one-token': { [LEAF]: TEST_TIME + 60 },
    'of-every-kind': { [LEAF]: TEST_TIME + 60 },
  };
  for (const [name, entries] of Object.entries(SETS))
    add(name, 'the proof of the set', name, query, setOf(entries).prove(query), {
      present: present[name] ?? {},
    });

  const full = setOf(SETS['of-every-kind'] ?? []);
  const less = setOf(FEW);
  const honest = full.prove(query);
  const name = 'of-every-kind';
  add(
    'of-the-set-before',
    'the proof of the set without the token',
    name,
    query,
    less.prove(query),
    'other_root',
  );
  const stranger = { chains: [{ tokens: [named('x')], keys: [named('y'), named('z')] }] };
  add('of-another-query', 'a proof of other ids', name, query, full.prove(stranger), 'malformed');
  add('no-bits', 'nothing', name, query, new Uint8Array(0), 'malformed');
  add('empty-trees', 'three empty trees', name, query, Buffer.from('000100', 'hex'), 'other_root');
  add('cut-off', 'the last byte is gone', name, query, honest.subarray(0, -1), 'malformed');
  add(
    'trailing-byte',
    'a byte stands behind it',
    name,
    query,
    Buffer.concat([honest, Buffer.of(0)]),
    'malformed',
  );
  const longer = Buffer.concat([
    Buffer.of(honest[0] as number, (honest[1] as number) + 1),
    honest.subarray(2, 2 + (honest[1] as number)),
    Buffer.of(0),
    honest.subarray(2 + (honest[1] as number)),
  ]);
  add('trailing-bits', 'eight bits too many', name, query, longer, 'malformed');
  const flipped = Buffer.from(honest);
  flipped[flipped.length - 1] = (flipped[flipped.length - 1] as number) ^ 1;
  add('changed', 'the last bit is another', name, query, flipped, 'other_root');
  const zero = Buffer.from(honest);
  zero.fill(0, 2 + (honest[1] as number), 34 + (honest[1] as number));
  add(
    'zero-sibling',
    'a hash of zeros where the empty subtree has a bit of its own',
    name,
    query,
    zero,
    'malformed',
  );
  const lone = Buffer.concat([
    Buffer.of(0, 1, 0b00101000),
    Buffer.from(CHAIN.keys[0] as string, 'base64url'),
  ]);
  add(
    'lone-leaf-below',
    'a node with one leaf and nothing else',
    'one-key',
    query,
    lone,
    'malformed',
  );
  return vectors;
}

interface StapleVector {
  readonly id: string;
  readonly title: string;
  readonly subject: StapleSubject;
  readonly staple: string;
  readonly expected: object;
}

async function staples(): Promise<StapleVector[]> {
  const vectors: StapleVector[] = [];
  const add = (
    id: string,
    title: string,
    staple: Uint8Array,
    expected: object | string,
    subject: StapleSubject = SUBJECT,
  ): void => {
    const problem = typeof expected === 'string' ? { ok: false, problem: expected } : expected;
    vectors.push({ id, title, subject, staple: textOf(staple), expected: problem });
  };
  const good = (epoch: number, index: number, revoked: object | null = null): object => ({
    ok: true,
    epoch,
    as_of: TEST_TIME + epoch,
    next_update: TEST_TIME + epoch + 1,
    index,
    revoked,
  });
  const scene = await openScene();
  const before = await scene.publish(FEW);
  const first = createStaple(SUBJECT, scene.set, before);
  add('good', 'nothing is revoked', first, good(1, 12));
  const after = await scene.publish([LEAF_REVOKED]);
  const second = createStaple(SUBJECT, scene.set, after);
  add(
    'token-revoked',
    'the leaf is revoked',
    second,
    good(2, 14, { what: 'token', chain: 0, index: 2 }),
  );
  const parent = {
    ...SUBJECT,
    chains: [{ tokens: CHAIN.tokens.slice(0, 2), keys: CHAIN.keys.slice(0, 3) }],
  };
  const ofParent = createStaple(parent, scene.set, after);
  add(
    'parent-good',
    'the leaf is revoked, and the chain ends above it',
    ofParent,
    good(2, 14),
    parent,
  );
  // In trees this small the same leaves answer for one token and one key more.
  add(
    'of-the-parent',
    'a staple of the chain without its leaf shows as much of the whole',
    ofParent,
    good(2, 14, { what: 'token', chain: 0, index: 2 }),
  );
  const third = await scene.staple([{ kind: 'key', key: CHAIN.keys[0] as string }], parent);
  add(
    'key-revoked',
    "the anchor's key is revoked",
    third,
    good(3, 16, { what: 'key', chain: 0, index: 0 }),
    parent,
  );
  const tenants = await openScene();
  const issuedBefore = SUBJECT.oldestIssuedAt + 1;
  const fourth = await tenants.staple([tenant('acme', issuedBefore)]);
  add(
    'tenant-revoked',
    'the oldest token is older than the time',
    fourth,
    good(1, 1, { what: 'tenant', index: 0 }),
  );
  const younger = { ...SUBJECT, oldestIssuedAt: issuedBefore };
  add('tenant-good', 'the oldest token is as old as the time', fourth, good(1, 1), younger);

  const [old, parts] = [partsOf(first), partsOf(second)];
  add(
    'older-proof',
    'the proof of the epoch before the revocation',
    writeStaple({ ...parts, proof: old.proof }),
    'inclusion_invalid',
  );
  const younged = { ...old, time: parts.time, nextUpdate: parts.nextUpdate };
  add(
    'younger-time',
    'the older staple with the time of the newer',
    writeStaple(younged),
    'inclusion_invalid',
  );
  add(
    'later-epoch',
    'the older staple with the number of the newer',
    writeStaple({ ...old, epoch: 2 }),
    'inclusion_invalid',
  );
  add(
    'other-count',
    'another number of members',
    writeStaple({ ...old, revoked: 13 }),
    'inclusion_invalid',
  );
  add('other-index', 'another index', writeStaple({ ...parts, index: 13 }), 'inclusion_invalid');
  add(
    'no-inclusion',
    'no inclusion proof',
    writeStaple({ ...parts, inclusion: [] }),
    'inclusion_invalid',
  );
  add(
    'no-proof',
    'no proof of the set',
    writeStaple({ ...parts, proof: new Uint8Array(0) }),
    'proof_malformed',
  );
  add(
    'other-checkpoint',
    'a checkpoint that does not cover the record',
    writeStaple({ ...parts, checkpoint: old.checkpoint }),
    'inclusion_invalid',
  );
  const lines = parts.checkpoint.split('\n');
  const uncosigned = [...lines.slice(0, 5), ''].join('\n');
  add(
    'not-cosigned',
    'no witness',
    writeStaple({ ...parts, checkpoint: uncosigned }),
    'quorum_unmet',
  );
  const unsigned = [...lines.slice(0, 4), ...lines.slice(5)].join('\n');
  add(
    'not-signed',
    'the witness, and not the log',
    writeStaple({ ...parts, checkpoint: unsigned }),
    'signature_missing',
  );
  const foreign = await (await openScene('other.example.com/log')).staple(FEW);
  add('other-log', 'of another log', foreign, 'origin_mismatch');
  add(
    'other-version',
    'version 2',
    Buffer.concat([Buffer.of(2), first.subarray(1)]),
    'staple_malformed',
  );
  add('cut-off', 'the last byte is gone', first.subarray(0, -1), 'proof_malformed');
  add(
    'trailing-byte',
    'a byte stands behind it',
    Buffer.concat([first, Buffer.of(0)]),
    'proof_malformed',
  );
  const anchorless = { ...SUBJECT, chains: [{ tokens: CHAIN.tokens, keys: CHAIN.keys.slice(1) }] };
  add('no-anchor', "asked without the anchor's key", first, 'subject_malformed', anchorless);
  return vectors;
}

async function makeSuite(): Promise<object> {
  return {
    title: 'The revoked set, proofs and staples; spec/revocation.md sections 6 and 10',
    sets: Object.entries(SETS).map(([id, entries]) => ({
      id,
      // As in the snapshot of section 9.4, in the order of the set.
      entries: [...setOf(entries).entries()].map((entry) =>
        entry.kind === 'token'
          ? ['token', entry.root, entry.token, entry.expiresAt]
          : entry.kind === 'key'
            ? ['key', entry.key]
            : ['tenant', entry.tenant, entry.issuedBefore],
      ),
      revoked_root: textOf(setOf(entries).root()),
    })),
    proofs: proofs(),
    trust: {
      origin: TRUST.origin,
      keys: TRUST.keys.map(({ text }) => text),
      witnesses: TRUST.witnesses.map(({ text }) => text),
      quorum: TRUST.quorum,
    },
    staples: (await staples()).map(({ subject, ...vector }) => ({
      ...vector,
      subject: {
        chains: subject.chains,
        tenant: subject.tenant ?? null,
        oldest_issued_at: subject.oldestIssuedAt,
      },
    })),
  };
}

test('the vectors are what this file makes', async () => {
  // Write them anew with: npx vitest run packages/log/test/revoked-set/vectors.test.ts -u
  await expect(`${JSON.stringify(await makeSuite(), null, 2)}\n`).toMatchFileSnapshot(PATH);
});

test('the roots are those of the second implementation', () => {
  for (const entries of Object.values(SETS))
    expect(textOf(setOf(entries).root())).toBe(naiveRoot(entries));
});

test('the proofs come to what they expect', () => {
  for (const { id, set, query, proof, expected } of proofs()) {
    const sought = soughtIds(query);
    const opening = sought && openRevokedProof(Buffer.from(proof, 'base64url'), sought);
    const root = textOf(setOf(SETS[set] ?? []).root());
    const actual =
      opening === undefined ? 'malformed' : textOf(opening.root) === root ? 'root' : 'other_root';
    expect([id, actual]).toEqual([id, typeof expected === 'string' ? expected : 'root']);
  }
});

test('the staples come to what they expect', async () => {
  for (const { id, subject, staple, expected } of await staples()) {
    const verdict = verifyStaple(staple, subject, TRUST);
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
    expect([id, actual]).toEqual([id, expected]);
  }
});

function token(hash: string, root: string = ROOT): RevokedEntry {
  return { kind: 'token', token: hash, root, expiresAt: TEST_TIME + 60 };
}

function tenant(name: string, issuedBefore: number): RevokedEntry {
  return { kind: 'tenant', tenant: name, issuedBefore };
}

function setOf(entries: readonly RevokedEntry[]): ReturnType<typeof createRevokedSet> {
  const set = createRevokedSet();
  for (const entry of entries) set.add(entry);
  return set;
}

function partsOf(staple: Uint8Array): Staple {
  const parts = parseStaple(staple);
  if (parts === undefined) throw new Error('no staple');
  return parts;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
