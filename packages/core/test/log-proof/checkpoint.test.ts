import { TEST_TIME, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  cosign,
  isVerifiedCheckpoint,
  type LogTrust,
  noteKey,
  parseCheckpoint,
  parseLogProof,
  parseNote,
  parseNoteKey,
  parseSignatureLine,
  platform,
  requireLogTrust,
  signCheckpoint,
  verifyCheckpoint,
  verifyCheckpointAsync,
  verifyLogProof,
  verifyNote,
  writeCheckpoint,
  writeLogProof,
  writeNote,
  writeSignatureLine,
} from '../../src/index.ts';
import { leafOf } from './plain-tree.ts';
import { logLine, witnessLine } from './signed-line.ts';

const ORIGIN = 'log.example/authority';
const log = testKey('log');
const alice = testKey('witness alice');
const bob = testKey('witness bob');
const entry = Buffer.from('the only entry');
const root = leafOf(entry);
const body = writeCheckpoint({ origin: ORIGIN, size: 1, root });
const trust: LogTrust = {
  origin: ORIGIN,
  keys: [noteKey(ORIGIN, log.publicKey, 1)],
  witnesses: [noteKey('alice.example', alice.publicKey, 4), noteKey('bob', bob.publicKey, 4)],
  quorum: 1,
};
const optionInvalid = expect.objectContaining({ code: 'option_invalid' });

async function cosigned(): Promise<string> {
  return writeNote(body, [
    await signCheckpoint(body, ORIGIN, log.signer),
    await cosign(body, 'alice.example', alice.signer, TEST_TIME),
  ]);
}

describe('writing', () => {
  test('a checkpoint reads as what it was written from', () => {
    const extensions = ['one', 'two'];
    const text = writeCheckpoint({ origin: ORIGIN, size: 1, root, extensions });
    expect(parseCheckpoint(text)).toEqual({ origin: ORIGIN, size: 1, root, extensions });
    expect(body).toBe(`${ORIGIN}\n1\n${Buffer.from(root).toString('base64')}\n`);
  });

  test('N14 what would not read as itself is not written as a checkpoint', () => {
    const good = { origin: ORIGIN, size: 1, root };
    for (const wrong of [
      { origin: '' },
      { origin: 'two\nlines' },
      { origin: 'tab\t' },
      { origin: '\ud800' },
      { size: -1 },
      { size: 0 },
      { size: 2 ** 53 },
      { size: 1.5 },
      { root: root.subarray(1) },
      { extensions: [''] },
      { extensions: ['a\nb'] },
    ]) {
      expect(() => writeCheckpoint({ ...good, ...wrong })).toThrow(optionInvalid);
    }
  });

  test('lines are signed as C2SP says', async () => {
    expect(`${await signCheckpoint(body, ORIGIN, log.signer)}\n`).toBe(logLine(log, ORIGIN, body));
    expect(`${await cosign(body, 'alice.example', alice.signer, TEST_TIME)}\n`).toBe(
      witnessLine(alice, 'alice.example', body, TEST_TIME),
    );
  });

  test('N10 nothing but a checkpoint is signed, under a fit name, with Ed25519, at a time that is not 0', async () => {
    const sign = (text: string, name = ORIGIN, key = log): Promise<string> =>
      signCheckpoint(text, name, key.signer);
    await expect(sign(body)).resolves.toMatch(/^— /);
    await expect(sign('no checkpoint\n')).rejects.toThrow(optionInvalid);
    await expect(sign(body.trimEnd())).rejects.toThrow(optionInvalid);
    await expect(sign(body, 'a name')).rejects.toThrow(optionInvalid);
    await expect(sign(body, 'a+b')).rejects.toThrow(optionInvalid);
    await expect(sign(body, '')).rejects.toThrow(optionInvalid);
    await expect(sign(body, ORIGIN, testKey('log', 'ES256'))).rejects.toThrow(optionInvalid);
    for (const time of [0, -1, 0.5, 2 ** 53]) {
      await expect(cosign(body, 'a', alice.signer, time)).rejects.toThrow(optionInvalid);
    }
  });

  test('a note takes lines and signatures that were taken apart, and reads as what it was written from', async () => {
    const note = await cosigned();
    const parsed = parseNote(note);
    expect(writeNote(body, parsed?.signatures ?? [])).toBe(note);
    const lines = (parsed?.signatures ?? []).map(writeSignatureLine);
    expect(lines.map(parseSignatureLine)).toEqual(parsed?.signatures);
    expect(writeNote(body, lines)).toBe(note);
  });

  test('N09 what would not read as itself is not written as a note', async () => {
    const line = await signCheckpoint(body, ORIGIN, log.signer);
    expect(parseNote(writeNote(body, Array(100).fill(line)))?.signatures).toHaveLength(100);
    expect(() => writeNote(body, Array(101).fill(line))).toThrow(optionInvalid);
    expect(() => writeNote(body, [])).toThrow(optionInvalid);
    expect(() => writeNote(body.trimEnd(), [line])).toThrow(optionInvalid);
    expect(() => writeNote(body, [`${line}\n`])).toThrow(optionInvalid);
    expect(() => writeNote(body, [`${line}\n${line}`])).toThrow(optionInvalid);
    expect(() => writeNote('\ud800\n', [line])).toThrow(optionInvalid);
  });

  test('a note of 1,000,000 bytes is read, and one of a byte more is not', async () => {
    const line = await signCheckpoint(body, ORIGIN, log.signer);
    const rest = Buffer.byteLength(`\n\n${line}\n`);
    const text = (bytes: number): string => `é${'a'.repeat(bytes - 2)}\n`;
    expect(writeNote(text(1_000_000 - rest), [line])).toHaveLength(1_000_000 - 3);
    expect(() => writeNote(text(1_000_001 - rest), [line])).toThrow(optionInvalid);
  });
});

