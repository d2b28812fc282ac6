import { join } from 'node:path';
import { createRateLimit } from '@taper/authority/http';
import { readAuditLine, type Signer, TaperError, uuidV7 } from '@taper/core';
import {
  type AuditEventInit,
  type AuditRecorder,
  type AuditSink,
  createAuditRecorder,
  openFileAuditSink,
  readAuditFile,
} from '@taper/enforce';
import { createPostgresAuditSink, type PostgresDatabase } from '@taper/store-postgres';
import type { AuthorityConfig } from './config.ts';
import { HOME_FILES } from './home.ts';

/** Denials below one root's holder that are written per second, on average over ten seconds. */
const DENIALS_PER_SECOND = 10;

/** The audit log of the gate: every decision on a call of an administrator, signed and chained (spec/audit.md). */
export interface GateAudit {
  readonly recorder: AuditRecorder;
  /** Whether it can be asked where it ends. @throws where it cannot: then nothing can be written either. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface GateAuditOptions {
  readonly folder: string;
  readonly config: AuthorityConfig;
  /** Where several nodes share one, the log lies in it, under a name for each node. */
  readonly database: PostgresDatabase | undefined;
  /** The key for this log alone. */
  readonly signer: Signer;
  /** Identifier of the gate. */
  readonly name: string;
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
  /** A denial was not written, since there were too many below the same holder. */
  readonly onDropped: () => void;
}

/** Thrown for a denial that is not written. */
export class DroppedDenial extends Error {}

/** @throws {TaperError} `store_unusable`, `store_unavailable`. */
export async function openGateAudit(options: GateAuditOptions): Promise<GateAudit> {
  const { config, database, signer, name } = options;
  const { sink, emitter, close } =
    database === undefined
      ? await openFile(options)
      : {
          sink: createPostgresAuditSink(database),
          // Nodes that wrote one sequence would wait for each other.
          emitter: `${name} ${config.advertise ?? config.listen}`,
          close: async () => undefined,
        };
  const recorder = createAuditRecorder({ sink, signer, emitter });
  return {
    recorder: boundedDenials(recorder, options.onDropped),
    async ping() {
      await sink.tip(emitter);
    },
    close,
  };
}

/** A file that was begun goes on under its own name; a new one has a new name, so that one that was put aside stays whole by itself. */
async function openFile({ folder, name, clock, random }: GateAuditOptions): Promise<{
  readonly sink: AuditSink;
  readonly emitter: string;
  close(): Promise<void>;
}> {
  const path = join(folder, HOME_FILES.audit);
  const sink = await openFileAuditSink(path);
  try {
    const fresh = `${name} ${uuidV7(clock() * 1000, random(10))}`;
    return { sink, emitter: (await emitterOf(path)) ?? fresh, close: () => sink.close() };
  } catch (cause) {
    await sink.close();
    throw cause;
  }
}

async function emitterOf(path: string): Promise<string | undefined> {
  for await (const entry of readAuditFile(path)) {
    const read = 'text' in entry ? readAuditLine(entry.text) : undefined;
    if (read !== undefined) return read.event.emitter;
    throw new TaperError('store_unusable', `The first line of ${path} is no audit event.`, {
      hint: 'Nothing is written after it. See `taper audit verify`; then move the file aside to begin another.',
    });
  }
  return undefined;
}

/**
 * Denials cost whoever asks for them nothing, and each is a line that stays: of those below one root's holder (and of those without any
 * chain that verified) so many are written, and no more. Permits, and what became of them, always are.
 */
function boundedDenials(recorder: AuditRecorder, onDropped: () => void): AuditRecorder {
  const limit = createRateLimit(DENIALS_PER_SECOND);
  return {
    ...recorder,
    async record(event) {
      const isDenial = event.type === 'decision' && event.decision !== 'permit';
      if (isDenial && (await limit.take(whoseDenial(event))) !== undefined) {
        onDropped();
        throw new DroppedDenial('too many denials below one holder');
      }
      return recorder.record(event);
    },
  };
}

/** By the holder of the root, since anybody hands on to as many keys as he likes. Whoever has copied a chain uses up nothing of what is there for its holder. */
function whoseDenial({ chains: [proved], presented }: AuditEventInit): string {
  if (proved !== undefined) return `proved ${proved.holders[0]}`;
  return presented === undefined ? 'nobody' : `presented ${presented.holders[0]}`;
}
