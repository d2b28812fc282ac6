import type { ReadAuditLine } from '@taper/core';
import { platform, readAuditLine, TaperError } from '@taper/core';
import type { LogReader } from '../reader/log-reader.ts';

const UTF8 = new TextEncoder();

/** One event as an enforcement point hands it to its audit log, with what may have to be erased. */
export interface LoggedLine {
  readonly emitter: string;
  readonly sequence: number;
  readonly hash: string;
  readonly line: string;
  readonly salt: string;
  readonly evidence?: string;
}

/** The entry of an audit log for a line (`spec/evidence.md` section 1). */
export function entryOf(line: string): Uint8Array {
  return UTF8.encode(line);
}

/** The line in an entry; `undefined` where the entry is no UTF-8. */
export function lineOf(entry: Uint8Array): string | undefined {
  return platform.decodeUtf8(entry);
}

/** The event in the entry at `index`, which is the emitter's in that place. @throws {TaperError} `store_unusable` when it is none. */
export async function readEvent(
  reader: LogReader,
  index: number,
  emitter: string,
): Promise<ReadAuditLine> {
  for await (const { entry } of reader.entries(index, index + 1)) {
    const read = readAuditLine(lineOf(entry) ?? '');
    if (read?.event.emitter === emitter && read.event.sequence === index + 1) return read;
  }
  throw new TaperError('store_unusable', `Entry ${index} of the log is no event of ${emitter}.`, {
    hint: 'An audit log holds the events of one emitter and nothing else. Give each a log of its own.',
  });
}
