import { CATALOGUE, FAILURE_MODES, type FailureMode, type OwaspRisk } from './catalogue.ts';
import type { AuditedChain, Check, CheckVerdict, Finding } from './model.ts';

export const CHECKS: readonly { readonly check: Check; readonly question: string }[] = [
  { check: 'scope', question: 'is each hop provably a subset of its parent?' },
  { check: 'time', question: 'does the end never move later, with no grace?' },
  { check: 'revocation', question: 'does a revocation have effect in time, for every hop?' },
  { check: 'receipt', question: 'is each hop bound to the one before it?' },
];

/** A finding in words. */
export interface FindingReport extends Finding {
  readonly check: Check;
  readonly severity: 'fail' | 'unproved';
  readonly mode: FailureMode | null;
  readonly owasp: readonly OwaspRisk[];
  readonly says: string;
  readonly remedy: string;
}

export function describeFinding(finding: Finding): FindingReport {
  const { check, severity, mode, says, remedy } = CATALOGUE[finding.code];
  return {
    ...finding,
    check,
    severity,
    mode: mode ?? null,
    owasp: mode === undefined ? ['ASI03'] : FAILURE_MODES[mode].owasp,
    says: says.replace(/\{(\w+)\}/g, (_, name: string) => String(finding.facts?.[name] ?? '?')),
    remedy,
  };
}

/** The worst of all checks of all chains. */
export function overall(chains: readonly AuditedChain[]): CheckVerdict {
  const all = chains.flatMap(({ checks }) => Object.values(checks));
  return all.includes('fail') ? 'fail' : all.includes('unproved') ? 'unproved' : 'pass';
}

/** The audit for `--json`. */
export function auditReport(chains: readonly AuditedChain[], within: number): object {
  return {
    verdict: overall(chains),
    signatures: 'not_checked',
    revocation_within_seconds: within,
    chains: chains.map(({ chain, checks, findings, revocationSeconds }) => ({
      name: chain.name,
      format: chain.format,
      checks,
      hops: chain.hops.map(({ to, parents, scope, expiresAt }, hop) => ({
        hop,
        to,
        parents,
        scope: scope.kind,
        expires_at: expiresAt ?? null,
        revocation_seconds: revocationSeconds[hop] ?? null,
      })),
      findings: findings.map(describeFinding),
      failure_modes: modesOf(findings),
    })),
  };
}

/** How often each of the seven failure modes was found. */
export function modesOf(findings: readonly Finding[]): Readonly<Record<FailureMode, number>> {
  const modes = Object.keys(FAILURE_MODES) as FailureMode[];
  return Object.fromEntries(
    modes.map((mode) => [
      mode,
      findings.filter(({ code }) => CATALOGUE[code].mode === mode).length,
    ]),
  ) as Record<FailureMode, number>;
}
