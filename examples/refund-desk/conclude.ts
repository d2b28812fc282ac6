import { checkLogs, type LogCheck, type TrailRow } from './audit-trail.ts';
import { type EvidenceCheck, makeEvidence, showVerdicts } from './evidence.ts';
import type { RefundArguments } from './payment-routes.ts';
import type { Refund } from './payments.ts';
import {
  type Executions,
  executionsOf,
  isAsExpected,
  isGood,
  type Recorded,
  sumOf,
} from './record.ts';
import type { Stage } from './stage.ts';

/** What happened, for machines. */
export interface Summary {
  /** Whether everything ended as it had to. */
  readonly ok: boolean;
  readonly servers: { readonly orders: string; readonly payments: string };
  readonly attempts: readonly Recorded[];
  /** How often each tool ran, by the servers' own counts. */
  readonly executions: Executions;
  /** How many tools ran during attempts that were refused. */
  readonly executions_when_refused: number;
  /** What the payment API has paid back, by its own books. */
  readonly refunds: readonly Refund[];
  /** What the audit logs say, read after they were verified. */
  readonly trail: readonly TrailRow[];
  readonly audit: readonly LogCheck[];
  /** Milliseconds from the beginning of the revocation until both servers knew of it. */
  readonly revocation_ms: number;
  readonly evidence: EvidenceCheck;
  /** A folder with receipts and audit logs. */
  readonly output: string;
}

export async function conclude(
  stage: Stage,
  due: readonly RefundArguments[],
  revocationMs: number,
): Promise<Summary> {
  const { page, record, orders, payments, output } = stage;
  const executions = await executionsOf([orders.worker, payments.worker]);
  const refunds = await payments.worker.ask<readonly Refund[]>('refunds');
  const { checks: audit, trail } = await checkLogs(stage);
  const evidence = await makeEvidence(stage);

  page.heading('11. What the audit logs of both servers say');
  page.table(
    ['By whose authority', 'Call', 'Decision', 'Outcome'],
    [26, 23, 17, 8],
    trail
      .filter(({ decision }) => decision !== 'deny')
      .map(({ chain, call, decision, approved_by, outcome }) => [
        chain.join(' › '),
        call,
        [decision, ...approved_by.map((name) => `approved by ${name}`)].join(', '),
        outcome ?? 'not run',
      ]),
  );
  page.line();
  page.paragraph(refusals(trail));
  for (const { name, events, verdict, proved_through } of audit)
    page.line(`${name}.audit.log: ${events} events, ${verdict}, complete up to ${proved_through}.`);
  const [tampered] = audit.at(-1)?.tampered ?? [];
  if (tampered !== undefined)
    page.line(`A copy ${tampered.what}: ${page.bad(tampered.found)} at line ${tampered.line}.`);

  page.heading('12. What somebody can check who was not there');
  showVerdicts(page, evidence);
  const refused = record.all.filter(({ code }) => !isGood(code));
  const whenRefused = refused.reduce((sum, { tools_run }) => sum + tools_run, 0);
  const paid = refunds.map(({ order, amount }) => `${amount} for order ${order}`);
  page.line();
  page.paragraph(
    `Of ${refused.length} attempts that were refused ${whenRefused} reached a tool. The servers ` +
      `counted ${sumOf(executions)} runs of tools. Paid back: ${paid.join(', ')}.`,
  );
  page.line();
  page.line('Receipts to open in a browser, logs and evidence with what verifies them:');
  page.line(`  ${output}`);
  const isPaid = JSON.stringify(refunds) === JSON.stringify(due);
  return {
    ok: record.all.every(isAsExpected) && isPaid && audit.every(({ ok }) => ok) && evidence.ok,
    servers: { orders: orders.url, payments: payments.url },
    attempts: record.all,
    executions,
    executions_when_refused: whenRefused,
    refunds,
    trail,
    audit,
    revocation_ms: revocationMs,
    evidence,
    output,
  };
}

/** Who was refused how often. Whoever has not proved who they are is not blamed: everybody can show a copied chain. */
function refusals(trail: readonly TrailRow[]): string {
  const counts = new Map<string, number>();
  for (const { decision, chain } of trail) {
    if (decision !== 'deny') continue;
    const caller = chain.at(-1);
    const who = caller === undefined ? 'before the caller was proved' : `of ${caller}`;
    counts.set(who, (counts.get(who) ?? 0) + 1);
  }
  const parts = [...counts].map(([who, count]) => `${count} ${who}`);
  return `Refused: ${parts.join(', ')}.`;
}
