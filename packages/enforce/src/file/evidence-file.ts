import { hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/** Bytes of a record in the index: offset, length, and the first half of the SHA-256 of the text. */
const RECORD = 32;

const CHECK = 16;

/** Texts of any length by sequence, each of which can be erased: a file of texts, and an index of fixed records. */
export interface EvidenceFile {
  /** Writes the evidence of a run of events, durably. Whatever an earlier, failed write had left for them is forgotten. */
  write(firstSequence: number, texts: readonly (string | undefined)[]): Promise<void>;
  /** `undefined` where there is none, it was erased, or it is not what was written. */
  read(sequence: number): Promise<string | undefined>;
  /** Overwrites the text, and then forgets where it was. */
  erase(sequence: number): Promise<void>;
  close(): Promise<void>;
}

export async function createEvidenceFile(
  texts: FileHandle,
  index: FileHandle,
): Promise<EvidenceFile> {
  let end = (await texts.stat()).size;

  async function find(
    sequence: number,
  ): Promise<{ readonly offset: number; readonly bytes: Buffer } | undefined> {
    const record = Buffer.alloc(RECORD);
    const { bytesRead } = await index.read(record, 0, RECORD, (sequence - 1) * RECORD);
    const offset = Number(record.readBigUInt64BE(0));
    const length = Number(record.readBigUInt64BE(8));
    if (bytesRead < RECORD || length === 0 || offset + length > end) return undefined;
    const bytes = Buffer.alloc(length);
    await texts.read(bytes, 0, length, offset);
    return checkOf(bytes).equals(record.subarray(RECORD - CHECK)) ? { offset, bytes } : undefined;
  }

  return {
    async write(firstSequence, given) {
      const records = Buffer.alloc(given.length * RECORD);
      const written: Buffer[] = [];
      let offset = end;
      for (const [at, text] of given.entries()) {
        if (text === undefined) continue;
        const bytes = Buffer.from(text);
        const record = records.subarray(at * RECORD, (at + 1) * RECORD);
        record.writeBigUInt64BE(BigInt(offset), 0);
        record.writeBigUInt64BE(BigInt(bytes.length), 8);
        checkOf(bytes).copy(record, RECORD - CHECK);
        written.push(bytes);
        offset += bytes.length;
      }
      await writeAt(texts, Buffer.concat(written), end);
      await writeAt(index, records, (firstSequence - 1) * RECORD);
      await Promise.all([texts.datasync(), index.datasync()]);
      end = offset;
    },
    async read(sequence) {
      return (await find(sequence))?.bytes.toString();
    },
    async erase(sequence) {
      const found = await find(sequence);
      if (found !== undefined) {
        await writeAt(texts, Buffer.alloc(found.bytes.length), found.offset);
        await texts.datasync();
      }
      if ((await index.stat()).size < sequence * RECORD) return;
      await writeAt(index, Buffer.alloc(RECORD), (sequence - 1) * RECORD);
      await index.datasync();
    },
    async close() {
      await texts.close();
      await index.close();
    },
  };
}

function checkOf(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer').subarray(0, CHECK);
}

/** Writes all bytes, however many the system takes at a time. */
async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(
      bytes,
      written,
      bytes.length - written,
      position + written,
    );
    written += bytesWritten;
  }
}
