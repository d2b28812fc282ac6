import {
  cosign,
  type NoteKey,
  noteKey,
  parseCheckpoint,
  parseNote,
  verifyCheckpoint,
  verifyConsistency,
} from '@taper/core';
import { testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import type { Witness } from '../../src/port/witness.ts';
import { ORIGIN } from '../reader/scene.ts';
import { bytes, many, newStores, open, RestorableTiles, restoredCheckpoint } from './scene.ts';

const TIME = 1_800_000_000;

/** A witness as C2SP tlog-witness wants it, in memory. */
interface TestWitness extends Witness {
  seen: { size: number; root: Uint8Array };
  asked: number;
}

function createWitness(name: string): TestWitness {
  const { signer, publicKey } = testKey(name);
  const key = noteKey(`${name}.example`, publicKey, 4);
  const witness: TestWitness = {
    key,
    seen: { size: 0, root: new Uint8Array(0) },
    asked: 0,
    async cosign(note, oldSize, proof) {
      witness.asked += 1;
      const body = parseNote(note)?.text ?? '';
      const { size = -1, root = new Uint8Array(0) } = parseCheckpoint(body) ?? {};
      if (oldSize !== witness.seen.size) return { size: witness.seen.size };
      const oldRoot = witness.seen.root;
      if (oldSize > 0 && !verifyConsistency({ oldSize, oldRoot, size, root, proof }))
        throw new Error('inconsistent');
      witness.seen = { size, root };
      return [await cosign(body, key.name, signer, TIME)];
    },
  };
  return witness;
}

/** A witness that answers what it is told to. */
function answering(key: NoteKey, answer: () => unknown): Witness {
  return { key, cosign: async () => answer() as never };
}

function trust(
  key: NoteKey,
  witnesses: readonly Witness[],
  quorum: number,
): Parameters<typeof verifyCheckpoint>[1] {
  return {
    origin: ORIGIN,
    keys: [key],
    witnesses: witnesses.map((witness) => witness.key),
    quorum,
  };
}

describe('a log with witnesses', () => {
  test('publishes checkpoints with their cosignatures, as it grows', async () => {
    const witnesses = [createWitness('one'), createWitness('two')];
    const log = await open(newStores(), { witnesses });
    for (const count of [1, 5, 700]) {
      await log.appendAll(many(count));
      const { note, size } = await log.publish();
      expect(verifyCheckpoint(note, trust(log.key, witnesses, 2))).toMatchObject({ ok: true });
      expect(witnesses.map(({ seen }) => seen.size)).toEqual([size, size]);
    }
  });

  test('is cosigned again though it has not grown, so that an idle log does not look frozen', async () => {
    const witness = createWitness('one');
    const log = await open(newStores(), { witnesses: [witness] });
    await log.append(bytes('a'));
    await log.publish();
    const { asked } = witness;
    await log.publish();
    expect(witness.asked).toBeGreaterThan(asked);
  });

  test('catches up with a witness that saw less, or nothing', async () => {
    const [first, second] = [createWitness('one'), createWitness('two')];
    const stores = newStores();
    const log = await open(stores, { witnesses: [first] });
    await log.appendAll(many(300));
    await log.publish();
    await log.appendAll(many(300));
    await log.close();
    const more = await open(stores, { witnesses: [first, second] });
    await more.appendAll(many(3));
    const { note } = await more.publish();
    expect(verifyCheckpoint(note, trust(more.key, [first, second], 2))).toMatchObject({ ok: true });
  });

  test('shows nothing that fewer than the quorum have cosigned, keeps the entries, and goes on when they are back', async () => {
    const witnesses = [createWitness('one'), createWitness('two'), createWitness('three')];
    const log = await open(newStores(), { witnesses, quorum: 2 });
    await log.append(bytes('a'));
    const { note } = await log.publish();
    const lost = witnesses.slice(1).map((witness) => [witness, witness.cosign] as const);
    for (const [witness] of lost) witness.cosign = () => Promise.reject(new Error('gone'));
    await log.append(bytes('b'));
    await expect(log.publish()).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(log.checkpoint()).toBe(note);
    expect(log.reader.head().size).toBe(1);
    for (const [witness, own] of lost.slice(1)) witness.cosign = own;
    expect(await log.append(bytes('c'))).toEqual({ index: 2 });
    expect((await log.publish()).size).toBe(3);
  });

  test('does not wait for ever for a witness that does not answer', async () => {
    const [good, silent] = [createWitness('one'), createWitness('two')];
    silent.cosign = () => new Promise(() => {});
    const log = await open(newStores(), { witnesses: [good, silent], quorum: 1, patience: 20 });
    await log.append(bytes('a'));
    expect((await log.publish()).size).toBe(1);
    const strict = await open(newStores(), {
      witnesses: [createWitness('three'), silent],
      patience: 20,
    });
    await expect(strict.publish()).rejects.toMatchObject({ code: 'log_unavailable' });
  });

  test('N10 takes nothing of what a witness answers that does not verify under its key, and is not harmed by it', async () => {
    const good = createWitness('one');
    const { publicKey, signer } = testKey('two');
    const key = noteKey('two.example', publicKey, 4);
    const body = `${ORIGIN}\n1\n${Buffer.alloc(32).toString('base64')}\n`;
    const nonsense: readonly unknown[] = [
      undefined,
      null,
      'text',
      [],
      ['— two.example AAAA'],
      ['\n\n'],
      [42],
      [await cosign(body, key.name, signer, TIME)],
      [await cosign(body, key.name, testKey('three').signer, TIME)],
      [await cosign(body, good.key.name, testKey('one').signer, TIME)],
      { size: -1 },
      { size: 0.5 },
      { size: 0 },
      { size: '7' },
      {},
    ];
    for (const answer of nonsense) {
      const bad = answering(key, () => answer);
      const log = await open(newStores(), { witnesses: [createWitness('one'), bad], quorum: 1 });
      await log.append(bytes('a'));
      const { note } = await log.publish();
      expect(verifyCheckpoint(note, trust(log.key, [good, bad], 1))).toMatchObject({ ok: true });
      const strict = await open(newStores(), { witnesses: [createWitness('one'), bad] });
      await strict.append(bytes('a'));
      await expect(strict.publish()).rejects.toMatchObject({ code: 'log_unavailable' });
      expect(await strict.append(bytes('b'))).toEqual({ index: 1 });
    }
  });

  test('N10 does not count one witness under two names', async () => {
    const witness = createWitness('one');
    const { publicKey } = testKey('one');
    const again: Witness = { key: noteKey('again.example', publicKey, 4), cosign: witness.cosign };
    await expect(open(newStores(), { witnesses: [witness, again] })).rejects.toMatchObject({
      code: 'option_invalid',
    });
  });

  test('N13 is refused at opening when both stores are old copies: the witness knows', async () => {
    const tiles = new RestorableTiles();
    const { checkpoints } = newStores();
    const witness = createWitness('one');
    const log = await open({ tiles, checkpoints }, { witnesses: [witness] });
    await log.appendAll(many(10));
    await log.publish();
    const backup = { tiles: await tiles.backup(), checkpoint: await checkpoints.read() };
    await log.append(bytes('after the copy'));
    await log.publish();
    await log.close();
    const restored = {
      tiles: backup.tiles,
      checkpoints: await restoredCheckpoint(backup.checkpoint),
    };
    await expect(open(restored, { witnesses: [witness] })).rejects.toMatchObject({
      code: 'log_rolled_back',
      item: 'one.example',
    });
    // The newest copies are fine.
    await (await open({ tiles, checkpoints }, { witnesses: [witness] })).close();
    // A single witness of three that says so may be lying.
    const others = [createWitness('two'), createWitness('three')];
    await (await open(restored, { witnesses: [witness, ...others], quorum: 2 })).close();
  });

  test('N13 publishes and appends nothing more when the witness that could not be asked at opening has seen more', async () => {
    const witness = createWitness('one');
    const log = await open(newStores(), { witnesses: [witness] });
    await log.appendAll(many(10));
    await log.publish();
    const anew = await open(newStores(), { witnesses: [witness] });
    await anew.append(bytes('another history'));
    await expect(anew.publish()).rejects.toMatchObject({ code: 'log_rolled_back' });
    expect(anew.checkpoint()).toBe(undefined);
    await expect(anew.append(bytes('more'))).rejects.toMatchObject({ code: 'log_rolled_back' });
    await expect(anew.publish()).rejects.toMatchObject({ code: 'log_rolled_back' });
  });

  test('opens although no witness answers, and publishes nothing until one does', async () => {
    const stores = newStores();
    const witness = createWitness('one');
    const log = await open(stores, { witnesses: [witness] });
    await log.append(bytes('a'));
    const { note } = await log.publish();
    await log.close();
    const silent = answering(witness.key, () => Promise.reject(new Error('gone')));
    const again = await open(stores, { witnesses: [silent] });
    expect(again.checkpoint()).toBe(note);
    await again.append(bytes('b'));
    await expect(again.publish()).rejects.toMatchObject({ code: 'log_unavailable' });
  });
});
