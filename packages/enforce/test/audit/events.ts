import { TEST_TIME, type TestKey, testKey } from '@taper/testkit';
import type { AuditEventInit } from '../../src/audit/event.ts';
import { type AuditRecorderOptions, createAuditRecorder } from '../../src/audit/recorder.ts';
import type { AuditEntry } from '../../src/audit/verify.ts';
import { createMemoryAuditSink } from '../../src/memory/audit-sink.ts';
import type { AuditLine } from '../../src/port/audit-sink.ts';

/** The key of the enforcement point in these tests. */
export const POINT: TestKey = testKey('enforcement point');

/** 43 characters that stand for a hash or a thumbprint. */
export function hashed(name: string): string {
  return name.padEnd(43, '-');
}

/** A call that was permitted. */
export function permitEvent(changes: Partial<AuditEventInit> = {}): AuditEventInit {
  return {
    type: 'decision',
    time: TEST_TIME,
    enforcementPoint: 'https://pay.example',
    decision: 'permit',
    chains: [
      {
        issuer: 'https://auth.example.com',
        holders: [hashed('alice'), hashed('bob')],
        tokens: [hashed('root'), hashed('leaf')],
      },
    ],
    tool: 'refund',
    resource: 'order/17',
    action: 'refund',
    arguments: { amount: '12.50', order: 17 },
    ...changes,
  };
}

/** A call that was denied before anything was verified. */
export function denyEvent(changes: Partial<AuditEventInit> = {}): AuditEventInit {
  return {
    type: 'decision',
    time: TEST_TIME,
    enforcementPoint: 'https://pay.example',
    decision: 'deny',
    chains: [],
    tool: 'refund',
    denial: { code: 'signature_invalid', hop: 1 },
    ...changes,
  };
}

/** Events as a recorder writes them. */
export async function recordLines(
  events: readonly AuditEventInit[],
  options: Partial<AuditRecorderOptions> = {},
): Promise<readonly AuditLine[]> {
  const sink = createMemoryAuditSink();
  const recorder = createAuditRecorder({ signer: POINT.signer, ...options, sink });
  await Promise.all(events.map((event) => recorder.record(event)));
  return sink.lines(recorder.emitter);
}

/** As many permitted calls, a second apart. */
export function recordMany(
  count: number,
  options: Partial<AuditRecorderOptions> = {},
): Promise<readonly AuditLine[]> {
  const events = Array.from({ length: count }, (_, index) =>
    permitEvent({ time: TEST_TIME + index }),
  );
  return recordLines(events, options);
}

/** Lines as a reader of a log gives them. */
export function entriesOf(lines: readonly (AuditLine | string)[]): readonly AuditEntry[] {
  return lines.map((line) => ({ text: typeof line === 'string' ? line : line.line }));
}
