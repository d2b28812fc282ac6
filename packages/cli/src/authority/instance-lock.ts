import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Failure } from '../failure.ts';
import { showName } from '../text/escape.ts';

/** `SQLITE_BUSY`. */
const BUSY = 5;

/**
 * Takes the one place that a node has in its folder. The operating system gives it back when the process dies, however it dies: an
 * exclusive transaction on an empty database is a file lock, which Node has none of its own.
 * @returns what gives it back.
 * @throws {Failure} `instance_running` when another process has it; `file_unwritable`.
 */
export function lockFolder(path: string): () => void {
  let database: DatabaseSync | undefined;
  try {
    makeFile(path);
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database?.close();
    if ((cause as { errcode?: number }).errcode === BUSY)
      throw new Failure('instance_running', 'an authority is running in this folder already', {
        file: showName(path),
        hint: 'Stop it first, or use it: its address stands in taper.json.',
      });
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Failure('file_unwritable', `cannot write ${showName(path)}: ${code}`, {
      file: showName(path),
      hint: 'The folder must lie on a local disk, have room, and be writable for you.',
    });
  }
  const held = database;
  return () => held.close();
}

function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
  }
}
