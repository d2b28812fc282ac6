import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { KeyStoreError } from '@taper/core';

/** Gives the PIN when the token is logged in to; it is not kept. */
export type PinSource = () => string | Promise<string>;

const MAX_PIN = 256;

/**
 * A PIN from a file that is for its owner alone; one line end at its end does not count. It is read at every log-in.
 * @throws {KeyStoreError} `missing`, `permissions`, `unreadable`, `pin`.
 */
export function pinFile(path: string): PinSource {
  return async () => {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
      const found = await handle.stat();
      if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
        throw new KeyStoreError('permissions', `${path} is open to others than its owner.`, {
          hint: `Change the PIN if others may have read it; then: chmod 600 ${path}`,
        });
      }
      const bytes = Buffer.alloc(MAX_PIN + 2);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
      const pin = bytes
        .subarray(0, bytesRead)
        .toString('utf8')
        .replace(/\r?\n$/, '');
      bytes.fill(0);
      if (found.isFile() && pin !== '' && bytesRead <= MAX_PIN) return pin;
      throw new KeyStoreError('pin', `${path} holds no PIN.`, {
        hint: 'It is a file with the PIN and nothing else.',
      });
    } catch (cause) {
      if (cause instanceof KeyStoreError) throw cause;
      const { code } = cause as NodeJS.ErrnoException;
      throw new KeyStoreError(
        code === 'ENOENT' ? 'missing' : 'unreadable',
        `The PIN file ${path} cannot be read (${code}).`,
        { hint: 'Check the path; the user that runs this process must own it.', cause },
      );
    } finally {
      await handle?.close();
    }
  };
}
