import { type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import { showName } from '../text/escape.ts';

/** Nothing that Taper reads comes near this; what is longer is no token, key or suite. */
const MAX_INPUT_BYTES: number = 8 * 1024 * 1024;

/** Text as read, with how to call it in a message. */
export interface InputText {
  readonly text: string;
  /** The file as given on the command line, `standard input`, or the option that carried the text. */
  readonly source: string;
  /** Permission bits, where the text came from a regular file of a POSIX system. */
  readonly mode: number | undefined;
}

/**
 * Reads a UTF-8 file, or standard input for `-`.
 * @throws {Failure} `file_missing`, `file_unreadable`, `file_too_large`, `text_invalid`; `usage` when standard input was taken.
 */
export async function readInput(
  path: string,
  purpose: string,
  session: Session,
): Promise<InputText> {
  return asText(await readBytes(path, purpose, session, INPUT));
}

/** Bytes as UTF-8. @throws {Failure} `text_invalid`. */
export function asText({ bytes, source, mode }: InputBytes): InputText {
  return { text: decode(bytes, source), source, mode };
}

/** Bytes as read; see {@link InputText}. */
export interface InputBytes extends Omit<InputText, 'text'> {
  readonly bytes: Uint8Array;
}

export interface SizeLimit {
  readonly bytes: number;
  /** What to do about a file that is longer. */
  readonly hint: string;
}

const INPUT: SizeLimit = {
  bytes: MAX_INPUT_BYTES,
  hint: 'No key, chain, presentation or suite is that long: check that it is the file you mean.',
};

/** As {@link readInput}, for bytes of any kind. @throws {Failure} as {@link readInput}, but for `text_invalid`. */
export async function readBytes(
  path: string,
  purpose: string,
  session: Session,
  limit: SizeLimit,
): Promise<InputBytes> {
  if (path === '-') {
    const chunks = session.takeStdin(purpose);
    const bytes = await collect(chunks, 'standard input', limit).catch((cause: unknown) => {
      throw cause instanceof Failure ? cause : unreadable('-', purpose, cause);
    });
    return { bytes, source: 'standard input', mode: undefined };
  }
  const source = showName(path);
  let handle: FileHandle | undefined;
  try {
    handle = await open(resolve(session.io.cwd, path), 'r');
    const stat = await handle.stat();
    const bytes = await collect(
      handle.createReadStream({ autoClose: false, highWaterMark: 256 * 1024 }),
      source,
      limit,
    );
    const mode = stat.isFile() && process.platform !== 'win32' ? stat.mode & 0o777 : undefined;
    return { bytes, source, mode };
  } catch (cause) {
    throw cause instanceof Failure ? cause : unreadable(path, purpose, cause);
  } finally {
    await handle?.close();
  }
}

/** Text that an option carries: JSON as it stands, `@file`, or `-` for standard input. @throws as {@link readInput}. */
export async function readInline(
  value: string,
  option: string,
  session: Session,
): Promise<InputText> {
  if (value === '-') return readInput('-', option, session);
  if (value.startsWith('@')) return readInput(value.slice(1), option, session);
  return { text: value, source: option, mode: undefined };
}

async function collect(
  chunks: AsyncIterable<Uint8Array>,
  source: string,
  limit: SizeLimit,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > limit.bytes) {
      const size = `${limit.bytes / 1_048_576} MiB`;
      throw new Failure('file_too_large', `${source} is longer than ${size}`, {
        file: source,
        hint: limit.hint,
      });
    }
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

function decode(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Failure('text_invalid', `${source} is not UTF-8 text`, {
      file: source,
      hint: 'Save it as UTF-8 without a byte order mark. (PowerShell: Out-File -Encoding utf8NoBOM.)',
    });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'you have no permission to read it',
  EPERM: 'you have no permission to read it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is not a folder',
  ELOOP: 'its symbolic links go round in a circle',
  ENAMETOOLONG: 'its name is too long',
};

/** Why something could not be read. */
export function unreadable(path: string, purpose: string, cause: unknown): Failure {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? 'unknown error';
  const source = path === '-' ? 'standard input' : showName(path);
  if (/^\s*[[{]/.test(path)) {
    return new Failure('usage', `${purpose} is JSON text, but a file name belongs there`, {
      field: purpose,
      hint: 'Put the JSON in a file, or give - and pipe it to standard input.',
    });
  }
  return new Failure(
    code === 'ENOENT' ? 'file_missing' : 'file_unreadable',
    `cannot read ${source} (${purpose}): ${REASONS[code] ?? code}`,
    { file: source, field: purpose, hint: HINTS[code] ?? 'Check the path.' },
  );
}

const HINTS: Readonly<Record<string, string>> = {
  EACCES: 'Run taper as the user who owns the file, or have its owner let you read it.',
  EPERM: 'Run taper as the user who owns the file, or have its owner let you read it.',
  EISDIR: 'Name a file in it.',
};
