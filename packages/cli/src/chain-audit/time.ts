import type { Finding, Hop } from './model.ts';

type HopFinding = Omit<Finding, 'hop'>;

/** Whether the end of a hop is no later than that of its parents, for good. */
export function checkTime(hop: Hop, parents: readonly Hop[]): readonly HopFinding[] {
  const { expiresAt, graceSeconds = 0, renewal, renewedTo = [] } = hop;
  const findings: HopFinding[] = [];
  if (expiresAt === undefined) findings.push({ code: 'expiry_unrecorded' });
  if (expiresAt === 'never') findings.push({ code: 'expiry_missing' });
  if (graceSeconds > 0) findings.push({ code: 'expiry_grace', facts: { seconds: graceSeconds } });
  if (typeof expiresAt === 'number') {
    const limits = parents.flatMap((parent) =>
      typeof parent.expiresAt === 'number' ? parent.expiresAt : [],
    );
    const later = expiresAt - Math.min(...limits);
    if (limits.length > 0 && later > 0)
      findings.push({ code: 'expiry_increases', facts: { seconds: later } });
    const extended = Math.max(...renewedTo, expiresAt) - expiresAt;
    if (extended > 0) findings.push({ code: 'refresh_resets', facts: { seconds: extended } });
    else if (renewal === 'resets') findings.push({ code: 'refresh_possible' });
  } else if (renewal === 'resets') findings.push({ code: 'refresh_possible' });
  if (renewal === 'possible') findings.push({ code: 'refresh_possible' });
  return findings;
}

/** Seconds until a revocation of a hop has effect at worst; `undefined` when the sample does not tell. */
export function revocationTime(hop: Hop, leaf: Hop): number | 'never' | undefined {
  if (hop.revocation.kind === 'unrecorded') return undefined;
  if (hop.revocation.kind === 'checked') return hop.revocation.seconds;
  // Nobody looks, so what was derived from it counts until it ends.
  const { expiresAt, issuedAt, graceSeconds = 0 } = leaf;
  if (expiresAt === 'never') return 'never';
  if (expiresAt === undefined || issuedAt === undefined) return undefined;
  return Math.max(0, expiresAt - issuedAt) + graceSeconds;
}
