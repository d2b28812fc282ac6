import { platform, writeAuthorityEntryBody } from '@taper/core';
import type { Actor } from '../identity/change.ts';
import type { AuthorityStore, GrantSetRecord } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import { StoreError } from '../store-error.ts';
import type { GrantSet } from './grant.ts';
import { type GrantPlan, planGrants } from './plan.ts';
import { readGrantSet, reopenGrantSet } from './read-grant-set.ts';

/** Grants that are, or were, in force. */
export interface AppliedGrants {
  /** From 1 without a gap. */
  readonly version: number;
  readonly set: GrantSet;
  /** Seconds since the epoch. */
  readonly appliedAt: number;
  readonly appliedBy: string;
}

export interface PlannedGrants {
  /** What `apply` has to be told, so that nothing comes between; 0 where none were applied. */
  readonly version: number;
  readonly plan: GrantPlan;
}

/** All grants of the authority: one document, versioned, applied whole or not at all. */
export interface Grants {
  /** `undefined` where none were applied. */
  current(): Promise<AppliedGrants | undefined>;
  /** Those of an earlier version. */
  version(version: number): Promise<AppliedGrants | undefined>;
  /** What applying the document would change. @throws {AuthorityRefusal} `grant_malformed`. */
  plan(document: string): Promise<PlannedGrants>;
  /**
   * Applies the document, if the grants in force are still those of the version that was planned against. The same document once more
   * changes nothing.
   * @param expected the version of the plan; 0 where none were applied.
   * @throws {AuthorityRefusal} `grant_malformed`, `grant_conflict` with the version in force.
   */
  apply(document: string, expected: number, by: Actor): Promise<PlannedGrants>;
}

export interface GrantsOptions {
  readonly store: AuthorityStore;
  /** Seconds since the epoch. */
  readonly clock: () => number;
}

export function createGrants({ store, clock }: GrantsOptions): Grants {
  return Object.freeze<Grants>({
    current: () => store.read(async (tx) => asApplied(await tx.currentGrantSet())),
    version: (version) => store.read(async (tx) => asApplied(await tx.findGrantSet(version))),
    async plan(document) {
      const set = readGrantSet(document);
      const applied = asApplied(await store.read((tx) => tx.currentGrantSet()));
      return { version: applied?.version ?? 0, plan: planGrants(applied?.set, set) };
    },
    async apply(document, expected, by) {
      const set = readGrantSet(document);
      try {
        return await store.transaction(async (tx) => {
          const applied = asApplied(await tx.currentGrantSet());
          const version = applied?.version ?? 0;
          // After a lost answer the same request finds its own work.
          if (applied?.set.document === set.document)
            return { version, plan: planGrants(applied.set, set) };
          if (version !== expected) throw conflict(version);
          const plan = planGrants(applied?.set, set);
          const next = { version: version + 1, document: set.document };
          const time = clock();
          await tx.insertGrantSet({ ...next, appliedAt: time, appliedBy: by.id });
          await tx.appendEntry(
            writeAuthorityEntryBody({
              time,
              event: 'grants.applied',
              by,
              subject: { version: next.version },
              details: {
                document_hash: platform.sha256(new TextEncoder().encode(set.document)),
                grants: set.grants.length,
                changed: plan.changes.length,
                widens: plan.widens,
              },
            }),
          );
          return { version: next.version, plan };
        });
      } catch (cause) {
        if (!(cause instanceof StoreError) || cause.conflict !== 'grant_set') throw cause;
        throw conflict(undefined);
      }
    },
  });
}

function asApplied(record: GrantSetRecord | undefined): AppliedGrants | undefined {
  if (record === undefined) return undefined;
  const { version, document, appliedAt, appliedBy } = record;
  return { version, set: reopenGrantSet(document), appliedAt, appliedBy };
}

function conflict(version: number | undefined): AuthorityRefusal {
  return new AuthorityRefusal('grant_conflict', 'Other grants were applied since the plan.', {
    facts: version === undefined ? {} : { version },
    hint: 'Plan again, look at it, and apply with the version of the new plan.',
  });
}
