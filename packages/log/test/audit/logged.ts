import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSigner, generateKeyPair, type Signer } from '@taper/core';
import {
  type AuditEventInit,
  type AuditLine,
  createAuditRecorder,
  createMemoryAuditSink,
} from '@taper/enforce';
import {
  openFileAuditSidecar,
  openFileCheckpointStore,
  openFileTileStore,
} from '../../src/file/index.ts';
import {
  type AuditSidecar,
  createLogAuditSink,
  createMemoryAuditSidecar,
  createMemoryCheckpointStore,
  createMemoryTileStore,
  type Log,
  type LogAuditSink,
  openLog,
} from '../../src/index.ts';

export const ORIGIN = 'audit.example.com/a';
export const POINT: Signer = newSigner();

export function newSigner(): Signer {
  return createSigner(generateKeyPair().privateJwk);
}

/** An audit log with its sink, as a deployment wires them. */
export interface Logged {
  readonly log: Log;
  readonly sidecar: AuditSidecar;
  readonly sink: LogAuditSink;
}

/** Key of the log, which every opening must have. */
const LOG_KEY = newSigner();

export async function inMemory(emitter: string, sidecar?: AuditSidecar): Promise<Logged> {
  const log = await openLog({
    origin: ORIGIN,
    signer: LOG_KEY,
    tiles: createMemoryTileStore(),
    checkpoints: createMemoryCheckpointStore(),
    create: true,
  });
  const beside = sidecar ?? createMemoryAuditSidecar();
  return { log, sidecar: beside, sink: createLogAuditSink({ log, emitter, sidecar: beside }) };
}

export async function onFiles(
  folder: string,
  emitter: string,
): Promise<Logged & { close(): Promise<void> }> {
  const tiles = await openFileTileStore(join(folder, 'tiles'));
  const checkpoints = await openFileCheckpointStore(join(folder, 'state'));
  const log = await openLog({ origin: ORIGIN, signer: LOG_KEY, tiles, checkpoints, create: true });
  const sidecar = await openFileAuditSidecar(join(folder, 'erasable'));
  return {
    log,
    sidecar,
    sink: createLogAuditSink({ log, emitter, sidecar }),
    async close() {
      await log.close();
      await sidecar.close();
      await tiles.close();
      await checkpoints.close();
    },
  };
}

export function newFolder(folders: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'taper-log-audit-'));
  folders.push(folder);
  return folder;
}

export function removeFolders(folders: string[]): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
}

/** A call that was denied before anything was verified: an event that needs nothing else. */
export function denial(time: number): AuditEventInit {
  return {
    type: 'decision',
    time,
    enforcementPoint: 'https://pay.example',
    decision: 'deny',
    chains: [],
    tool: 'refund',
    arguments: { order: time },
    denial: { code: 'signature_invalid' },
  };
}

/** Lines as a recorder writes them. */
export async function recordMany(emitter: string, count: number): Promise<readonly AuditLine[]> {
  const sink = createMemoryAuditSink();
  const recorder = createAuditRecorder({ signer: POINT, sink, emitter });
  await Promise.all(
    Array.from({ length: count }, (_, index) => recorder.record(denial(1_800_000_000 + index))),
  );
  return sink.lines(emitter);
}
