import {
  type EpochRecord,
  noteKey,
  openRevokedProof,
  parseNote,
  parseStaple,
  revokedLeafHash,
  revokedNodeHash,
  revokedSetRoot,
  type Staple,
  type StapleSubject,
  type StapleVerdict,
  soughtIds,
  timeValue,
  verifyStaple,
  writeNote,
  writeStaple,
} from '@taper/core';
import { TEST_TIME, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { createRevokedSet } from '../../src/revoked-set/revoked-set.ts';
import { createStaple } from '../../src/revoked-set/staple.ts';
import { near } from './arbitrary.ts';
import { named, ORIGIN, OTHERS, openScene, SUBJECT, TRUST, WITNESS } from './scene.ts';

const CHAIN = SUBJECT.chains[0] as StapleSubject['chains'][number];
const [ROOT, , LEAF] = CHAIN.tokens as readonly [string, string, string];
const ZERO = new Uint8Array(32);

/** Writes a proof by hand: `1` and `0` are bits, bytes are data. Groups are for the reader. */
function proofOf(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const bits = parts.filter((part) => typeof part === 'string').join('');
  const bytes = bits.match(/.{1,8}/g)?.map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2)) ?? [];
  const data = parts.filter((part) => typeof part !== 'string');
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255, ...bytes), ...data]);
}

/** 32 bytes that begin with these bits, and are otherwise of a name. */
function idOf(bits: string, name: string): Uint8Array {
  const id = Buffer.from(named(name), 'base64url');
  for (const [at, bit] of [...bits].entries()) {
    const mask = 0x80 >> (at & 7);
    const byte = id[at >> 3] as number;
    id[at >> 3] = bit === '1' ? byte | mask : byte & ~mask;
  }
  return id;
}

const textOf = (id: Uint8Array): string => Buffer.from(id).toString('base64url');

