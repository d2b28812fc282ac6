import { join } from 'node:path';
import { importPublicKey, parseNoteKey, verifyCheckpoint } from '@taper/core';
import {
  type AuditEntry,
  type AuditEvent,
  type AuditHead,
  type AuditVerdict,
  readAuditLine,
  verifyAuditLog,
  writeHead,
} from '@taper/enforce';
import { createLogReader } from '@taper/log';
import { createFileTileSource, readFileCheckpoint } from '@taper/log/file';
import type { AuditLogAddress } from './audit-log.ts';
import type { Stage } from './stage.ts';

// What the shop does for itself: reads both logs, verifies every line with the keys and heads that were kept elsewhere, and explains them.

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

/** The lines of an audit log: its entries, under a checkpoint that was signed by the log that it is to be. */
async function readLines({ folder, origin, logKey }: AuditLogAddress): Promise<readonly string[]> {
  const key = parseNoteKey(logKey);
  const note = (await readFileCheckpoint(join(folder, 'state')))?.note;
  if (key === undefined || note === undefined) throw new Error(`${origin} shows no checkpoint.`);
  const verdict = verifyCheckpoint(note, { origin, keys: [key], witnesses: [], quorum: 0 });
  if (!verdict.ok) throw new Error(`The checkpoint of ${origin} is wrong: ${verdict.problem}.`);
  const source = createFileTileSource(join(folder, 'tiles'));
  const lines: string[] = [];
  for await (const { entry } of createLogReader({
    source,
    head: () => verdict.checkpoint,
  }).entries())
    lines.push(new TextDecoder().decode(entry));
  return lines;
}

/** Publishes both logs, verifies them, and keeps what others need to do that again. */
export async function checkLogs(
  stage: Stage,
): Promise<{ readonly checks: readonly LogCheck[]; readonly trail: readonly TrailRow[] }> {
  const checks: LogCheck[] = [];
  const trail: TrailRow[] = [];
  for (const [name, { worker, audit }] of Object.entries(serversOf(stage))) {
    const head = await worker.ask<AuditHead>('publishAudit');
    const lines = await readLines(audit);
    stage.keep(`${name}.audit.log`, lines.map((line) => `${line}\n`).join(''));
    stage.keep(`${name}.audit.head.json`, `${writeHead(head)}\n`);
    stage.keep(`${name}.audit.pub.jwk`, `${JSON.stringify(audit.eventKey)}\n`);
    checks.push(await check(name, lines, { key: importPublicKey(audit.eventKey), head }));
    trail.push(
      ...explain(name, lines, new Map([...stage.names, [stage.operator.address.url, 'authority']])),
    );
  }
  return { checks, trail };
}

async function check(
  name: string,
  lines: readonly string[],
  options: Parameters<typeof verifyAuditLog>[1],
): Promise<LogCheck> {
  const verify = (copy: readonly string[]): Promise<AuditVerdict> =>
    verifyAuditLog(
      copy.map((text): AuditEntry => ({ text })),
      options,
    );
  const { verdict, events, provedThrough } = await verify(lines);
  const hidden = lines.findLastIndex((line) => readAuditLine(line)?.event.decision === 'permit');
  const copies: readonly (readonly [string, readonly string[]])[] = [
    [`without line ${hidden + 1}, the last call that was permitted`, lines.toSpliced(hidden, 1)],
    ['without its last line', lines.slice(0, -1)],
  ];
  const tampered: LogCheck['tampered'][number][] = [];
  for (const [what, copy] of copies) {
    const [problem] = (await verify(copy)).problems;
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

/** Every decision in a log, in order, with its outcome. */
function explain(
  server: string,
  lines: readonly string[],
  names: ReadonlyMap<string, string>,
): readonly TrailRow[] {
  const events = lines.flatMap((line) => readAuditLine(line)?.event ?? []);
  const outcomes = new Map(events.map((event) => [event.decision_event_id, event.decision]));
  return events
    .filter(({ event_type }) => event_type === 'decision')
    .map((event) => readRow(server, event, outcomes.get(event.event_id), names));
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
    chain: chain.map((who) => names.get(who) ?? who),
    call: `${tool ?? 'nothing'} ${args.join(', ')}`.trim(),
    decision,
    ...(denial_code === undefined ? {} : { denial: denial_code }),
    ...(policy_id === undefined ? {} : { policy: policy_id }),
    approved_by: (approvals ?? []).map(({ approver }) => approver),
    ...(outcome === undefined ? {} : { outcome }),
  };
}
