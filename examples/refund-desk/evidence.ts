import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { importPublicKey } from '@taper/core';
import type { VerifyDetail } from './auditor.ts';
import { findIsolation } from './isolation.ts';
import type { Stage } from './stage.ts';
import { type Said, taperDoes } from './taper.ts';
import type { Page } from './terminal.ts';
import { trustOf } from './trust.ts';

/** What `taper verify` says of the evidence, and of a copy in which one event was changed. */
export interface EvidenceCheck {
  readonly genuine: Said;
  readonly changed: Said;
  /** How the network was taken from the auditor's process, and what came of its attempt to reach the authority, which was there. */
  readonly isolation: string;
  readonly unreachable: string;
  /** Whether it is authentic, authorized and complete, the change was found, and nobody was asked. */
  readonly ok: boolean;
}

const BUNDLE = 'payments.evidence.json';
const CHANGED = 'payments.changed.json';
const ANCHORS = 'anchors.json';
const POLICY = 'trust.json';

/** Exports what the payment API logged, and has somebody verify it who has seen nothing of all this and can ask nobody. */
export async function makeEvidence(stage: Stage): Promise<EvidenceCheck> {
  const { payments, operator, output, keep } = stage;
  // The auditor's own: whom they believe. In life these come from the shop's contract, not from whoever brings the bundle.
  keep(ANCHORS, operator.address.anchors);
  keep(POLICY, JSON.stringify(trustPolicy(stage), null, 2));

  await payments.worker.ask('publishAudit');
  await exportEvidence(stage);
  const bundle = readFileSync(join(output, BUNDLE), 'utf8');
  keep(CHANGED, changed(bundle));

  const { name: isolation, options } = findIsolation();
  const auditor = stage.start('auditor', './auditor.ts', options);
  const unreachable = (await auditor.ask<string | undefined>('reach', operator.address.url)) ?? '';
  await fetch(`${operator.address.url}/anchors`); // it is there, for everybody else
  const verify = (file: string): Promise<Said> =>
    auditor.ask<Said>('verify', {
      folder: output,
      bundle: file,
      anchors: ANCHORS,
      policy: POLICY,
    } satisfies VerifyDetail);
  const [genuine, forged] = [await verify(BUNDLE), await verify(CHANGED)];
  return {
    genuine,
    changed: forged,
    isolation,
    unreachable,
    ok: genuine.exitCode === 0 && forged.exitCode === 1 && unreachable !== '',
  };
}

/** That nothing was revoked when it was used is known a second later: then the authority has said so in its log. */
async function exportEvidence({ payments, operator, output }: Stage): Promise<void> {
  for (let attempt = 1; attempt <= 20; attempt += 1) {
    const report = await taperDoes(output, [
      ...['evidence', 'export', payments.audit.folder, '--out', BUNDLE, '--force'],
      ...['--revocation-log', operator.log, '--revocation-log-file', operator.logFile],
      ...['--anchors', ANCHORS, '--json'],
    ]);
    const { chains_not_covered: missing } = JSON.parse(report) as { chains_not_covered: number };
    if (missing === 0) return;
    await sleep(250);
  }
  throw new Error('The authority has not said what was revoked.');
}

/** Shows the verdicts, and what is said of the change. The rest is for whoever runs the command. */
export function showVerdicts(page: Page, check: EvidenceCheck): void {
  const { genuine, changed, isolation, unreachable } = check;
  const linesOf = ({ said }: Said, pattern: RegExp): readonly string[] =>
    said.split('\n').filter((line) => pattern.test(line));
  page.paragraph(
    'The log of the payment API goes into one file (`taper evidence export`). An auditor gets it, who has ' +
      `public keys and no network: the process runs in ${isolation}, and its attempt to reach the ` +
      `authority ends with ${unreachable}. There it runs \`taper verify\`:`,
  );
  const verdicts = linesOf(genuine, /^ {2}(?:authentic|authorized|complete) /).map((line) =>
    line.replace(/:.*/, '').replace(/\s+/g, ' ').replace('PASS', page.good('PASS')),
  );
  page.line(` ${verdicts.join('  ')}`);
  page.paragraph('With 89.00 in place of 189.00 in one event of it:');
  for (const line of linesOf(changed, /^ {2}FAIL .*items\[/))
    page.line(line.replace('FAIL', page.bad('FAIL')));
}

/** A copy in which somebody was paid less, says the last call that was permitted. */
function changed(bundle: string): string {
  const copy = JSON.parse(bundle) as { logs: { items: { line: string }[] }[] };
  const last = copy.logs[0]?.items.findLast(({ line }) => line.includes('"decision":"permit"'));
  if (last === undefined) throw new Error('There is no call in the evidence.');
  last.line = last.line.replace('"189.00"', '"89.00"');
  return JSON.stringify(copy);
}

function trustPolicy({ payments, operator }: Stage): object {
  const { origin, logKey, eventKey } = payments.audit;
  const { log } = trustOf(operator.address);
  return {
    taper_trust: 1,
    logs: [
      { origin, keys: [logKey] },
      {
        origin: log.origin,
        keys: log.keys.map(({ text }) => text),
        witnesses: log.witnesses.map(({ text }) => text),
        quorum: log.quorum,
      },
    ],
    revocation_logs: [log.origin],
    emitters: [
      {
        name: importPublicKey(eventKey).thumbprint,
        key: eventKey,
        log: origin,
        enforcement_points: [payments.url],
      },
    ],
  };
}
