import type { AuditSidecar, SidecarRecord } from '../port/audit-sidecar.ts';

/** An {@link AuditSidecar} that is gone with the process: for tests. */
export function createMemoryAuditSidecar(): AuditSidecar {
  const records = new Map<number, SidecarRecord>();
  return Object.freeze<AuditSidecar>({
    async write(first, given) {
      for (const [at, { hash, salt, evidence }] of given.entries())
        records.set(first + at, { hash, salt, evidence });
    },
    async read(sequence) {
      return records.get(sequence);
    },
    async erase(sequence) {
      const known = records.get(sequence);
      if (known !== undefined)
        records.set(sequence, { hash: known.hash, salt: undefined, evidence: undefined });
    },
    async close() {},
  });
}
