import { expect, test } from 'vitest';
import {
  createSigner,
  EMPTY_ROOT,
  generateKeyPair,
  noteKey,
  parseNote,
  signCheckpoint,
  verifyNote,
  writeCheckpoint,
} from '../../src/index.ts';

const NAME = 'log.example';

test('Q12 a key hash of four bytes is a hint: a signature under another key with the same name and hash does not count', async () => {
  const [own, other] = [0, 1].map(() => createSigner(generateKeyPair().privateJwk));
  if (own === undefined || other === undefined) throw new Error('two keys were made');
  const body = writeCheckpoint({ origin: NAME, size: 0, root: EMPTY_ROOT });
  const foreign = await signCheckpoint(body, NAME, other);
  // The same name and key hash as our key has, before a signature by the other key.
  const mine = await signCheckpoint(body, NAME, own);
  const [prefix, ours] = split(mine);
  const [, theirs] = split(foreign);
  const forged = Buffer.concat([ours.subarray(0, 4), theirs.subarray(4)]);
  const key = noteKey(NAME, own.publicKey, 1);
  const note = (line: string): string => `${body}\n${line}\n`;
  expect(parseNote(note(`${prefix}${forged.toString('base64')}`))).toBeDefined();
  expect(verifyNote(note(`${prefix}${forged.toString('base64')}`), [key]).ok).toBe(false);
  expect(verifyNote(note(mine), [key]).ok).toBe(true);
});

/** A signature line: what stands before the base64, and its bytes. */
function split(line: string): readonly [string, Buffer] {
  const at = line.lastIndexOf(' ') + 1;
  return [line.slice(0, at), Buffer.from(line.slice(at), 'base64')];
}
