import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AuditEventInit,
  type AuditSink,
  createAuditRecorder,
  openFileAuditSink,
} from '@taper/enforce';
import { createSqliteAuditSink, openSqliteDatabase } from '@taper/enforce/sqlite';
import type { Figure, Section, Target } from './figure.ts';
import {
  asyncSubject,
  concurrentSubject,
  type Effort,
  measure,
  microseconds,
  ratio,
} from './measure.ts';
import { forgetfulAuditSink } from './ports.ts';
import { ARGS, AUDIENCE, ISSUER, NOW, signerAt, TOOL, typicalChain } from './scene.ts';

/** Events that wait at the same time: four groups. */
const WIDTH = 1024;

/** What an event may take when 20,000 become durable in a second; microseconds. */
const LIMIT = 50;

/** How fast audit events become durable when many decisions are under way. */
export async function measureAuditRate(
  effort: Effort,
): Promise<{ section: Section; targets: readonly Target[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'taper-bench-'));
  const database = openSqliteDatabase(join(folder, 'audit.db'));
  const file = await openFileAuditSink(join(folder, 'audit.jsonl'));
  const sinks: { readonly [name: string]: AuditSink } = {
    'kept nowhere': forgetfulAuditSink(),
    'durable in a file': file,
    'durable in SQLite': createSqliteAuditSink(database),
  };
  const event = await typicalEvent();
  const input = Buffer.alloc(200, 'x');
  const signer = signerAt(0);
  try {
    const samples = await measure(
      [
        asyncSubject(
          'sign',
          () => input,
          async (bytes) => signer.sign(bytes),
        ),
        ...Object.entries(sinks).map(([name, sink]) => {
          const recorder = createAuditRecorder({ sink, signer });
          return concurrentSubject(
            name,
            WIDTH,
            () => event,
            (each) => recorder.record(each),
          );
        }),
      ],
      effort,
    );
    const figures = Object.keys(sinks).map(
      (name): Figure => ({
        name,
        signatures: 1,
        microseconds: microseconds(samples, name),
        raw: microseconds(samples, 'sign'),
        ratio: ratio(samples, name, 'sign'),
      }),
    );
    return {
      section: {
        title: `Audit events, ${WIDTH} at a time`,
        legend:
          'Written, signed, chained and made durable in groups of up to 256. Bare: one signature ' +
          `made. ${LIMIT} µs are ${1e6 / LIMIT} a second on one core.`,
        figures,
      },
      targets: figures.slice(1).map(({ name, microseconds: value }) => ({
        name: `audit event, ${name}`,
        limit: LIMIT,
        value,
        unit: 'µs',
      })),
    };
  } finally {
    await file.close();
    database.close();
    rmSync(folder, { recursive: true });
  }
}

/** The event of a permit under a chain of three hops. */
async function typicalEvent(): Promise<AuditEventInit> {
  const { tokens } = await typicalChain(3);
  return {
    type: 'decision',
    time: NOW,
    enforcementPoint: AUDIENCE,
    decision: 'permit',
    chains: [
      {
        issuer: ISSUER,
        holders: tokens.map(({ claims }) => claims.holder.thumbprint),
        tokens: tokens.map(({ hash }) => hash),
      },
    ],
    tool: TOOL,
    arguments: ARGS,
    policy: { id: 'refunds', version: '2026-01-01' },
    budget: [{ meter: 'calls', amount: '1' }],
    tenant: 'acme',
  };
}
