import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AuditSink,
  createAuditRecorder,
  createEnforcementPoint,
  createMemoryBudgetLedger,
  createMemoryReplayStore,
  createMemoryRevocationView,
  type EnforcementPoint,
  type EnforcementPointOptions,
  type PolicyEngine,
  type Revocation,
} from '@taper/enforce';
import {
  createSqliteAuditSink,
  createSqliteBudgetLedger,
  createSqliteReplayStore,
  createSqliteRevocationView,
  openSqliteDatabase,
} from '@taper/enforce/sqlite';
import { ANCHOR, AUDIENCE, NOW, signerAt } from './scene.ts';

/** Of the enforcement points here, and of chains that are meant for them. */
export const TENANT = 'acme';

/** What the typical order is not. */
export const UNWANTED_ORDER = 'ord_1043';

/** All that an enforcement point can be given, and what it takes to be rid of it. */
export interface Ports {
  readonly options: Partial<EnforcementPointOptions>;
  /** What is revoked for the points that have these ports. */
  revoke(revocation: Revocation): void | Promise<void>;
  close(): void;
}

/** A policy that costs nothing: what policy engines cost is theirs. */
const trivialPolicy: PolicyEngine = {
  decide: (input) => ({
    verdict: input.arguments['order_id'] === UNWANTED_ORDER ? 'deny' : 'permit',
    approvals: [],
    policy: { id: 'trivial', version: '1' },
    reasons: [],
  }),
};

/** Everything in memory. Where audit events are to be written, to this sink. */
export function memoryPorts(sink?: AuditSink): Ports {
  const revocation = createMemoryRevocationView();
  return {
    options: {
      tenant: TENANT,
      replay: createMemoryReplayStore(),
      ledger: createMemoryBudgetLedger(),
      revocation,
      policy: trivialPolicy,
      ...(sink === undefined ? {} : { audit: createAuditRecorder({ sink, signer: signerAt(0) }) }),
    },
    revoke: (entry) => revocation.revoke(entry, NOW),
    close: () => {},
  };
}

/** Everything in one SQLite file in a folder of its own. */
export function sqlitePorts(
  audited: boolean,
  now: () => number = () => NOW,
): Ports & { readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'taper-bench-'));
  const database = openSqliteDatabase(join(folder, 'stores.db'));
  const revocation = createSqliteRevocationView(database);
  const audit = createAuditRecorder({
    sink: createSqliteAuditSink(database),
    signer: signerAt(0),
  });
  return {
    folder,
    options: {
      tenant: TENANT,
      replay: createSqliteReplayStore(database),
      ledger: createSqliteBudgetLedger(database, { clock: { now } }),
      revocation,
      policy: trivialPolicy,
      ...(audited ? { audit } : {}),
    },
    revoke: (entry) => revocation.revoke(entry, now()),
    close() {
      database.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** An audit sink that forgets all but where the log ends: what it costs to keep lines is left to the others. */
export function forgetfulAuditSink(): AuditSink {
  const tips = new Map<string, Awaited<ReturnType<AuditSink['tip']>>>();
  return {
    tip: (emitter) => tips.get(emitter),
    append(lines) {
      const last = lines.at(-1);
      if (last !== undefined) tips.set(last.emitter, { sequence: last.sequence, hash: last.hash });
      return 'appended';
    },
  };
}

/** An enforcement point for typical chains. Its clock stands still unless another one is given. */
export function pointWith(
  options: Partial<EnforcementPointOptions>,
  now: () => number = () => NOW,
): EnforcementPoint {
  return createEnforcementPoint({
    anchors: [ANCHOR],
    audience: AUDIENCE,
    clock: { now },
    ...options,
  });
}