/** Two keys are revoked, 00… and 01…; a chain has the first and one that is not revoked, 1…. */
describe('a forged proof of the keys tree', () => {
  const revoked = idOf('00', 'revoked');
  const other = idOf('01', 'other');
  const clean = idOf('1', 'clean');
  const set = createRevokedSet();
  for (const id of [revoked, other]) set.add({ kind: 'key', key: textOf(id) });
  const query = { chains: [{ tokens: [ROOT], keys: [textOf(clean), textOf(revoked)] }] };
  const sought = soughtIds(query) as NonNullable<ReturnType<typeof soughtIds>>;
  const leaf = (id: Uint8Array): Uint8Array => revokedLeafHash(id, ZERO);
  const low = revokedNodeHash(leaf(revoked), leaf(other));
  const [noFamily, noTenant] = ['00', '0'];

  /** What it opens to: nothing, or another root than that of the set. */
  const verdict = (...keys: readonly (string | Uint8Array)[]): unknown => {
    const opening = openRevokedProof(proofOf(noFamily, ...keys, noTenant), sought);
    if (opening === undefined) return 'malformed';
    const isRoot = Buffer.from(opening.root).equals(set.root());
    return isRoot ? [...opening.present.keys()].map(({ id }) => textOf(id)) : 'another root';
  };

  test('M12: what is revoked is shown present by the one proof that there is', () => {
    // node: ( node: ( leaf revoked, sibling ), absent )
    const honest = ['1', '1', '01', revoked, '1', leaf(other), '00'];
    expect(verdict(...honest)).toEqual([textOf(revoked)]);
    expect(proofOf(noFamily, ...honest, noTenant)).toEqual(Buffer.from(set.prove(query)));
  });

  test.each<[string, (string | Uint8Array)[], string]>([
    ['an empty marker where the leaf is', ['1', '1', '00', '1', leaf(other), '00'], 'another root'],
    ['an empty marker where the node above it is', ['1', '00', '00'], 'malformed'],
    ['an empty tree', ['00'], 'another root'],
    [
      'the empty marker on the side of the sibling',
      ['1', '1', '01', other, '1', leaf(revoked), '00'],
      'malformed',
    ],
    ['the other leaf at the path of the revoked', ['1', '01', other, '00'], 'malformed'],
    ['the other leaf above the path of the revoked, alone', ['01', other], 'another root'],
    [
      'the path turned into the wrong branch',
      ['1', '00', '1', '01', revoked, '1', leaf(other)],
      'malformed',
    ],
    ['a path cut off one level early', ['1', '01', revoked, '00'], 'malformed'],
    [
      'a path one level too deep',
      ['1', '1', '1', '01', revoked, '0', '1', leaf(other), '00'],
      'malformed',
    ],
    ['an inner node given as a leaf', ['1', '01', leaf(revoked), '00'], 'malformed'],
    [
      'a leaf given as an inner node',
      ['1', '1', '1', '00', '1', revoked, '1', leaf(other), '00'],
      'another root',
    ],
    [
      'the sibling twice',
      ['1', '1', '01', revoked, '1', leaf(other), '1', leaf(other), '00'],
      'malformed',
    ],
    [
      '32 zero bytes in place of the empty marker',
      ['1', '1', '01', revoked, '1', ZERO, '00'],
      'malformed',
    ],
    ['the halves exchanged', ['1', '00', '1', '01', revoked, '1', leaf(other)], 'malformed'],
    ['the hash of the whole tree as a sibling', ['1', '00', '1', low], 'malformed'],
    [
      'bits after the end',
      ['1', '1', '01', revoked, '1', leaf(other), '00', '00000000'],
      'malformed',
    ],
    [
      'a filled last byte',
      ['1', '1', '01', revoked, '1', leaf(other), '00', '0', '1'],
      'malformed',
    ],
    [
      'data after the end',
      ['1', '1', '01', revoked, '1', leaf(other), '00', Buffer.of(0)],
      'malformed',
    ],
    [
      'data that ends early',
      ['1', '1', '01', revoked, '1', leaf(other).subarray(1), '00'],
      'malformed',
    ],
  ])('N04: %s is refused', (_title, keys, expected) => {
    expect(verdict(...keys)).toBe(expected);
  });

  test('a path of more bits than an id has is refused', () => {
    const one = { chains: [{ tokens: [ROOT], keys: [textOf(revoked), textOf(revoked)] }] };
    const ids = soughtIds(one) as NonNullable<ReturnType<typeof soughtIds>>;
    const deep = (levels: number): Uint8Array => {
      let parts: (string | Uint8Array)[] = ['00'];
      for (let depth = levels - 1; depth >= 0; depth--) {
        const bit = ((revoked[depth >> 3] ?? 0) >> (7 - (depth & 7))) & 1;
        parts = bit === 0 ? ['1', ...parts, '1', leaf(other)] : ['1', '1', leaf(other), ...parts];
      }
      return proofOf(noFamily, ...parts, noTenant);
    };
    expect(openRevokedProof(deep(256), ids)?.root).not.toEqual(set.root());
    expect(openRevokedProof(deep(257), ids)).toBeUndefined();
  });

  test('an entry that stands in the wrong place of a dishonest tree is not taken for absence', () => {
    // The authority put the revoked key where 1… belongs. No proof of it opens, so nothing is proved.
    expect(verdict('1', '00', '01', revoked)).toBe('malformed');
  });
});

describe('ids that share 200 bits and more', () => {
  const pairs = [200, 254, 255].map((bit) => [near(0, bit), near(0, 0)] as const);

  test.each(pairs)('are told apart: %s', (close) => {
    const base = Buffer.from(close, 'base64url');
    base[31] = (base[31] as number) ^ 1;
    const victim = base.toString('base64url');
    const set = createRevokedSet();
    set.add({ kind: 'key', key: close });
    set.add({ kind: 'key', key: near(0, 100) });
    const query = { chains: [{ tokens: [ROOT], keys: [victim, close] }] };
    const sought = soughtIds(query) as NonNullable<ReturnType<typeof soughtIds>>;
    const opening = openRevokedProof(set.prove(query), sought);
    expect(opening?.root).toEqual(set.root());
    expect([...(opening?.present.keys() ?? [])].map(({ id }) => textOf(id))).toEqual([close]);
    set.add({ kind: 'key', key: victim });
    const both = openRevokedProof(set.prove(query), sought);
    expect(both?.root).toEqual(set.root());
    expect(both?.present.size).toBe(2);
  });
});

