import { CATALOGUE } from './catalogue.ts';
import type { AuditedChain, Check, CheckVerdict, Finding, Hop, SampledChain } from './model.ts';
import { checkScope } from './scope.ts';
import { checkTime, revocationTime } from './time.ts';

type HopFinding = Omit<Finding, 'hop'>;

/** Runs the checks on one chain. @param within seconds in which a revocation has to have effect. */
export function auditChain(chain: SampledChain, within: number): AuditedChain {
  const { hops } = chain;
  const leaf = hops.at(-1) as Hop;
  const revocationSeconds = hops.map((hop) => revocationTime(hop, leaf));
  const findings = hops.flatMap((hop, index) => {
    const parents = hop.parents.map((parent) => hops[parent] as Hop);
    const found: readonly HopFinding[] = [
      ...(hop.findings ?? []),
      ...checkScope(hop, parents),
      ...checkBorder(hop, parents),
      ...checkTime(hop, parents),
      ...checkRevocation(revocationSeconds[index], within),
      ...checkLink(hop, parents),
    ];
    return found.map((finding): Finding => ({ ...finding, hop: index }));
  });
  return { chain, findings, checks: verdicts(findings), revocationSeconds };
}

function checkRevocation(seconds: number | 'never' | undefined, within: number): HopFinding[] {
  if (seconds === undefined) return [{ code: 'revocation_unrecorded' }];
  if (seconds === 'never') return [{ code: 'revocation_never' }];
  return seconds > within ? [{ code: 'revocation_slow', facts: { seconds } }] : [];
}

/** What must not get lost on the way, least of all at the border of a domain. */
function checkBorder(hop: Hop, parents: readonly Hop[]): HopFinding[] {
  return parents.flatMap((parent) => {
    const findings: HopFinding[] = [];
    if (parent.tenant !== undefined && hop.tenant !== parent.tenant)
      findings.push({ code: 'tenant_lost', facts: { item: parent.tenant } });
    // Within one domain the audience of a derived token is that of the next resource; across, it is what bound the parent.
    const crossed = parent.domain !== undefined && hop.domain !== parent.domain;
    if (crossed && parent.audience !== undefined && (hop.audience ?? []).length === 0)
      findings.push({ code: 'audience_lost', facts: { item: 'nobody in particular' } });
    return findings;
  });
}

function checkLink({ link }: Hop, parents: readonly Hop[]): HopFinding[] {
  const [parent] = parents;
  if (parent === undefined) return [];
  if (link === 'none') return [{ code: 'parent_unbound' }];
  if (link === 'name') return [{ code: 'parent_by_name', facts: { item: parent.to } }];
  return link === 'unrecorded' ? [{ code: 'parent_unrecorded' }] : [];
}

function verdicts(findings: readonly Finding[]): Readonly<Record<Check, CheckVerdict>> {
  const verdictOf = (check: Check): CheckVerdict => {
    const severities = findings
      .map(({ code }) => CATALOGUE[code])
      .filter((each) => each.check === check)
      .map(({ severity }) => severity);
    if (severities.includes('fail')) return 'fail';
    return severities.length > 0 ? 'unproved' : 'pass';
  };
  return {
    scope: verdictOf('scope'),
    time: verdictOf('time'),
    revocation: verdictOf('revocation'),
    receipt: verdictOf('receipt'),
  };
}
