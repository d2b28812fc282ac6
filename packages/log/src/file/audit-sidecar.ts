import { hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { AuditSidecar, SidecarRecord } from '../port/audit-sidecar.ts';
import { localDisk } from './disk.ts';
import { createTurns } from './turns.ts';

/** Bytes of a record: hash and salt as text, then offset, length and the first half of the SHA-256 of the evidence. */
const RECORD = 112;
const HASH = 43;
const SALT = 22;
const OFFSET_AT = 72;
const LENGTH_AT = 80;
const CHECK_AT = 96;
const CHECK = 16;

const NO_LINK = constants.O_NOFOLLOW ?? 0;

/**
 * Opens an {@link AuditSidecar} in a folder of its own on a local disk, or makes it: `records`, of one length each, and `evidence`, the texts.
 * One process at a time.
 *
 * @throws {LogError} `log_unavailable` while another process has it, and when it cannot be opened.
 */
export async function openFileAuditSidecar(folder: string): Promise<AuditSidecar> {
  const place = resolve(folder);
  const turns = createTurns(folder);
  const opened: FileHandle[] = [];
  let release: () => void = () => {};
  const files = await turns(async () => {
    const isNew = (await mkdir(place, { recursive: true, mode: 0o700 })) !== undefined;
    ({ release } = localDisk.lock(join(place, 'lock')));
    try {
      const records = await openPrivate(join(place, 'records'), opened);
      const texts = await openPrivate(join(place, 'evidence'), opened);
      await localDisk.syncFolder(place);
      if (isNew) await localDisk.syncFolder(dirname(place));
      return { records, texts, end: (await texts.stat()).size };
    } catch (cause) {
      for (const handle of opened) await handle.close();
      release();
      throw cause;
    }
  });
  const store = new SidecarFiles(files.records, files.texts, files.end);
  return Object.freeze<AuditSidecar>({
    write: (first, records) => turns(() => store.write(first, records)),
    read: (sequence) => turns(async () => (await store.find(sequence))?.record),
    erase: (sequence) => turns(() => store.erase(sequence)),
    close: () =>
      turns.close(async () => {
        await files.records.close();
        await files.texts.close();
        release();
      }),
  });
}

/**
 * Opens a sidecar for reading alone, also while its writer has it.
 *
 * @throws {LogError} `log_unavailable` when it cannot be opened.
 */
export async function readFileAuditSidecar(
  folder: string,
): Promise<Pick<AuditSidecar, 'read' | 'close'>> {
  const place = resolve(folder);
  const turns = createTurns(folder);
  const opened: FileHandle[] = [];
  const store = await turns(async () => {
    try {
      for (const name of ['records', 'evidence'])
        opened.push(await open(join(place, name), constants.O_RDONLY | NO_LINK));
    } catch (cause) {
      for (const handle of opened) await handle.close();
      throw cause;
    }
    const [records, texts] = opened as [FileHandle, FileHandle];
    // What is written after this is of events that are not asked for.
    return new SidecarFiles(records, texts, (await texts.stat()).size);
  });
  return Object.freeze({
    read: (sequence: number) => turns(async () => (await store.find(sequence))?.record),
    close: () =>
      turns.close(async () => {
        for (const handle of opened) await handle.close();
      }),
  });
}

class SidecarFiles {
  readonly #records: FileHandle;
  readonly #texts: FileHandle;
  /** Where the next text goes. */
  #end: number;

  constructor(records: FileHandle, texts: FileHandle, end: number) {
    this.#records = records;
    this.#texts = texts;
    this.#end = end;
  }

  async write(first: number, given: readonly SidecarRecord[]): Promise<void> {
    const records = Buffer.alloc(given.length * RECORD);
    const texts: Buffer[] = [];
    let offset = this.#end;
    for (const [at, { hash: eventHash, salt, evidence }] of given.entries()) {
      const record = records.subarray(at * RECORD, (at + 1) * RECORD);
      record.write(eventHash.slice(0, HASH), 0, 'latin1');
      record.write((salt ?? '').slice(0, SALT), HASH, 'latin1');
      if (evidence === undefined) continue;
      const text = Buffer.from(evidence);
      record.writeBigUInt64BE(BigInt(offset), OFFSET_AT);
      record.writeBigUInt64BE(BigInt(text.length), LENGTH_AT);
      checkOf(text).copy(record, CHECK_AT);
      texts.push(text);
      offset += text.length;
    }
    await writeAt(this.#texts, Buffer.concat(texts), this.#end);
    await writeAt(this.#records, records, (first - 1) * RECORD);
    await Promise.all([
      this.#records.datasync(),
      texts.length === 0 ? undefined : this.#texts.datasync(),
    ]);
    this.#end = offset;
  }

  async find(
    sequence: number,
  ): Promise<
    { readonly record: SidecarRecord; readonly offset: number; readonly length: number } | undefined
  > {
    const bytes = Buffer.alloc(RECORD);
    const { bytesRead } = await this.#records.read(bytes, 0, RECORD, (sequence - 1) * RECORD);
    const eventHash = bytes.toString('latin1', 0, HASH);
    if (bytesRead < RECORD || !/^[A-Za-z0-9_-]{43}$/.test(eventHash)) return undefined;
    const said = bytes.toString('latin1', HASH, HASH + SALT);
    const salt = /^[A-Za-z0-9_-]{22}$/.test(said) ? said : undefined;
    const offset = Number(bytes.readBigUInt64BE(OFFSET_AT));
    const length = Number(bytes.readBigUInt64BE(LENGTH_AT));
    const isThere = length > 0 && offset + length <= this.#end;
    const evidence = isThere
      ? await this.#read(offset, length, bytes.subarray(CHECK_AT, CHECK_AT + CHECK))
      : undefined;
    const record = { hash: eventHash, salt, evidence };
    return { record, offset, length: isThere ? length : 0 };
  }

  /** The text, if it is what was written. */
  async #read(offset: number, length: number, check: Buffer): Promise<string | undefined> {
    const bytes = Buffer.alloc(length);
    await this.#texts.read(bytes, 0, length, offset);
    return checkOf(bytes).equals(check) ? bytes.toString() : undefined;
  }

  async erase(sequence: number): Promise<void> {
    const found = await this.find(sequence);
    if (found === undefined) return;
    if (found.record.evidence !== undefined) {
      await writeAt(this.#texts, Buffer.alloc(found.length), found.offset);
      await this.#texts.datasync();
    }
    const nothing = Buffer.alloc(RECORD - HASH);
    await writeAt(this.#records, nothing, (sequence - 1) * RECORD + HASH);
    await this.#records.datasync();
  }
}

function checkOf(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer').subarray(0, CHECK);
}

async function openPrivate(path: string, opened: FileHandle[]): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT | NO_LINK, 0o600);
  opened.push(handle);
  return handle;
}

/** Writes all bytes, however many the system takes at a time. */
async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const left = bytes.length - written;
    written += (await file.write(bytes, written, left, position + written)).bytesWritten;
  }
}