describe('a forged proof between the trees', () => {
  const expiresAt = TEST_TIME + 60;
  const set = createRevokedSet();
  set.add({ kind: 'token', root: ROOT, token: LEAF, expiresAt });
  set.add({ kind: 'token', root: named('other root'), token: named('other'), expiresAt });
  const sought = soughtIds(SUBJECT) as NonNullable<ReturnType<typeof soughtIds>>;
  const id = (text: string): Uint8Array => Buffer.from(text, 'base64url');
  const time = timeValue(expiresAt).subarray(-8);
  const family = revokedLeafHash(id(LEAF), timeValue(expiresAt));
  const foreign = revokedLeafHash(id(named('other')), timeValue(expiresAt));
  const foreignLeaf = revokedLeafHash(id(named('other root')), foreign);
  const rootOf = (proof: Uint8Array): unknown => {
    const opening = openRevokedProof(proof, sought);
    if (opening === undefined) return 'malformed';
    return Buffer.from(opening.root).equals(set.root()) ? opening.present.size : 'another root';
  };
  // Where the two families part is read off the ids, so that the proofs below stay short.
  const shared = [...id(ROOT)].findIndex((byte, at) => byte !== id(named('other root'))[at]);
  const first = Math.clz32(
    ((id(ROOT)[shared] as number) ^ (id(named('other root'))[shared] as number)) << 24,
  );
  const bitOf = (text: string, at: number): number =>
    ((id(text)[at >> 3] as number) >> (7 - (at & 7))) & 1;
  const levels = shared * 8 + first;
  const path = (inner: readonly (string | Uint8Array)[]): (string | Uint8Array)[] => {
    let parts = [...inner];
    for (let depth = levels; depth >= 0; depth--) {
      const sibling = depth === levels ? ['1', foreignLeaf] : ['0'];
      parts = bitOf(ROOT, depth) === 0 ? ['1', ...parts, ...sibling] : ['1', ...sibling, ...parts];
    }
    return parts;
  };
  const noKey = '00';
  const noTenant = '00';

  test('the honest one shows the token', () => {
    const proof = proofOf(...path(['01', id(ROOT), '01', id(LEAF), time]), noKey, noTenant);
    expect(proof).toEqual(Buffer.from(set.prove(SUBJECT)));
    expect(rootOf(proof)).toBe(1);
  });

  test.each<[string, Uint8Array, string]>([
    [
      'the tree of another family in place of its own',
      proofOf(...path(['01', id(ROOT), '01', id(named('other')), time]), noKey, noTenant),
      'another root',
    ],
    [
      'the family without any token',
      proofOf(...path(['01', id(ROOT), '00']), noKey, noTenant),
      'malformed',
    ],
    ['the family absent', proofOf(...path(['00']), noKey, noTenant), 'another root'],
    [
      'the family as if it were not asked for',
      proofOf(...path(['01', id(ROOT), family]), noKey, noTenant),
      'malformed',
    ],
    [
      'the token with another time',
      proofOf(
        ...path(['01', id(ROOT), '01', id(LEAF), timeValue(1).subarray(-8)]),
        noKey,
        noTenant,
      ),
      'another root',
    ],
    [
      'the token with a time beyond 2^53',
      proofOf(...path(['01', id(ROOT), '01', id(LEAF), Buffer.alloc(8, 255)]), noKey, noTenant),
      'malformed',
    ],
    [
      'the leaf of a family as that of a key',
      proofOf('00', '01', id(ROOT), noTenant),
      'another root',
    ],
  ])('N05: %s is refused', (_title, proof, expected) => {
    expect(rootOf(proof)).toBe(expected);
  });

  test('the trees cannot change places', () => {
    const [a, b, c] = [family, foreign, foreignLeaf];
    const roots = [revokedSetRoot(a, b, c), revokedSetRoot(b, a, c), revokedSetRoot(a, c, b)];
    expect(new Set(roots.map(textOf)).size).toBe(3);
  });
});

