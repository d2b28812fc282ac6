import {
  type AuditEvent,
  type EvidenceSourceEvent,
  type EvidenceSourceLog,
  parseCheckpoint,
  parseNote,
  readAuditLine,
  TaperError,
} from '@taper/core';
import type { AuditSidecar } from '../port/audit-sidecar.ts';
import type { LogReader } from '../reader/log-reader.ts';
import { lineOf } from './line.ts';

export interface AuditSourceOptions {
  /** Reads the audit log under a head that is believed. */
  readonly reader: LogReader;
  /** The signed note that the bundle is to show: of the head's size or less. */
  readonly checkpoint: string;
  readonly sidecar?: Pick<AuditSidecar, 'read'>;
  /** Which events are shown. Default: all. */
  readonly shows?: (event: AuditEvent) => boolean;
  /** Of which events the arguments are shown, where they were kept. Default: of all that are shown. */
  readonly opens?: (event: AuditEvent) => boolean;
  /** Older checkpoints of the log, sizes rising, for auditors who hold them. */
  readonly earlier?: readonly string[];
}

/**
 * An audit log as `buildEvidence` takes it. Reads the log once, and keeps nothing of it.
 *
 * @throws {TaperError} `evidence_invalid` for a checkpoint that is none, or an entry that is no event; and as the reader does.
 */
export async function auditEvidenceSource(options: AuditSourceOptions): Promise<EvidenceSourceLog> {
  const { reader, checkpoint, sidecar, shows = () => true, opens = () => true } = options;
  const size = sizeOf(checkpoint);

  async function* events(): AsyncGenerator<EvidenceSourceEvent> {
    for await (const { index, entry } of reader.entries(0, size)) {
      const line = lineOf(entry);
      const event = readAuditLine(line ?? '')?.event;
      if (line === undefined || event === undefined)
        throw new TaperError('evidence_invalid', `Entry ${index} of the log is no audit event.`);
      if (!shows(event)) continue;
      const beside = await sidecar?.read(index + 1);
      yield {
        index,
        line,
        evidence: beside?.evidence,
        salt: opens(event) ? beside?.salt : undefined,
      };
    }
  }

  const earlier: { readonly checkpoint: string; readonly proof: readonly Uint8Array[] }[] = [];
  for (const note of options.earlier ?? [])
    earlier.push({
      checkpoint: note,
      proof: await reader.consistencyProof(sizeOf(note), size),
    });
  return {
    checkpoint,
    events: events(),
    subtree: (first, width) => subtreeRoot(reader, first, width),
    ...(earlier.length === 0 ? {} : { earlier }),
  };
}

/** The root of a perfect subtree, from what every reader can prove: a few tiles, whatever its width. */
async function subtreeRoot(reader: LogReader, first: number, width: number): Promise<Uint8Array> {
  const end = first + width;
  if ((first / width) % 2 === 0) return (await reader.frontier(end)).hashes().at(-1) as Uint8Array;
  // It is a right child: the sibling of the subtree before it, on the path from any leaf of that one.
  const path = await reader.inclusionProof(first - width, end);
  return path[Math.log2(width)] as Uint8Array;
}

function sizeOf(note: string): number {
  const size = parseCheckpoint(parseNote(note)?.text ?? '')?.size;
  if (size !== undefined) return size;
  throw new TaperError('evidence_invalid', 'This is no checkpoint.');
}
