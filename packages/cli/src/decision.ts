import { chainCaveats, type Decision, type Denial, type Permit } from '@taper/core';
import type { Session } from './session.ts';
import { denialText, reportDenial } from './text/denial.ts';
import { quoteText } from './text/escape.ts';
import { fields, paintFor } from './text/layout.ts';
import { formatTime } from './text/time.ts';

/** A decision, or the denial of what was no presentation. */
export type Judgement = Decision | { readonly verdict: 'deny'; readonly denial: Denial };

/** A decision as `verify` shows it, verdict first. `presented` is the number of tokens. */
export function decisionText(
  decision: Judgement,
  tool: string,
  now: number,
  presented: number,
  session: Session,
): string {
  const paint = paintFor(session.io.stdout.isTerminal, session.io.env);
  if (decision.verdict === 'deny') {
    const { denial } = decision;
    const verdict = `${paint('red', 'DENY')} ${denial.code}`;
    return `${verdict}\n${denialText(denial, presented, [['judged at', formatTime(now)]])}\n`;
  }
  const { chain, proof } = decision;
  const tokens = chain.tokens.length === 1 ? '1 token' : `${chain.tokens.length} tokens`;
  const rows = [
    ['chain', `${tokens} from ${quoteText(chain.anchor.issuer)}`],
    ['holder', chain.leaf.claims.holder.thumbprint],
    ['expires', formatTime(chain.leaf.claims.exp)],
    ...(proof === undefined
      ? []
      : ([['proof', `${quoteText(proof.id)}, signed ${formatTime(proof.issuedAt)}`]] as const)),
    ['judged at', formatTime(now)],
    ['not judged', notJudgedText(decision)],
  ] as const;
  return `${paint('green', 'PERMIT')} ${quoteText(tool)}\n${fields(rows)}\n`;
}

/** A decision as `verify --json` prints it. */
export function decisionObject(decision: Judgement, tool: string, now: number): object {
  if (decision.verdict === 'deny') {
    const denial = reportDenial(decision.denial);
    return { verdict: 'deny', tool, judged_at: formatTime(now), denial };
  }
  return {
    verdict: 'permit',
    tool,
    judged_at: formatTime(now),
    ...permitObject(decision),
    not_judged: notJudged(decision),
  };
}

/** What takes an enforcement point with memory: stable names, in the order in which it would judge. */
function notJudged({ chain, tool }: Permit): readonly string[] {
  const caveats = chainCaveats(chain);
  return [
    'replay',
    'revocation',
    ...(caveats.approvals(tool).size === 0 ? [] : ['approvals']),
    ...(caveats.budgets.length === 0 ? [] : ['budget']),
  ];
}

function notJudgedText({ chain, tool }: Permit): string {
  const caveats = chainCaveats(chain);
  const { budgets, revocation } = caveats;
  const limits = budgets.map(({ meter, limit }) => `${meter} ≤ ${limit}`);
  const groups = [...caveats.approvals(tool)].map(
    ([group, count]) => `${count} of ${quoteText(group)}`,
  );
  const left = [
    'whether the proof was used before (step 7i)',
    ...(groups.length === 0 ? [] : [`approvals (${groups.join(', ')})`]),
    ...(limits.length === 0 ? [] : [`budget (${limits.join(', ')})`]),
    revocation === undefined
      ? 'revocation'
      : `revocation (no older than ${revocation.maxStaleness} s)`,
  ];
  return `${left.slice(0, -1).join(', ')}, and ${left.at(-1)}`;
}

function permitObject({ chain, proof }: Permit): object {
  return {
    issuer: chain.anchor.issuer,
    tokens: chain.tokens.map(({ hash, claims }) => ({
      id: claims.jti,
      hash,
      holder: claims.holder.thumbprint,
      expires_at: formatTime(claims.exp),
    })),
    ...(proof === undefined
      ? {}
      : { proof: { id: proof.id, issued_at: formatTime(proof.issuedAt) } }),
  };
}