test('the text of a checkpoint has at most 65,536 bytes, whatever a note may have', () => {
  const room = 65_536 - Buffer.byteLength(body);
  const wordy = (bytes: number): string => `${body}é${'a'.repeat(bytes - 3)}\n`;
  expect(parseCheckpoint(wordy(room))?.extensions).toHaveLength(1);
  expect(parseCheckpoint(wordy(room + 1))).toBe(undefined);
});

describe('what is believed', () => {
  test('a verified checkpoint is told from a look-alike, and holds what was verified', async () => {
    const note = await cosigned();
    for (const verdict of [
      verifyCheckpoint(note, trust),
      await verifyCheckpointAsync(note, trust),
    ]) {
      if (!verdict.ok) throw new Error(verdict.problem);
      const { checkpoint } = verdict;
      expect({ ...checkpoint }).toEqual({
        origin: ORIGIN,
        size: 1,
        root,
        extensions: [],
        note,
        cosigners: [{ name: 'alice.example', time: TEST_TIME }],
      });
      expect(isVerifiedCheckpoint(checkpoint)).toBe(true);
      expect(isVerifiedCheckpoint({ ...checkpoint })).toBe(false);
      expect(isVerifiedCheckpoint(Object.create(checkpoint))).toBe(false);
      expect(isVerifiedCheckpoint(null)).toBe(false);
      expect(Object.isFrozen(checkpoint) && Object.isFrozen(checkpoint.cosigners)).toBe(true);
      expect('constructor' in checkpoint && checkpoint.constructor).toBe(Object);
    }
  });

  test.each<[string, Partial<Record<keyof LogTrust, unknown>>]>([
    ['no origin', { origin: '' }],
    ['no key of the log', { keys: [] }],
    ['keys that are no list', { keys: trust.keys[0] }],
    ['a witness key as the key of the log', { keys: trust.witnesses }],
    ['a log key as the key of a witness', { witnesses: [noteKey('bob', bob.publicKey, 1)] }],
    ['the same key twice', { witnesses: [trust.witnesses[0], trust.witnesses[0]] }],
    ['the log as a witness of itself', { witnesses: [noteKey('bob', log.publicKey, 4)] }],
    ['a key with another ID', { keys: [{ ...trust.keys[0], id: 5 }] }],
    ['a key that was not checked', { keys: [{ ...trust.keys[0], key: { ...log.publicKey } }] }],
    ['a quorum beyond the witnesses', { quorum: 3 }],
    ['a negative quorum', { quorum: -1 }],
    ['half a quorum', { quorum: 0.5 }],
    ['no quorum', { quorum: undefined }],
    ['101 keys', { keys: Array.from({ length: 101 }, () => trust.keys[0]) }],
  ])('N10 a trust is refused: %s', async (_title, change) => {
    const wrong = { ...trust, ...change } as LogTrust;
    const note = await cosigned();
    expect(verifyCheckpoint(note, trust).ok).toBe(true);
    expect(() => requireLogTrust(wrong)).toThrow(optionInvalid);
    expect(() => verifyCheckpoint(note, wrong)).toThrow(optionInvalid);
    await expect(verifyCheckpointAsync(note, wrong)).rejects.toThrow(optionInvalid);
  });

  test('a trust that was checked is frozen, and changes of what it was made from do not reach it', async () => {
    const given = { ...trust, keys: [...trust.keys] };
    const checked = requireLogTrust(given);
    given.keys.length = 0;
    given.quorum = 0;
    expect(requireLogTrust(checked)).toBe(checked);
    expect(verifyCheckpoint(await cosigned(), checked).ok).toBe(true);
    for (const part of [checked, checked.keys, checked.witnesses, ...checked.keys]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  test('N10 a quorum counts witnesses, not their names', () => {
    const witnesses = [
      noteKey('alice.example', alice.publicKey, 4),
      noteKey('alias.example', alice.publicKey, 4),
    ];
    expect(requireLogTrust({ ...trust, witnesses, quorum: 1 }).quorum).toBe(1);
    expect(() => requireLogTrust({ ...trust, witnesses, quorum: 2 })).toThrow(optionInvalid);
  });

  test('an option is refused that nobody knows or that is no time', async () => {
    const note = await cosigned();
    expect(verifyCheckpoint(note, trust, { now: TEST_TIME }).ok).toBe(true);
    for (const options of [{ Now: 1 }, { now: Number.NaN }, { now: -1 }, { now: '1' }]) {
      expect(() => verifyCheckpoint(note, trust, options as never)).toThrow(optionInvalid);
    }
  });

  test.each([undefined, null, 5, {}, [], ''])(
    '%j is no note, key, checkpoint or proof',
    (value) => {
      const text = value as string;
      expect(parseNote(text)).toBe(undefined);
      expect(parseNoteKey(text)).toBe(undefined);
      expect(parseCheckpoint(text)).toBe(undefined);
      expect(parseLogProof(text)).toBe(undefined);
      expect(parseSignatureLine(text)).toBe(undefined);
      expect(verifyNote(text, trust.keys)).toEqual({ ok: false, problem: 'note_malformed' });
      expect(verifyCheckpoint(text, trust)).toEqual({ ok: false, problem: 'note_malformed' });
    },
  );
});

describe('every single bit', () => {
  function flips(text: string): string[] {
    const bytes = Buffer.from(text);
    return Array.from({ length: 8 * bytes.length }, (_, bit) => {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      // What is no UTF-8 never becomes a text.
      return platform.decodeUtf8(changed) ?? '';
    });
  }

  test('S10 of a cosigned checkpoint counts: none can be flipped', async () => {
    const note = await cosigned();
    expect(verifyCheckpoint(note, trust).ok).toBe(true);
    expect(flips(note).filter((changed) => verifyCheckpoint(changed, trust).ok)).toEqual([]);
  });

  test('S10 of a proof counts, but those of its extra data', async () => {
    const checkpoint = await cosigned();
    const text = writeLogProof({ index: 0, hashes: [], checkpoint });
    expect(verifyLogProof(text, entry, trust).ok).toBe(true);
    expect(flips(text).filter((changed) => verifyLogProof(changed, entry, trust).ok)).toEqual([]);
  });
});

describe('a proof', () => {
  test('N05 N16 reads as what it was written from, and proves that entry and no other', async () => {
    const checkpoint = await cosigned();
    const extra = Buffer.from('for the application');
    const text = writeLogProof({ index: 0, hashes: [], checkpoint, extra });
    expect(parseLogProof(text)).toEqual({ index: 0, hashes: [], checkpoint, extra });
    expect(verifyLogProof(text, entry, trust)).toMatchObject({
      ok: true,
      index: 0,
      note: checkpoint,
    });
    expect(verifyLogProof(text, Buffer.from('another entry'), trust)).toEqual({
      ok: false,
      problem: 'inclusion_invalid',
    });
  });

  test('N14 is not written with an index or hashes that cannot be', async () => {
    const checkpoint = await cosigned();
    for (const wrong of [
      { index: -1 },
      { index: 2 ** 53 },
      { hashes: [root.subarray(1)] },
      { hashes: Array.from({ length: 54 }, () => root) },
    ]) {
      const proof = { index: 0, hashes: [], checkpoint, ...wrong };
      expect(() => writeLogProof(proof)).toThrow(optionInvalid);
    }
  });
});
