import { readFileSync } from 'node:fs';
import { importPublicKey } from '@taper/core';
import {
  type AuditEntry,
  type AuditEvent,
  type AuditHead,
  type AuditVerdict,
  readAuditFile,
  readAuditLine,
  verifyAuditLog,
  writeHead,
} from '@taper/enforce';
import { ISSUER } from './orchestrator.ts';
import type { GuardedServer, Stage } from './stage.ts';

// What an auditor does: verifies both logs with the keys and heads that were kept elsewhere, then reads them.

/** One decision, as the log explains it. */
export interface TrailRow {
  readonly server: string;
  /** Who handed authority to whom, by names; the last one made the call. Empty where no chain was valid. */
  readonly chain: readonly string[];
  /** The tool, and the arguments that are recorded in full. */
  readonly call: string;
  readonly decision: string;
  readonly denial?: string;
  readonly policy?: string;
  readonly approved_by: readonly string[];
  /** What became of a permitted call. */
  readonly outcome?: string;
}

/** What verification says of a log, and of copies that somebody has tampered with. */
export interface LogCheck {
  readonly name: string;
  readonly events: number;
  readonly verdict: AuditVerdict['verdict'];
  readonly proved_through: number | undefined;
  readonly tampered: readonly {
    readonly what: string;
    readonly found: string;
    readonly line: number;
  }[];
  /** Whether the log is intact to its end, and every tampering was found. */
  readonly ok: boolean;
}

const serversOf = ({ orders, payments }: Stage) => ({ orders, payments });

export async function checkLogs(stage: Stage): Promise<readonly LogCheck[]> {
  const checks: LogCheck[] = [];
  for (const [name, server] of Object.entries(serversOf(stage))) {
    const head = await server.worker.ask<AuditHead>('auditHead');
    stage.keep(`${name}.audit.log`, readFileSync(server.auditLog, 'utf8'));
    stage.keep(`${name}.audit.head.json`, `${writeHead(head)}\n`);
    stage.keep(`${name}.audit.pub.jwk`, `${JSON.stringify(server.auditKey)}\n`);
    const options = { key: importPublicKey(server.auditKey), head };
    const verdict = await verifyAuditLog(readAuditFile(server.auditLog), options);
    checks.push(await checkCopies(name, server, verdict, options));
  }
  return checks;
}

async function checkCopies(
  name: string,
  { auditLog }: GuardedServer,
  { verdict, events, provedThrough }: AuditVerdict,
  options: Parameters<typeof verifyAuditLog>[1],
): Promise<LogCheck> {
  const lines = readFileSync(auditLog, 'utf8').split('\n').slice(0, -1);
  const hidden = lines.findLastIndex((line) => readAuditLine(line)?.event.decision === 'permit');
  const copies: readonly (readonly [string, readonly string[]])[] = [
    [`without line ${hidden + 1}, the last call that was permitted`, lines.toSpliced(hidden, 1)],
    ['without its last line', lines.slice(0, -1)],
  ];
  const tampered: LogCheck['tampered'][number][] = [];
  for (const [what, copy] of copies) {
    const entries: AuditEntry[] = copy.map((text) => ({ text }));
    const [problem] = (await verifyAuditLog(entries, options)).problems;
    if (problem !== undefined)
      tampered.push({ what, found: problem.code, line: problem.line ?? 0 });
  }
  return {
    name,
    events,
    verdict,
    proved_through: provedThrough,
    tampered,
    ok: verdict === 'intact' && provedThrough === events && tampered.length === copies.length,
  };
}

/** Every decision in the logs, in the order of each, with its outcome. */
export async function auditTrail(stage: Stage): Promise<readonly TrailRow[]> {
  const rows: TrailRow[] = [];
  for (const [server, { auditLog }] of Object.entries(serversOf(stage))) {
    const events: AuditEvent[] = [];
    for await (const entry of readAuditFile(auditLog)) {
      const read = 'text' in entry ? readAuditLine(entry.text) : undefined;
      if (read !== undefined) events.push(read.event);
    }
    const outcomes = new Map(events.map((event) => [event.decision_event_id, event.decision]));
    for (const event of events) {
      if (event.event_type !== 'decision') continue;
      rows.push(readRow(server, event, outcomes.get(event.event_id), stage.orchestrator.names));
    }
  }
  return rows;
}

function readRow(
  server: string,
  event: AuditEvent,
  outcome: string | undefined,
  names: ReadonlyMap<string, string>,
): TrailRow {
  const { delegation_chain: chain = [], tool, decision, denial_code, policy_id, approvals } = event;
  const args = Object.values(event.arguments ?? {}).map(String);
  return {
    server,
    chain: chain.map((who) => (who === ISSUER ? 'issuer' : (names.get(who) ?? who))),
    call: `${tool ?? 'nothing'} ${args.join(', ')}`.trim(),
    decision,
    ...(denial_code === undefined ? {} : { denial: denial_code }),
    ...(policy_id === undefined ? {} : { policy: policy_id }),
    approved_by: (approvals ?? []).map(({ approver }) => approver),
    ...(outcome === undefined ? {} : { outcome }),
  };
}
