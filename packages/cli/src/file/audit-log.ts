import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { PublicKey } from '@taper/core';
import {
  type AuditHead,
  type AuditVerdict,
  readAuditFile,
  readHead,
  verifyAuditLog,
} from '@taper/enforce';
import { openSqliteAuditLog } from '@taper/enforce/sqlite';
import { Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import { quoteText, showName } from '../text/escape.ts';
import { readInput, unreadable } from './read.ts';

/** What every SQLite database begins with (https://www.sqlite.org/fileformat.html). */
const SQLITE = 'SQLite format 3\0';

export interface AuditLogOptions {
  readonly key: PublicKey;
  readonly emitter: string | undefined;
  readonly head: AuditHead | undefined;
}

/**
 * Verifies the audit log in a file: one event on each line, or a SQLite database.
 * @throws {Failure} `file_missing`, `file_unreadable`, `log_malformed`; `usage` when a database holds several emitters and none is named.
 */
export async function verifyLog(
  path: string,
  { key, emitter, head }: AuditLogOptions,
  session: Session,
): Promise<AuditVerdict> {
  const place = resolve(session.io.cwd, path);
  const options = {
    key,
    ...(emitter === undefined ? {} : { emitter }),
    ...(head === undefined ? {} : { head }),
  };
  try {
    if (!(await isDatabase(place))) return await verifyAuditLog(readAuditFile(place), options);
  } catch (cause) {
    throw cause instanceof Failure ? cause : unreadable(path, 'audit log', cause);
  }
  return verifyDatabase(place, options, path);
}

/** Reads a head that was kept. @throws {Failure} `head_malformed`, and as `readInput`. */
export async function readAuditHead(path: string, session: Session): Promise<AuditHead> {
  const { text, source } = await readInput(path, '--head', session);
  const head = readHead(text);
  if (head !== undefined) return head;
  throw new Failure('head_malformed', `${source} is no head of an audit log`, {
    file: source,
    field: '--head',
    hint: 'A head is what `taper audit head` printed: {"emitter", "hash", "sequence", "signature", "time"}.',
  });
}

async function isDatabase(path: string): Promise<boolean> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(
      Buffer.alloc(SQLITE.length),
      0,
      SQLITE.length,
      0,
    );
    return buffer.toString('latin1', 0, bytesRead) === SQLITE;
  } finally {
    await handle.close();
  }
}

async function verifyDatabase(
  place: string,
  options: Parameters<typeof verifyAuditLog>[1],
  path: string,
): Promise<AuditVerdict> {
  const source = showName(path);
  let log: ReturnType<typeof openSqliteAuditLog> | undefined;
  try {
    log = openSqliteAuditLog(place);
    const { emitters } = log;
    const named = options.emitter ?? options.head?.emitter;
    if (named === undefined && emitters.length > 1) {
      throw new Failure('usage', `${source} holds the events of ${emitters.length} emitters`, {
        field: '--emitter',
        hint: `Name one of them: ${emitters
          .slice(0, 10)
          .map((each) => quoteText(each))
          .join(', ')}.`,
      });
    }
    const emitter = named ?? emitters[0];
    return await verifyAuditLog(emitter === undefined ? [] : log.lines(emitter), options);
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure('log_malformed', `${source} is no database with an audit log in it`, {
      file: source,
      hint: 'It cannot be read as one: it belongs to something else, is damaged, or is being written to in a folder that you may not write to. Try a copy.',
    });
  } finally {
    log?.close();
  }
}
