import { type FileLock, takeFileLock } from '@taper/sqlite-file';
import { Failure } from '../failure.ts';
import { showName } from '../text/escape.ts';

/**
 * Takes the one place that a node has in its folder; the operating system gives it back when the process dies, however it dies.
 * @returns what gives it back.
 * @throws {Failure} `instance_running` when another process has it; `file_unwritable`.
 */
export function lockFolder(path: string): () => void {
  let lock: FileLock | undefined;
  try {
    lock = takeFileLock(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Failure('file_unwritable', `cannot write ${showName(path)}: ${code}`, {
      file: showName(path),
      hint: 'The folder must lie on a local disk, have room, and be writable for you.',
    });
  }
  if (lock !== undefined) return lock.release;
  throw new Failure('instance_running', 'an authority is running in this folder already', {
    file: showName(path),
    hint: 'Stop it first, or use it: its address stands in taper.json.',
  });
}