describe('a forged staple', () => {
  const revoked = { kind: 'token', root: ROOT, token: LEAF, expiresAt: TEST_TIME + 60 } as const;

  test('N16: of another chain proves nothing of this one', async () => {
    const scene = await openScene();
    const other: StapleSubject = {
      ...SUBJECT,
      chains: [{ tokens: ['a', 'b', 'c'].map(named), keys: ['d', 'e', 'f', 'g'].map(named) }],
    };
    const staple = await scene.staple([...OTHERS, revoked], other);
    expect(verifyStaple(staple, other, TRUST)).toMatchObject({ ok: true, revoked: undefined });
    expect(problemOf(staple)).toMatch(/^(proof_malformed|inclusion_invalid)$/);
  });

  test('N16: of a part of the chain, or without the tenant, proves nothing of the whole', async () => {
    const scene = await openScene();
    const tenant = { kind: 'tenant', tenant: 'acme', issuedBefore: TEST_TIME } as const;
    const key = { kind: 'key', key: CHAIN.keys[3] as string } as const;
    const epoch = await scene.publish([...OTHERS, revoked, tenant, key]);
    const parts: StapleSubject[] = [
      { ...SUBJECT, chains: [{ tokens: CHAIN.tokens.slice(0, 2), keys: CHAIN.keys.slice(0, 3) }] },
      { chains: SUBJECT.chains, oldestIssuedAt: SUBJECT.oldestIssuedAt },
      {
        ...SUBJECT,
        chains: [{ ...CHAIN, keys: [...CHAIN.keys.slice(0, 3), CHAIN.keys[0] as string] }],
      },
    ];
    for (const part of parts) {
      const staple = createStaple(part, scene.set, epoch);
      expect(verifyStaple(staple, part, TRUST).ok).toBe(true);
      expect(problemOf(staple)).toMatch(/^(proof_malformed|inclusion_invalid)$/);
    }
  });

  test('N16: without its proof, its record or its inclusion proof is none', async () => {
    const { parts } = await stapled([...OTHERS, revoked]);
    expect(problemOf(writeStaple({ ...parts, proof: new Uint8Array(0) }))).toBe('proof_malformed');
    expect(problemOf(writeStaple({ ...parts, proof: new Uint8Array(2) }))).toBe('proof_malformed');
    expect(problemOf(writeStaple({ ...parts, inclusion: [] }))).toBe('inclusion_invalid');
    expect(problemOf(writeStaple({ ...parts, checkpoint: '' }))).toBe('note_malformed');
  });

  test('M06: with the proof of the epoch before the revocation does not pass under a newer record', async () => {
    const scene = await openScene();
    const before = parse(await scene.staple(OTHERS));
    const after = parse(await scene.staple([revoked]));
    expect(verdictOf(writeStaple(after))).toMatchObject({ revoked: { what: 'token', index: 2 } });
    expect(problemOf(writeStaple({ ...after, proof: before.proof }))).toBe('inclusion_invalid');
    // The older staple is true of its own time, and says so; it cannot be made younger.
    expect(verdictOf(writeStaple(before))).toMatchObject({
      ok: true,
      asOf: TEST_TIME + 1,
      epoch: 1,
    });
    for (const changes of [
      { time: after.time, nextUpdate: after.nextUpdate },
      { time: before.time - 1 },
      { epoch: after.epoch },
      { nextUpdate: after.nextUpdate },
      { revoked: after.revoked },
      { index: after.index },
      { checkpoint: after.checkpoint },
      {
        time: after.time,
        epoch: after.epoch,
        nextUpdate: after.nextUpdate,
        revoked: after.revoked,
      },
      { checkpoint: after.checkpoint, inclusion: after.inclusion, index: after.index },
    ])
      expect(problemOf(writeStaple({ ...before, ...changes }))).toBe('inclusion_invalid');
  });

  test('M06: an older record under a newer checkpoint keeps its own time', async () => {
    const scene = await openScene();
    const before = await scene.publish(OTHERS);
    const old = parse(createStaple(SUBJECT, scene.set, before));
    const after = await scene.publish([revoked]);
    const inclusion = await scene.log.reader.inclusionProof(old.index);
    const renewed = writeStaple({ ...old, checkpoint: after.checkpoint, inclusion });
    expect(verdictOf(renewed)).toMatchObject({ ok: true, asOf: TEST_TIME + 1, epoch: 1 });
  });

  test('N04: with another index, size or path is refused', async () => {
    const { parts } = await stapled([...OTHERS, revoked]);
    const { inclusion, index } = parts;
    for (const changes of [
      { index: index - 1 },
      { index: index + 1 },
      { index: 2 ** 53 - 1 },
      { inclusion: inclusion.slice(1) },
      { inclusion: inclusion.toReversed() },
      { inclusion: [...inclusion, inclusion[0] as Uint8Array] },
      { inclusion: inclusion.with(0, ZERO) },
    ])
      expect(problemOf(writeStaple({ ...parts, ...changes }))).toBe('inclusion_invalid');
  });

  test('N05: another entry of the log does not stand for an epoch record', async () => {
    const scene = await openScene();
    const { parts } = await stapled([...OTHERS, revoked], scene);
    const inclusion = await scene.log.reader.inclusionProof(3);
    expect(problemOf(writeStaple({ ...parts, index: 3, inclusion }))).toBe('inclusion_invalid');
  });

  test('N05: a record that stands at another index than it says is refused', async () => {
    const scene = await openScene();
    const epoch = await scene.publish(OTHERS, { size: OTHERS.length - 1 });
    const staple = parse(createStaple(SUBJECT, scene.set, epoch));
    const inclusion = await scene.log.reader.inclusionProof(OTHERS.length);
    const moved = writeStaple({ ...staple, index: OTHERS.length, inclusion });
    expect(problemOf(moved)).toBe('inclusion_invalid');
  });

  test.each<[string, Partial<EpochRecord>]>([
    ['of epoch 0', { epoch: 0 }],
    ['whose next update is not later than itself', { nextUpdate: TEST_TIME + 1 }],
  ])('a record %s cannot be stapled', async (_title, changes) => {
    const scene = await openScene();
    const epoch = await scene.publish(OTHERS, changes);
    expect(() => createStaple(SUBJECT, scene.set, epoch)).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });

  test('M05: under a checkpoint without signature, of another log, or of other keys is refused', async () => {
    const { staple, parts } = await stapled([...OTHERS, revoked]);
    const foreign = await stapled(OTHERS, await openScene('other.example.com/log'));
    expect(problemOf(foreign.staple)).toBe('origin_mismatch');
    const others = testKey('mallory').publicKey;
    const witnesses = [noteKey(WITNESS, others, 4)];
    expect(problemOf(staple, { ...TRUST, keys: [noteKey(ORIGIN, others, 1)] })).toBe(
      'signature_missing',
    );
    expect(problemOf(staple, { ...TRUST, witnesses })).toBe('quorum_unmet');
    const note = parseNote(parts.checkpoint);
    if (note === undefined) throw new Error('no note');
    const [own, witness] = note.signatures;
    const unsigned = writeNote(note.text, [witness as NonNullable<typeof witness>]);
    expect(problemOf(writeStaple({ ...parts, checkpoint: unsigned }))).toBe('signature_missing');
    const flipped = { ...(own as NonNullable<typeof own>), bytes: new Uint8Array(64).fill(1) };
    const broken = writeNote(note.text, [flipped, witness as NonNullable<typeof witness>]);
    expect(problemOf(writeStaple({ ...parts, checkpoint: broken }))).toBe('signature_invalid');
  });

  test('N10: without the quorum of witnesses, or with one from the future, is refused', async () => {
    const { staple, parts } = await stapled(OTHERS);
    const note = parseNote(parts.checkpoint);
    if (note === undefined) throw new Error('no note');
    const alone = writeNote(note.text, note.signatures.slice(0, 1));
    const without = writeStaple({ ...parts, checkpoint: alone });
    expect(problemOf(without)).toBe('quorum_unmet');
    expect(problemOf(without, { ...TRUST, quorum: 0 })).toBe('none');
    expect(problemOf(staple, TRUST, TEST_TIME - 60)).toBe('cosignature_future');
    expect(problemOf(staple, TRUST, TEST_TIME - 59)).toBe('none');
  });

  test('every bit of a staple is covered: none can be flipped', async () => {
    const { staple } = await stapled([...OTHERS.slice(0, 16), revoked]);
    for (let bit = 0; bit < staple.length * 8; bit++) {
      const changed = Uint8Array.from(staple);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (0x80 >> (bit & 7));
      const verdict = verifyStaple(changed, SUBJECT, TRUST);
      if (verdict.ok) throw new Error(`bit ${bit} of byte ${bit >> 3} can be flipped`);
    }
    expect(verdictOf(staple).ok).toBe(true);
  });

  test('cut off anywhere, or with anything behind it, is refused', async () => {
    const { staple } = await stapled([...OTHERS.slice(0, 16), revoked]);
    for (let length = 0; length < staple.length; length++)
      expect(problemOf(staple.subarray(0, length))).not.toBe('none');
    expect(problemOf(Buffer.concat([staple, Buffer.of(0)]))).toBe('proof_malformed');
    expect(problemOf(Buffer.concat([staple, staple]))).toBe('proof_malformed');
    expect(problemOf(new Uint8Array(70_000))).toBe('staple_malformed');
    expect(problemOf(`${'A'.repeat(90_000)}`)).toBe('staple_malformed');
  });

  test('M07: as text has one spelling', async () => {
    const { staple } = await stapled(OTHERS);
    const text = Buffer.from(staple).toString('base64url');
    expect(problemOf(text)).toBe('none');
    const standard = Buffer.from(staple).toString('base64');
    for (const other of [`${text}=`, ` ${text}`, `${text}\n`, standard, text.toLowerCase(), ''])
      expect(problemOf(other)).toBe('staple_malformed');
  });

  test('M07: a subject has one spelling, and what is none is not asked for', async () => {
    const { staple } = await stapled([...OTHERS, revoked]);
    const [anchor, ...holders] = CHAIN.keys as readonly [string, ...string[]];
    const chains: (readonly StapleSubject['chains'][number][])[] = [
      [],
      [{ tokens: [], keys: [anchor] }],
      [{ tokens: CHAIN.tokens, keys: holders }],
      [{ tokens: CHAIN.tokens, keys: [`${anchor}=`, ...holders] }],
      [{ tokens: CHAIN.tokens, keys: [`${anchor.slice(0, 42)}!`, ...holders] }],
      [{ tokens: [`${ROOT} `, ...CHAIN.tokens.slice(1)], keys: CHAIN.keys }],
      Array.from({ length: 40 }, () => CHAIN),
    ];
    for (const each of chains)
      expect(verifyStaple(staple, { ...SUBJECT, chains: each }, TRUST)).toEqual({
        ok: false,
        problem: 'subject_malformed',
      });
    for (const tenant of ['', '\ud800'])
      expect(verifyStaple(staple, { ...SUBJECT, tenant }, TRUST)).toMatchObject({
        problem: 'subject_malformed',
      });
    const never = { ...SUBJECT, oldestIssuedAt: Number.NaN };
    expect(verifyStaple(staple, never, TRUST)).toMatchObject({ problem: 'subject_malformed' });
  });
});

async function stapled(
  entries: Parameters<Awaited<ReturnType<typeof openScene>>['staple']>[0],
  scene?: Awaited<ReturnType<typeof openScene>>,
): Promise<{ staple: Uint8Array; parts: Staple }> {
  const staple = await (scene ?? (await openScene())).staple(entries);
  return { staple, parts: parse(staple) };
}

function parse(staple: Uint8Array): Staple {
  const parts = parseStaple(staple);
  if (parts === undefined) throw new Error('no staple');
  return parts;
}

function verdictOf(staple: Uint8Array | string, trust = TRUST, now?: number): StapleVerdict {
  return verifyStaple(staple, SUBJECT, trust, now === undefined ? {} : { now });
}

function problemOf(staple: Uint8Array | string, trust = TRUST, now?: number): string {
  const verdict = verdictOf(staple, trust, now);
  return verdict.ok ? 'none' : verdict.problem;
}
