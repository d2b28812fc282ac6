import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { KeyStoreError } from '@taper/core';

/** Not followed by a wait when somebody put a pipe there. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Reads a file that holds a secret.
 * @param limit bytes; one that is longer is no such file.
 * @throws {KeyStoreError} `missing`; `permissions` where others than its owner may do anything with it (POSIX); `unreadable`; `malformed`.
 */
export async function readPrivateFile(path: string, limit: number): Promise<Buffer> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, FLAGS);
    const found = await handle.stat();
    if (!found.isFile()) throw notAFile(path);
    requirePrivate(path, found.mode);
    const bytes = Buffer.alloc(limit + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length < bytes.length; length += got)
      got = (await handle.read(bytes, length, bytes.length - length, length)).bytesRead;
    if (length > limit) {
      bytes.fill(0);
      throw new KeyStoreError('malformed', `${path} is longer than ${limit} bytes.`, {
        hint: 'Check that it is the file you mean.',
      });
    }
    return bytes.subarray(0, length);
  } catch (cause) {
    throw cause instanceof KeyStoreError ? cause : unreadable(path, cause);
  } finally {
    await handle?.close();
  }
}

/**
 * Writes a file for its owner alone (mode 0600), whole or not at all: it is written and synced beside its place and then named.
 * @param replace whether what has the name is replaced, in one step. Otherwise, of several writers at once one wins.
 * @throws {KeyStoreError} `exists`, `unwritable`.
 */
export async function writePrivateFile(
  path: string,
  text: string | Uint8Array,
  replace: boolean,
): Promise<void> {
  const place = resolve(path);
  const temporary = join(
    dirname(place),
    `.${basename(place)}.${randomBytes(6).toString('hex')}.tmp`,
  );
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (replace) await rename(temporary, place);
    else await link(temporary, place);
    await syncFolder(dirname(place));
  } catch (cause) {
    throw unwritable(path, cause);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function requirePrivate(path: string, mode: number): void {
  if (process.platform === 'win32' || (mode & 0o077) === 0) return;
  const bits = (mode & 0o777).toString(8).padStart(4, '0');
  throw new KeyStoreError(
    'permissions',
    `${path} is open to others than its owner (mode ${bits}).`,
    {
      hint: `If others may have read it, make a new one. Else: chmod 600 ${path}`,
    },
  );
}

function notAFile(path: string): KeyStoreError {
  return new KeyStoreError('unreadable', `${path} is no regular file.`, {
    hint: 'Name the file itself.',
  });
}

function unreadable(path: string, cause: unknown): KeyStoreError {
  const code = codeOf(cause);
  if (code === 'ENOENT') {
    return new KeyStoreError('missing', `There is no file ${path}.`, {
      hint: 'Check the path. A key that is lost cannot be made again: restore it from its backup.',
      cause,
    });
  }
  return new KeyStoreError('unreadable', `${path} cannot be read (${code}).`, {
    hint: 'The user that runs this process must own it.',
    cause,
  });
}

function unwritable(path: string, cause: unknown): KeyStoreError {
  const code = codeOf(cause);
  if (code === 'EEXIST') {
    return new KeyStoreError('exists', `${path} exists already.`, {
      hint: 'Nothing was written: a key that is replaced is gone. Name another file.',
      cause,
    });
  }
  return new KeyStoreError('unwritable', `${path} cannot be written (${code}).`, {
    hint:
      code === 'ENOSPC'
        ? 'The disk is full; nothing was written. Make room.'
        : 'Nothing was written. Its folder must exist, and be writable for the user that runs this process.',
    cause,
  });
}

function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException | undefined)?.code ?? 'unknown error';
}
