import { hash } from 'node:crypto';
import { dirname } from 'node:path';
import { LogError } from '../port/log-error.ts';
import type { Staged } from '../port/tile-store.ts';
import type { Disk, DiskFile } from './disk.ts';

/** Before each record: its length in 4 bytes, big-endian, and its SHA-256. */
const HEADER = 36;

/** A file of records, each of which is there whole or not at all. Its methods are called one after the other. */
export class Journal {
  readonly #disk: Disk;
  readonly #path: string;
  #file: DiskFile | undefined;
  /** Bytes up to which whole, durable records go. */
  #end = 0;
  /** Something may stand behind {@link #end} that nobody was told of. */
  #unclean = false;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
  }

  async records(): Promise<Staged> {
    const file = await this.#open();
    if (file === undefined) return { records: [], unreadable: 0 };
    const bytes = await file.read();
    const { records, end } = scan(bytes);
    this.#end = end;
    this.#unclean = end < bytes.length;
    return { records, unreadable: bytes.length - end };
  }

  /**
   * Appends a record; what a failed one left behind is cut off before.
   * @throws {LogError} `log_forked` when there is none before it, or the file is not as it was left.
   */
  async append(record: Uint8Array): Promise<void> {
    const file = await this.#open();
    const isOurs =
      file !== undefined &&
      this.#end > 0 &&
      (await file.isNamed(this.#path)) &&
      (this.#unclean || (await file.length()) === this.#end);
    if (!isOurs) {
      throw new LogError('log_forked', this.#path, `${this.#path} was changed by somebody else.`, {
        hint: 'It was moved, deleted, restored or written to. Keep what is there, and restart.',
      });
    }
    if (this.#unclean) await file.truncate(this.#end);
    this.#unclean = true;
    const bytes = frame(record);
    await file.write(bytes, this.#end);
    await file.sync();
    this.#end += bytes.length;
    this.#unclean = false;
  }

  /** Sets one record in place of all. */
  async replace(record: Uint8Array): Promise<void> {
    const bytes = frame(record);
    const next = await this.#disk.open(`${this.#path}.next`, 'empty');
    try {
      await next.write(bytes, 0);
      await next.sync();
      // Which file has the name is not known until the folder is synced: then it is opened anew.
      await this.close();
      await this.#disk.rename(`${this.#path}.next`, this.#path);
      await this.#disk.syncFolder(dirname(this.#path));
    } catch (error) {
      await next.close();
      throw error;
    }
    this.#file = next;
    this.#end = bytes.length;
    this.#unclean = false;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** Opens the file by its name. What is read from it is durable before anything is built on it. */
  async #open(): Promise<DiskFile | undefined> {
    if (this.#file !== undefined) return this.#file;
    const file = await this.#disk.open(this.#path, 'old');
    if (file === undefined) return undefined;
    try {
      await file.sync();
      await this.#disk.syncFolder(dirname(this.#path));
      const bytes = await file.read();
      this.#end = scan(bytes).end;
      this.#unclean = this.#end < bytes.length;
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#file = file;
    return file;
  }
}

function frame(record: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER + record.length);
  new DataView(bytes.buffer).setUint32(0, record.length);
  bytes.set(hash('sha256', record, 'buffer'), 4);
  bytes.set(record, HEADER);
  return bytes;
}

/** The whole records from the start on, and where the last of them ends. */
function scan(bytes: Uint8Array): {
  readonly records: readonly Uint8Array[];
  readonly end: number;
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  let end = 0;
  while (end + HEADER <= bytes.length) {
    const record = bytes.subarray(end + HEADER, end + HEADER + view.getUint32(end));
    const digest = bytes.subarray(end + 4, end + HEADER);
    if (record.length !== view.getUint32(end)) break;
    if (!hash('sha256', record, 'buffer').equals(digest)) break;
    records.push(record);
    end += HEADER + record.length;
  }
  return { records, end };
}
