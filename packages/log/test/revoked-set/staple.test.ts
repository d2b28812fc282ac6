import {
  parseStaple,
  type RevokedEntry,
  type StapleSubject,
  type StapleVerdict,
  verifyStaple,
  verifyStapleAsync,
  writeStaple,
} from '@taper/core';
import { TEST_TIME } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { createStaple } from '../../src/revoked-set/staple.ts';
import { named, OTHERS, openScene, SUBJECT, TRUST } from './scene.ts';

const CHAIN = SUBJECT.chains[0] as StapleSubject['chains'][number];
const [ROOT, MIDDLE, LEAF] = CHAIN.tokens as readonly [string, string, string];

describe('a staple', () => {
  test('says that nothing of a chain was revoked, and as of when', async () => {
    const scene = await openScene();
    const staple = await scene.staple(OTHERS);
    expect(verifyStaple(staple, SUBJECT, TRUST)).toMatchObject({
      ok: true,
      epoch: 1,
      asOf: TEST_TIME + 1,
      nextUpdate: TEST_TIME + 2,
      index: OTHERS.length,
      revoked: undefined,
    });
  });

  test('is the same as text, and to whoever checks signatures asynchronously', async () => {
    const scene = await openScene();
    const staple = await scene.staple(OTHERS);
    const text = Buffer.from(staple).toString('base64url');
    const verdict = verifyStaple(staple, SUBJECT, TRUST);
    expect(verifyStaple(text, SUBJECT, TRUST)).toEqual(verdict);
    expect(await verifyStapleAsync(text, SUBJECT, TRUST)).toEqual(verdict);
    expect(verdict.ok).toBe(true);
  });

  test('of an epoch without any revocation says so too', async () => {
    const scene = await openScene();
    expect(verifyStaple(await scene.staple([]), SUBJECT, TRUST)).toMatchObject({
      ok: true,
      revoked: undefined,
    });
  });

  const token = (hash: string, root: string = ROOT): RevokedEntry => ({
    kind: 'token',
    token: hash,
    root,
    expiresAt: TEST_TIME + 60,
  });
  const key = (at: number): RevokedEntry => ({ kind: 'key', key: CHAIN.keys[at] as string });
  const tenant = (issuedBefore: number, name = 'acme'): RevokedEntry => ({
    kind: 'tenant',
    tenant: name,
    issuedBefore,
  });
  const nothing = undefined;

  test.each<[string, readonly RevokedEntry[], object | undefined]>([
    ['M01: the leaf', [token(LEAF)], { what: 'token', chain: 0, index: 2 }],
    ['M02: an ancestor', [token(MIDDLE)], { what: 'token', chain: 0, index: 1 }],
    ['M02: the root', [token(ROOT)], { what: 'token', chain: 0, index: 0 }],
    [
      'M14: of leaf and ancestor the ancestor',
      [token(LEAF), token(MIDDLE)],
      { what: 'token', chain: 0, index: 1 },
    ],
    ['the key of the anchor', [key(0)], { what: 'key', chain: 0, index: 0 }],
    ['the key of the last holder', [key(3)], { what: 'key', chain: 0, index: 3 }],
    [
      'M14: of token and key the token',
      [key(0), token(LEAF)],
      { what: 'token', chain: 0, index: 2 },
    ],
    ['tokens of the tenant before a time', [tenant(TEST_TIME - 599)], { what: 'tenant', index: 0 }],
    [
      "M18: nothing, where the tenant's were revoked before the oldest token was issued",
      [tenant(TEST_TIME - 600)],
      nothing,
    ],
    ['M18: nothing, where another tenant was revoked', [tenant(TEST_TIME, 'globex')], nothing],
    ['M18: nothing, where a sibling in the family was revoked', [token(named('sibling'))], nothing],
    ['M18: nothing, where a key has the name of a token', [{ kind: 'key', key: LEAF }], nothing],
  ])('shows revoked: %s', async (_title, entries, revoked) => {
    const scene = await openScene();
    const verdict = verifyStaple(await scene.staple([...OTHERS, ...entries]), SUBJECT, TRUST);
    expect(verdict).toMatchObject({ ok: true });
    expect(verdict.ok && verdict.revoked).toEqual(revoked);
  });

  test('M14: of joined chains says which one, and the index among the tokens of all', async () => {
    const other = { tokens: [named('other root'), LEAF], keys: ['a', 'b', 'c'].map(named) };
    const same = { tokens: [ROOT, named('other child')], keys: ['d', 'e', 'f'].map(named) };
    const subject = { ...SUBJECT, chains: [CHAIN, other, same] };
    const scene = await openScene();
    // LEAF was revoked in the family of `other root`, where it is another token.
    const staple = await scene.staple([...OTHERS, token(LEAF, named('other root'))], subject);
    expect(verifyStaple(staple, subject, TRUST)).toMatchObject({
      revoked: { what: 'token', chain: 1, index: 4 },
    });
    const pair = { ...SUBJECT, chains: [CHAIN, same] };
    const later = await scene.staple([token(named('other child'))], pair);
    expect(verifyStaple(later, pair, TRUST)).toMatchObject({
      revoked: { what: 'token', chain: 1, index: 4 },
    });
    const [first, second] = [
      ['x', 'y', 'z'],
      ['v', 'w'],
    ].map((names) => names.map(named));
    const keyed = {
      ...SUBJECT,
      chains: [
        { ...CHAIN, tokens: first ?? [] },
        { ...same, tokens: second ?? [] },
      ],
    };
    const last = await scene.staple([{ kind: 'key', key: named('f') }], keyed);
    expect(verifyStaple(last, keyed, TRUST)).toMatchObject({
      revoked: { what: 'key', chain: 1, index: 6 },
    });
  });

  test('M12: of a later epoch still shows what was revoked, until a day after it has expired', async () => {
    const scene = await openScene();
    await scene.publish([...OTHERS, token(LEAF)]);
    scene.set.add(token(LEAF));
    expect(revokedOf(await scene.staple([]))).toMatchObject({ what: 'token', index: 2 });
    scene.set.prune(TEST_TIME + 60 + 86_399);
    expect(revokedOf(await scene.staple([]))).toMatchObject({ what: 'token', index: 2 });
    scene.set.prune(TEST_TIME + 60 + 86_400);
    expect(revokedOf(await scene.staple([]))).toBeUndefined();
  });

  test('is not made from a set that is no longer that of the epoch', async () => {
    const scene = await openScene();
    const epoch = await scene.publish(OTHERS);
    scene.set.add(token(LEAF));
    expect(() => createStaple(SUBJECT, scene.set, epoch)).toThrow(
      expect.objectContaining({ code: 'log_unavailable' }),
    );
  });

  test('R01: is at most 65,536 bytes, whoever else has signed its checkpoint', async () => {
    const scene = await openScene();
    const staple = Buffer.from(await scene.staple(OTHERS));
    const end = 3 + staple.readUInt16BE(1);
    const sized = (size: number): Uint8Array => {
      const line = (name: string): string => `— ${name} ${'A'.repeat(8)}\n`;
      const room = size - staple.length - Buffer.byteLength(line(''));
      const note = Buffer.concat([staple.subarray(3, end), Buffer.from(line('x'.repeat(room)))]);
      const head = Buffer.from([1, note.length >> 8, note.length & 0xff]);
      return Buffer.concat([head, note, staple.subarray(end)]);
    };
    expect(sized(65_536)).toHaveLength(65_536);
    expect(verifyStaple(sized(65_536), SUBJECT, TRUST)).toMatchObject({ ok: true });
    const problem = { ok: false, problem: 'staple_malformed' };
    expect(verifyStaple(sized(65_537), SUBJECT, TRUST)).toEqual(problem);
    const text = Buffer.from(sized(65_537)).toString('base64url');
    expect(verifyStaple(text, SUBJECT, TRUST)).toEqual(problem);
  });

  test('written from its parts is the same bytes', async () => {
    const staple = await (await openScene()).staple(OTHERS);
    const parsed = parseStaple(staple);
    expect(parsed && writeStaple(parsed)).toEqual(staple);
  });
});

function revokedOf(staple: Uint8Array): unknown {
  const verdict: StapleVerdict = verifyStaple(staple, SUBJECT, TRUST);
  expect(verdict.ok).toBe(true);
  return verdict.ok ? verdict.revoked : 'no verdict';
}
