import { auditSinkContract } from '@taper/enforce/testing';
import { describe, test } from 'vitest';
import { createPostgresAuditSink, openPostgres } from '../../src/index.ts';
import { testServer } from '../server.ts';

const { openNew } = testServer();

describe('the audit sink in PostgreSQL', () => {
  auditSinkContract({
    test,
    emitters: 'many',
    durable: true,
    kept: {
      salt: (sink, emitter, sequence) => sink.salt(emitter, sequence),
      evidence: (sink, emitter, sequence) => sink.evidence(emitter, sequence),
      erase: (sink, emitter, sequence) => sink.eraseSalt(emitter, sequence),
    },
    async open() {
      const { url, database } = await openNew();
      const databases = [database];
      return {
        sink: createPostgresAuditSink(database),
        async reopen() {
          const again = await openPostgres({ url });
          databases.push(again);
          return createPostgresAuditSink(again);
        },
        async close() {
          for (const each of databases) await each.close();
        },
      };
    },
  });
});
