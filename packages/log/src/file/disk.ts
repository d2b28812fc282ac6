import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import type { FileLock } from '@taper/sqlite-file';
import { lockFile } from './lock.ts';

/** An open file. Positions and lengths in bytes. */
export interface DiskFile {
  length(): Promise<number>;
  /** Whether it is the file that has this name now. */
  isNamed(path: string): Promise<boolean>;
  read(): Promise<Uint8Array>;
  /** Writes all bytes, however many the system takes at a time. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  /** Done when content and length are durable. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * What the stores need of a file system, operation by operation: so that a test can make each of them fail, or take the power
 * away between any two. Errors are those of Node.
 */
export interface Disk {
  /** The content of a file; `undefined` where there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Opens a file for reading and writing. `empty`: a new one, or an old one cut to nothing; `old`: `undefined` where there is none. */
  open(path: string, how: 'empty'): Promise<DiskFile>;
  open(path: string, how: 'old'): Promise<DiskFile | undefined>;
  /** Gives a file another name, in place of what had it, in one step. Durable once the folder is synced. */
  rename(from: string, to: string): Promise<void>;
  /** Makes a folder; whether there was none. Durable once the folder above is synced. */
  makeFolder(path: string): Promise<boolean>;
  /** Done when the names in a folder are durable. */
  syncFolder(path: string): Promise<void>;
  /**
   * Takes a lock that one holder can have, across processes, and that the system gives back when its holder dies.
   * @throws {LogError} `log_unavailable` when somebody has it.
   */
  lock(path: string): FileLock;
  /** Removes a folder with all that is in it, if it is there. */
  removeFolder(path: string): Promise<void>;
}

/** Symbolic links are not followed: a name in these folders is a file of the log or nothing. */
const NO_LINK = constants.O_NOFOLLOW ?? 0;

/** The file system of this machine. Files are for their owner alone (mode 0600, folders 0700). */
export const localDisk: Disk = Object.freeze({
  read: (path: string) => absent(readFile(path, { flag: constants.O_RDONLY | NO_LINK })),
  open: openFile as Disk['open'],
  rename,
  makeFolder: async (path: string) => {
    try {
      await mkdir(path, { mode: 0o700 });
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    }
  },
  async syncFolder(path: string) {
    if (process.platform === 'win32') return;
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
  lock: lockFile,
  removeFolder: (path: string) => rm(path, { recursive: true, force: true }),
});

async function openFile(path: string, how: 'empty' | 'old'): Promise<DiskFile | undefined> {
  const fresh = constants.O_CREAT | constants.O_TRUNC;
  const flags = constants.O_RDWR | NO_LINK | (how === 'empty' ? fresh : 0);
  const handle = await absent(open(path, flags, 0o600));
  return handle && new LocalFile(handle);
}

class LocalFile implements DiskFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async length(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  async isNamed(path: string): Promise<boolean> {
    const [own, named] = await Promise.all([this.#handle.stat(), absent(stat(path))]);
    return own.ino === named?.ino && own.dev === named.dev;
  }

  async read(): Promise<Uint8Array> {
    const bytes = new Uint8Array(await this.length());
    let length = 0;
    for (let got = -1; got !== 0 && length < bytes.length; length += got)
      got = (await this.#handle.read(bytes, length, bytes.length - length, length)).bytesRead;
    return bytes.subarray(0, length);
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const left = bytes.length - written;
      written += (await this.#handle.write(bytes, written, left, position + written)).bytesWritten;
    }
  }

  truncate(length: number): Promise<void> {
    return this.#handle.truncate(length);
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** `undefined` in place of the error that there is no such file. */
async function absent<Result>(result: Promise<Result>): Promise<Result | undefined> {
  try {
    return await result;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The code of an error of Node, such as `ENOSPC`. */
export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
