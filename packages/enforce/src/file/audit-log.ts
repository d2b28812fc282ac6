import { createReadStream } from 'node:fs';
import { MAX_AUDIT_LINE } from '@taper/core';
import type { AuditEntry } from '../audit/verify.ts';

const LINE_END = 0x0a;

/** UTF-8 of the longest line: three bytes for each UTF-16 code unit. */
const MAX_LINE_BYTES = 3 * MAX_AUDIT_LINE;

/**
 * The lines of a log file, one after the other, whatever is in it. Memory is bounded by one line.
 * @throws the platform's error when the file cannot be read.
 */
export async function* readAuditFile(path: string): AsyncGenerator<AuditEntry, void> {
  let parts: Uint8Array[] = [];
  let length = 0;
  const finish = (): AuditEntry => {
    const bytes = parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
    const entry = length > MAX_LINE_BYTES ? MALFORMED : decode(bytes);
    parts = [];
    length = 0;
    return entry;
  };
  const keep = (part: Uint8Array): void => {
    length += part.length;
    if (length <= MAX_LINE_BYTES) parts.push(part);
    else parts = [];
  };
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
    const bytes = chunk as Uint8Array;
    let start = 0;
    for (let end = bytes.indexOf(LINE_END); end !== -1; end = bytes.indexOf(LINE_END, start)) {
      keep(bytes.subarray(start, end));
      yield finish();
      start = end + 1;
    }
    if (start < bytes.length) keep(bytes.subarray(start));
  }
  if (length > 0) yield { problem: 'line_incomplete' };
}

const MALFORMED: AuditEntry = { problem: 'line_malformed' };

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): AuditEntry {
  try {
    return { text: UTF8.decode(bytes) };
  } catch {
    return MALFORMED;
  }
}
