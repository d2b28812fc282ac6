import { randomBytes } from 'node:crypto';
import { KeyStoreError } from '@taper/core';
import { readPrivateFile, writePrivateFile } from './private-file.ts';

/** Where a passphrase comes from: text (UTF-8), bytes, or something that gives them when they are needed, such as a prompt. */
export type PassphraseSource =
  | string
  | Uint8Array
  | (() => string | Uint8Array | Promise<string | Uint8Array>);

/** Bytes; a longer one is a file that was meant for something else. */
const MAX_PASSPHRASE = 1024;

/** Bytes; of a passphrase under which a key is sealed anew. */
const MIN_PASSPHRASE = 12;

const UTF8 = new TextEncoder();

/**
 * The bytes of a passphrase, in a copy that the caller wipes.
 * @param use `seal` also refuses one that is shorter than 12 bytes.
 * @throws {KeyStoreError} `passphrase` when it is empty, too short or too long.
 */
export async function takePassphrase(
  source: PassphraseSource,
  use: 'seal' | 'open',
): Promise<Uint8Array> {
  const given = typeof source === 'function' ? await source() : source;
  const bytes = typeof given === 'string' ? UTF8.encode(given) : Uint8Array.from(given);
  const least = use === 'seal' ? MIN_PASSPHRASE : 1;
  if (bytes.length >= least && bytes.length <= MAX_PASSPHRASE) return bytes;
  bytes.fill(0);
  throw new KeyStoreError(
    'passphrase',
    bytes.length === 0
      ? 'The passphrase is empty.'
      : `The passphrase is not ${least} to ${MAX_PASSPHRASE} bytes long.`,
    { hint: 'Six random words or more, or let `createPassphraseFile` make one.' },
  );
}

/**
 * A passphrase from a file that is for its owner alone; one line end at its end does not count.
 * @throws {KeyStoreError} as `readPrivateFile`; `passphrase` when it is empty.
 */
export function passphraseFile(path: string): () => Promise<Uint8Array> {
  return async () => {
    const bytes = await readPrivateFile(path, MAX_PASSPHRASE + 2);
    let end = bytes.length;
    if (bytes[end - 1] === 0x0a) end--;
    if (bytes[end - 1] === 0x0d && end < bytes.length) end--;
    const passphrase = Uint8Array.from(bytes.subarray(0, end));
    bytes.fill(0);
    if (passphrase.length > 0) return passphrase;
    throw new KeyStoreError('passphrase', `The passphrase file ${path} is empty.`, {
      hint: 'Restore it from its backup: without the passphrase the key is lost.',
    });
  };
}

/**
 * Makes a passphrase of 256 random bits and keeps it in a new file (mode 0600).
 * @throws {KeyStoreError} `exists`, `unwritable`.
 */
export async function createPassphraseFile(path: string): Promise<() => Promise<Uint8Array>> {
  await writePrivateFile(path, `${randomBytes(32).toString('base64url')}\n`, false);
  return passphraseFile(path);
}
