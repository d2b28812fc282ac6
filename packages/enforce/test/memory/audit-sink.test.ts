import { describe, test } from 'vitest';
import { createMemoryAuditSink } from '../../src/memory/audit-sink.ts';
import { auditSinkContract } from '../../src/testing/audit-sink.ts';

describe('the audit sink in memory', () => {
  auditSinkContract({
    test,
    emitters: 'many',
    durable: false,
    open: async () => ({ sink: createMemoryAuditSink(), close: async () => {} }),
  });
});
