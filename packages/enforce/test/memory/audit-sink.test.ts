import { describe, test } from 'vitest';
import { createMemoryAuditSink } from '../../src/memory/audit-sink.ts';
import { auditSinkContract } from '../../src/testing/audit-sink.ts';

describe('the audit sink in memory', () => {
  auditSinkContract({
    test,
    emitters: 'many',
    durable: false,
    kept: {
      salt: async (sink, emitter, sequence) => sink.lines(emitter)[sequence - 1]?.salt,
      evidence: async (sink, emitter, sequence) => sink.lines(emitter)[sequence - 1]?.evidence,
      erase: async (sink, emitter, sequence) => sink.erase(emitter, sequence),
    },
    open: async () => ({ sink: createMemoryAuditSink(), close: async () => {} }),
  });
});
