import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importPublicKey } from '@taper/core';
import type { VerifyDetail } from './auditor.ts';
import { ISSUER } from './orchestrator.ts';
import type { Stage } from './stage.ts';
import { type Said, taper } from './taper.ts';
import type { Page } from './terminal.ts';

/** What `taper verify` says of the evidence, and of a copy in which one event was changed. */
export interface EvidenceCheck {
  readonly genuine: Said;
  readonly changed: Said;
  /** Whether it is authentic, authorized and complete, and the change was found. */
  readonly ok: boolean;
}

const BUNDLE = 'payments.evidence.json';
const CHANGED = 'payments.changed.json';
const ANCHORS = 'anchors.json';
const POLICY = 'trust.json';

/** Exports what the payment API logged, and has somebody verify it who has seen nothing of all this. */
export async function makeEvidence(stage: Stage): Promise<EvidenceCheck> {
  const { payments, revocations, orchestrator, output, keep } = stage;
  // The auditor's own: whom they believe. In life these come from the shop's contract, not from whoever brings the bundle.
  keep(ANCHORS, JSON.stringify([{ iss: ISSUER, jwk: orchestrator.issuerKey }]));
  keep(POLICY, JSON.stringify(trustPolicy(stage), null, 2));

  await payments.worker.ask('publishAudit');
  await revocations.worker.ask('publish');
  const exported = await taper(output, [
    ...['evidence', 'export', payments.audit.folder, '--out', BUNDLE, '--force'],
    ...['--revocation-log', revocations.folder, '--anchors', ANCHORS],
  ]);
  if (exported.exitCode !== 0) throw new Error(`taper evidence export failed:\n${exported.said}`);
  const bundle = readFileSync(join(output, BUNDLE), 'utf8');
  keep(CHANGED, changed(bundle));

  const auditor = stage.start('auditor', './auditor.ts');
  const verify = (file: string): Promise<Said> =>
    auditor.ask<Said>('verify', {
      folder: output,
      bundle: file,
      anchors: ANCHORS,
      policy: POLICY,
    } satisfies VerifyDetail);
  const [genuine, forged] = [await verify(BUNDLE), await verify(CHANGED)];
  return { genuine, changed: forged, ok: genuine.exitCode === 0 && forged.exitCode === 1 };
}

/** Shows the verdicts, and what is said of the change. The rest is for whoever runs the command. */
export function showVerdicts(page: Page, { genuine, changed }: EvidenceCheck): void {
  const linesOf = ({ said }: Said, pattern: RegExp): readonly string[] =>
    said.split('\n').filter((line) => pattern.test(line));
  page.paragraph(
    'The log of the payment API goes into one file (`taper evidence export`). An auditor who has that ' +
      'and public keys, and asks nobody, runs `taper verify`:',
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

function trustPolicy({ payments, revocations }: Stage): object {
  const { origin, logKey, eventKey } = payments.audit;
  return {
    taper_trust: 1,
    logs: [
      { origin, keys: [logKey] },
      { origin: revocations.origin, keys: [revocations.logKey] },
    ],
    revocation_logs: [revocations.origin],
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
