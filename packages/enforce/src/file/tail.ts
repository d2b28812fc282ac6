import type { FileHandle } from 'node:fs/promises';
import { MAX_AUDIT_LINE, readAuditLine } from '@taper/core';
import type { AuditTip } from '../port/audit-sink.ts';

const LINE_END = 0x0a;

/** Bytes in which the end of a file is looked through; doubled until a whole line is in. */
const FIRST_LOOK = 1 << 16;

/** Where the complete lines of a log end, and the event in the last of them. */
export interface Tail {
  /** Offset after the last line end; 0 where there is none. */
  readonly end: number;
  readonly emitter: string | undefined;
  readonly tip: AuditTip | undefined;
}

/** Reads the last complete line of a log. `damaged` when it is no event: what comes after it could not be chained to it. */
export async function readTail(file: FileHandle, size: number): Promise<Tail | 'damaged'> {
  const most = 8 * MAX_AUDIT_LINE;
  for (let look = FIRST_LOOK; ; look *= 2) {
    const start = Math.max(0, size - look);
    const bytes = await readRange(file, start, size);
    const last = bytes.lastIndexOf(LINE_END);
    if (last === -1 && start === 0) return { end: 0, emitter: undefined, tip: undefined };
    const before = last < 1 ? -1 : bytes.lastIndexOf(LINE_END, last - 1);
    if (last !== -1 && (before !== -1 || start === 0)) {
      const line = readAuditLine(bytes.toString('utf8', before + 1, last));
      if (line === undefined) return 'damaged';
      const { emitter, sequence } = line.event;
      return { end: start + last + 1, emitter, tip: { sequence, hash: line.hash } };
    }
    if (look > most) return 'damaged';
  }
}

async function readRange(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start);
  for (let filled = 0; filled < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) return bytes.subarray(0, filled);
    filled += bytesRead;
  }
  return bytes;
}
