import { escapeText } from '../text/escape.ts';
import { type Paint, wrap } from '../text/layout.ts';
import { FAILURE_MODES } from './catalogue.ts';
import type { AuditedChain, CheckVerdict } from './model.ts';
import { CHECKS, describeFinding, type FindingReport } from './report.ts';

const COLOURS = { pass: 'green', unproved: 'yellow', fail: 'red' } as const;

/** The audit for people: each chain with its checks, and what was found at which hop. */
export function auditText(chains: readonly AuditedChain[], paint: Paint): string {
  return chains.map((chain) => chainText(chain, paint)).join('\n');
}

function chainText(
  { chain, checks, findings, revocationSeconds }: AuditedChain,
  paint: Paint,
): string {
  const slowest = revocationSeconds.includes('never')
    ? 'never'
    : revocationSeconds.includes(undefined)
      ? 'not recorded for every hop'
      : `${Math.max(...(revocationSeconds as number[]))} s at worst`;
  const lines = [
    `${escapeText(chain.name)}: ${chain.hops.length} ${chain.hops.length === 1 ? 'hop' : 'hops'}, ${chain.format}`,
    ...CHECKS.map(({ check, question }) => {
      const answer = check === 'revocation' ? `${question} ${slowest}` : question;
      return wrap(`${word(checks[check], paint)} ${check}: ${answer}`, 2, 4);
    }),
  ];
  for (const [index, hop] of chain.hops.entries()) {
    const found = findings.filter((finding) => finding.hop === index).map(describeFinding);
    if (found.length === 0) continue;
    lines.push('', wrap(`hop ${index} → ${escapeText(hop.to)}`, 2, 4));
    for (const finding of found) lines.push(...findingLines(finding, paint));
  }
  return `${lines.join('\n')}\n`;
}

function findingLines(finding: FindingReport, paint: Paint): readonly string[] {
  const { severity, code, says, remedy, mode, owasp } = finding;
  const title = mode === null ? '' : `${FAILURE_MODES[mode].title}; `;
  return [
    wrap(
      `${word(severity, paint)} ${code}: ${escapeText(says)} (${title}${owasp.join(', ')})`,
      4,
      6,
    ),
    wrap(`→ ${remedy}`, 6, 8),
  ];
}

function word(verdict: CheckVerdict, paint: Paint): string {
  return paint(COLOURS[verdict], verdict.toUpperCase());
}
