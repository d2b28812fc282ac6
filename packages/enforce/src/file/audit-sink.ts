import { constants, existsSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { TaperError } from '@taper/core';
import type { FileLock } from '@taper/sqlite-file';
import type { AuditLine, AuditSink, AuditTip } from '../port/audit-sink.ts';
import { createEvidenceFile, type EvidenceFile } from './evidence-file.ts';
import { lockFile } from './lock.ts';
import { readTail } from './tail.ts';

/** Bytes of a salt and its line end in the file of salts. */
const SALT_RECORD = 23;

const NO_LINK = constants.O_NOFOLLOW ?? 0;

/** An {@link AuditSink} on one append-only file, for one emitter, and one process at a time. */
export interface FileAuditSink extends AuditSink {
  readonly path: string;
  /** Bytes of an unfinished line that a crash had left at the end, and that were cut off when the file was opened. */
  readonly cutOff: number;
  /** What opens the `arguments_hash` of an event; `undefined` where it was erased or is not there. */
  salt(sequence: number): Promise<string | undefined>;
  /** What an auditor needs to judge the call of an event again; `undefined` where none was given, or it was erased. */
  evidence(sequence: number): Promise<string | undefined>;
  /** Overwrites salt and evidence of an event: from then on nobody can tell from the log what its arguments were, and the log stays whole. */
  eraseSalt(sequence: number): Promise<void>;
  /** Waits for what is being written, and lets another process open the file. */
  close(): Promise<void>;
}

/**
 * Opens a log file for appending, or makes it (mode 0600); beside it `<path>.salts` and `<path>.lock` and, once there is evidence
 * to keep, `<path>.evidence` and `<path>.evidence.index`. The file must lie on a
 * local disk. What is at the end without a line end was never acknowledged and is cut off.
 *
 * @throws {TaperError} `store_unavailable` while another process, or another sink of this one, has it open;
 * `store_unusable` when it cannot be opened or its last line is no event.
 */
export async function openFileAuditSink(path: string): Promise<FileAuditSink> {
  const place = resolve(path);
  const lock = lockFile(`${place}.lock`);
  const opened: FileHandle[] = [];
  try {
    // Appended to, whatever happens; read and cut when it is opened.
    const log = await openPrivate(place, constants.O_APPEND, opened);
    const salts = await openPrivate(`${place}.salts`, 0, opened);
    const evidence = existsSync(`${place}.evidence.index`)
      ? await openEvidence(place, opened)
      : undefined;
    await syncFolder(dirname(place));
    const { size } = await log.stat();
    const tail = await readTail(log, size);
    if (tail === 'damaged') {
      throw new TaperError('store_unusable', `The last line of ${path} is no audit event.`, {
        hint: 'Nothing is written after it. See `taper audit verify`; then move the file aside to begin another.',
      });
    }
    if (tail.end < size) {
      await log.truncate(tail.end);
      await log.datasync();
    }
    return new OpenLog(place, log, salts, evidence, tail, size - tail.end, lock);
  } catch (cause) {
    for (const handle of opened) await handle.close();
    lock.release();
    throw cause instanceof TaperError ? cause : unusable(path, cause);
  }
}

class OpenLog implements FileAuditSink {
  readonly path: string;
  readonly cutOff: number;
  readonly #log: FileHandle;
  readonly #salts: FileHandle;
  #evidence: EvidenceFile | undefined;
  readonly #lock: FileLock;
  #emitter: string | undefined;
  #tip: AuditTip | undefined;
  /** Bytes that are durable: the file is exactly as long whenever nothing is being written. */
  #end: number;
  /** Something may stand behind {@link #end} that nobody was told of. */
  #unclean = false;
  #closed = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    path: string,
    log: FileHandle,
    salts: FileHandle,
    evidence: EvidenceFile | undefined,
    tail: {
      readonly end: number;
      readonly emitter: string | undefined;
      readonly tip: AuditTip | undefined;
    },
    cutOff: number,
    lock: FileLock,
  ) {
    this.path = path;
    this.cutOff = cutOff;
    this.#log = log;
    this.#salts = salts;
    this.#evidence = evidence;
    this.#emitter = tail.emitter;
    this.#tip = tail.tip;
    this.#end = tail.end;
    this.#lock = lock;
  }

  tip(emitter: string): Promise<AuditTip | undefined> {
    return this.#inTurn(async () => {
      await this.#clean();
      return emitter === this.#emitter ? this.#tip : undefined;
    });
  }

  append(lines: readonly AuditLine[]): Promise<'appended' | 'conflict'> {
    return this.#inTurn(async () => {
      const [first] = lines;
      if (first === undefined) return 'appended';
      this.#emitter ??= first.emitter;
      if (first.emitter !== this.#emitter || lines.some((line) => !follows(line, lines))) {
        throw new TaperError('option_invalid', `${this.path} holds the events of one emitter.`, {
          hint: 'Give every emitter a file of its own.',
        });
      }
      await this.#clean();
      if (first.sequence !== (this.#tip?.sequence ?? 0) + 1) return 'conflict';
      await this.#write(lines, first.sequence);
      return 'appended';
    });
  }

  salt(sequence: number): Promise<string | undefined> {
    return this.#inTurn(async () => {
      const record = Buffer.alloc(SALT_RECORD);
      await this.#salts.read(record, 0, SALT_RECORD, offsetOfSalt(sequence));
      const text = record.toString('latin1', 0, SALT_RECORD - 1);
      return /^[A-Za-z0-9_-]{22}$/.test(text) ? text : undefined;
    });
  }

  evidence(sequence: number): Promise<string | undefined> {
    return this.#inTurn(async () =>
      sequence > (this.#tip?.sequence ?? 0) ? undefined : this.#evidence?.read(sequence),
    );
  }

  eraseSalt(sequence: number): Promise<void> {
    return this.#inTurn(async () => {
      if (sequence > (this.#tip?.sequence ?? 0)) return;
      const erased = Buffer.from(`${'.'.repeat(SALT_RECORD - 1)}\n`);
      await writeAll(this.#salts, erased, offsetOfSalt(sequence));
      await this.#salts.datasync();
      await this.#evidence?.erase(sequence);
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const last = this.#turn;
    this.#closed = true;
    await last;
    await this.#log.close();
    await this.#salts.close();
    await this.#evidence?.close();
    this.#lock.release();
  }

  async #write(lines: readonly AuditLine[], firstSequence: number): Promise<void> {
    const text = Buffer.from(lines.map(({ line }) => `${line}\n`).join(''));
    const salts = Buffer.from(lines.map(({ salt }) => `${salt}\n`).join(''), 'latin1');
    const evidence = lines.map((line) => line.evidence);
    if (this.#evidence === undefined && evidence.some((each) => each !== undefined)) {
      this.#evidence = await openEvidence(this.path, []);
      await syncFolder(dirname(this.path));
    }
    this.#unclean = true;
    await writeAll(this.#log, text);
    await writeAll(this.#salts, salts, offsetOfSalt(firstSequence));
    await Promise.all([
      this.#log.datasync(),
      this.#salts.datasync(),
      this.#evidence?.write(firstSequence, evidence),
    ]);
    const { sequence, hash } = lines.at(-1) as AuditLine;
    this.#tip = { sequence, hash };
    this.#end += text.length;
    this.#unclean = false;
  }

  /** After a failed write: cuts off what may be there of it. In any case: makes sure that nobody else may write, and that the file is still the one that was opened, and as long as it was left. */
  async #clean(): Promise<void> {
    if (this.#unclean) {
      await this.#log.truncate(this.#end);
      await this.#log.datasync();
      this.#unclean = false;
    }
    if (!this.#lock.isHeld())
      throw new TaperError('store_unusable', `The lock of ${this.path} was taken away.`, {
        hint: 'Its file was deleted or replaced, so another writer may be at work. The lock is never stale: the system gives it back. Restart this one.',
      });
    const [own, named] = await Promise.all([this.#log.stat(), stat(this.path)]);
    if (own.ino === named.ino && own.dev === named.dev && own.size === this.#end) return;
    throw new TaperError('store_unusable', `${this.path} was changed by somebody else.`, {
      hint: 'It was moved, deleted, cut or written to. Keep what is there, verify it, and restart.',
    });
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closed)
      return Promise.reject(new TaperError('store_unavailable', `${this.path} is closed.`));
    const result = this.#turn.then(work).catch((cause: unknown) => {
      throw cause instanceof TaperError ? cause : unavailable(this.path, cause);
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

/** Whether a line is one of a run of the same emitter, without gap, and a single line of text. */
function follows(line: AuditLine, lines: readonly AuditLine[]): boolean {
  const [first] = lines as readonly [AuditLine];
  return (
    line.emitter === first.emitter &&
    lines[line.sequence - first.sequence] === line &&
    !line.line.includes('\n') &&
    line.salt.length === SALT_RECORD - 1
  );
}

function offsetOfSalt(sequence: number): number {
  return (sequence - 1) * SALT_RECORD;
}

async function openPrivate(path: string, flags: number, opened: FileHandle[]): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT | NO_LINK | flags, 0o600);
  opened.push(handle);
  if (!(await handle.stat()).isFile())
    throw new TaperError('store_unusable', `${path} is no regular file.`);
  return handle;
}

async function openEvidence(path: string, opened: FileHandle[]): Promise<EvidenceFile> {
  const texts = await openPrivate(`${path}.evidence`, 0, opened);
  const index = await openPrivate(`${path}.evidence.index`, 0, opened);
  return createEvidenceFile(texts, index);
}

/** So that a file that was made is still there after a power cut. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Writes all bytes, however many the system takes at a time. Without a position, at the end. */
async function writeAll(
  file: FileHandle,
  bytes: Uint8Array,
  position: number | null = null,
): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const at = position === null ? null : position + written;
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, at);
    written += bytesWritten;
  }
}

function unusable(path: string, cause: unknown): TaperError {
  return new TaperError('store_unusable', `The audit log ${path} cannot be opened.`, {
    hint: 'Its folder must exist on a local disk, and the user that runs this process must own the files.',
    cause,
  });
}

function unavailable(path: string, cause: unknown): TaperError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return new TaperError('store_unavailable', `The audit log ${path} cannot be written: ${code}.`, {
    hint:
      code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
        ? 'Free some space. Calls are refused until then; nothing has to be restarted.'
        : 'See the messages of the operating system about this disk.',
    cause,
  });
}
