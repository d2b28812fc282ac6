import { randomBytes } from 'node:crypto';
import {
  constants,
  copyFile,
  link,
  lstat,
  open,
  realpath,
  rename,
  stat,
  unlink,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import { showName } from '../text/escape.ts';

export interface OutputFile {
  readonly path: string;
  readonly text: string;
  /** Readable by its owner alone, and never anything but a regular file. */
  readonly secret: boolean;
}

/** A file whose text lies complete beside its place, or a device or pipe that takes it directly. */
interface Staged {
  readonly file: OutputFile;
  readonly target: string;
  readonly temporary: string | undefined;
}

/**
 * Writes files whole or not at all, all of them or none: each is written and synced beside its place first.
 * An existing file is replaced only with `force`; its permissions are not kept.
 * @throws {Failure} `file_exists`, `file_unwritable`; `usage` when two files have one name.
 */
export async function writeFiles(
  files: readonly OutputFile[],
  force: boolean,
  session: Session,
): Promise<void> {
  const staged: Staged[] = [];
  const placed: string[] = [];
  let current = files[0];
  try {
    for (const file of files) {
      current = file;
      const { target, direct } = await judgeTarget(file, resolve(session.io.cwd, file.path), force);
      if (staged.some((other) => other.target === target)) {
        throw new Failure('usage', `${showName(file.path)} is named for two outputs`, {
          file: file.path,
          hint: 'Give each its own file.',
        });
      }
      const temporary = direct ? undefined : temporaryName(target);
      staged.push({ file, target, temporary });
      if (temporary !== undefined) await writeTemporary(temporary, file);
    }
    for (const { file, target, temporary } of staged) {
      current = file;
      if (temporary === undefined) await writeDirectly(target, file.text);
      else if (force) await rename(temporary, target);
      else {
        await place(temporary, target);
        placed.push(target);
      }
    }
  } catch (cause) {
    for (const target of placed) await unlink(target).catch(() => undefined);
    throw cause instanceof Failure ? cause : unwritable(current as OutputFile, cause);
  } finally {
    for (const { temporary } of staged) {
      if (temporary !== undefined) await unlink(temporary).catch(() => undefined);
    }
  }
}

/**
 * Where the text goes, behind symbolic links, and whether straight into a device or pipe that is there.
 * @throws {Failure} when the place is taken.
 */
async function judgeTarget(
  file: OutputFile,
  path: string,
  force: boolean,
): Promise<{ readonly target: string; readonly direct: boolean }> {
  // A link that leads nowhere is a thing of its own, and not followed.
  const found = (await unlessMissing(stat(path))) ?? (await unlessMissing(lstat(path)));
  if (found === undefined) return { target: path, direct: false };
  if (found.isDirectory()) throw Object.assign(new Error('folder'), { code: 'EISDIR' });
  if (!found.isFile() && !found.isSymbolicLink()) {
    if (!file.secret) return { target: path, direct: true };
    throw new Failure('file_unwritable', `${showName(file.path)} is no regular file`, {
      file: file.path,
      hint: 'A private key goes into a file of its own: name one that does not exist yet.',
    });
  }
  if (force) return { target: found.isFile() ? await realpath(path) : path, direct: false };
  throw new Failure('file_exists', `${showName(file.path)} exists already`, {
    file: file.path,
    hint: file.secret
      ? 'Name another file. --force replaces it, and a private key that is replaced is gone.'
      : 'Name another file, or give --force to replace it.',
  });
}

async function unlessMissing<Found>(looking: Promise<Found>): Promise<Found | undefined> {
  try {
    return await looking;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
}

function temporaryName(target: string): string {
  return join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
}

async function writeTemporary(path: string, { text, secret }: OutputFile): Promise<void> {
  const handle = await open(path, 'wx', secret ? 0o600 : 0o666);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeDirectly(target: string, text: string): Promise<void> {
  const handle = await open(target, 'w');
  try {
    await handle.writeFile(text);
  } finally {
    await handle.close();
  }
}

/** Gives a finished file its name, unless something has that name by now. */
async function place(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // File systems without hard links.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code ?? '')) throw cause;
    await copyFile(temporary, target, constants.COPYFILE_EXCL);
  }
}

const REASONS: Readonly<Record<string, readonly [string, string]>> = {
  ENOENT: ['its folder does not exist', 'Make the folder first, with mkdir -p.'],
  ENOTDIR: ['a part of its path is not a folder', 'Check the path.'],
  EISDIR: ['it is a folder', 'Name a file in it.'],
  EACCES: ['you have no permission to write there', 'Name a file in a folder of your own.'],
  EPERM: ['you have no permission to write there', 'Name a file in a folder of your own.'],
  EROFS: ['the file system is read-only', 'Name a file elsewhere.'],
  ENOSPC: ['the disk is full', 'Make room, or name a file elsewhere.'],
  EDQUOT: ['your disk quota is used up', 'Make room, or name a file elsewhere.'],
  EEXIST: ['it exists already', 'Name another file, or give --force to replace it.'],
};

function unwritable(file: OutputFile, cause: unknown): Failure {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? 'unknown error';
  const [reason, hint] = REASONS[code] ?? [code, 'Check the path.'];
  return new Failure(
    code === 'EEXIST' ? 'file_exists' : 'file_unwritable',
    `cannot write ${showName(file.path)}: ${reason}; nothing was written`,
    { file: file.path, hint },
  );
}
