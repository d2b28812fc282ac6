import type { AuditEvent } from '../audit-event/event.ts';
import type { ChainVerdict } from '../chain.ts';
import { TaperError } from '../error.ts';
import { requireKnownOptions } from '../option-names.ts';
import type { Receipt } from '../receipt/model.ts';
import { createReceipt, type ReceiptOptions } from '../receipt/receipt.ts';
import type { Decision } from '../verifier.ts';
import { type CheckedLog, checkLog, cosignedAt } from './authentic.ts';
import { AuthorityOfLog } from './authorized.ts';
import { type EvidenceBundle, parseEvidence } from './bundle.ts';
import { checkComplete } from './complete.ts';
import { verifyHeld } from './held.ts';
import type { EventAuthority } from './judged-event.ts';
import {
  type EvidenceNotice,
  type EvidenceOutcome,
  type EvidenceProblem,
  Findings,
} from './problem.ts';
import { indexStaples } from './staples.ts';
import { chainsOf, indexTokens, presentedChain } from './tokens.ts';
import { type EvidenceTrust, requireEvidenceTrust } from './trust.ts';

export interface EvidenceOptions {
  /** Seconds since the epoch: what is later than 60 seconds after it does not count. Default: nothing is judged by a clock. */
  readonly asOf?: number;
}

/** A log that was shown, in numbers. */
export interface EvidenceLogSummary {
  readonly path: string;
  readonly origin: string;
  /** Name of the emitter, where the policy names one. */
  readonly emitter: string | undefined;
  /** Entries, as the checkpoint states; `undefined` where it does not verify. */
  readonly size: number | undefined;
  /** Time of the latest cosignature that counts, seconds since the epoch. */
  readonly cosignedAt: number | undefined;
  /** Names of the witnesses that count. */
  readonly witnesses: readonly string[];
  readonly shown: number;
  readonly withheld: number;
}

/** An event that is shown and is its emitter's. */
export interface EvidenceEvent extends EventAuthority {
  readonly path: string;
  readonly origin: string;
  readonly event: AuditEvent;
  /** `pass` also for an event that asks for no authority. */
  readonly authorized: EvidenceOutcome;
  /** RFC 8785 text of the arguments, where they are shown. */
  readonly arguments: string | undefined;
}

/** What came of a bundle (`spec/evidence.md` section 4). */
export interface EvidenceVerdict {
  /** What is shown is what these emitters wrote, in its place in the auditor's logs. */
  readonly authentic: EvidenceOutcome;
  /** Every permitted call that is shown was allowed by its chains, at its time. */
  readonly authorized: EvidenceOutcome;
  /** All events that the auditor asks about are shown. */
  readonly complete: EvidenceOutcome;
  /** In the order in which they were found; the first 1,000. */
  readonly problems: readonly EvidenceProblem[];
  readonly problemCount: number;
  /** What changes no verdict; the first 1,000. */
  readonly notices: readonly EvidenceNotice[];
  readonly noticeCount: number;
  readonly logs: readonly EvidenceLogSummary[];
  /** Every event that is its emitter's, in the order of the bundle. */
  readonly events: readonly EvidenceEvent[];
  /** As given. */
  readonly asOf: number | undefined;
  /** The earliest of the times as of which permitted calls' chains were not revoked; it says nothing of later. */
  readonly notRevokedAsOf: number | undefined;
  /** Permitted calls of which something is not shown. */
  readonly lacking: {
    readonly arguments: number;
    readonly proofs: number;
    readonly revocation: number;
  };
}

/**
 * Verifies a bundle, text or UTF-8, under a trust policy (`spec/evidence.md` section 5). Offline: no clock, no network; works everywhere.
 * Its work grows with the length of the bundle, which is bounded. Whatever the bundle is, there is a verdict.
 *
 * @throws {TaperError} `option_invalid` for a policy that was not read, or holds what does not verify under it.
 */
export async function verifyEvidence(
  bundle: string | Uint8Array,
  trust: EvidenceTrust,
  options: EvidenceOptions = {},
): Promise<EvidenceVerdict> {
  requireEvidenceTrust(trust);
  requireKnownOptions(options, ['asOf']);
  const { asOf } = options;
  if (asOf !== undefined && !(Number.isSafeInteger(asOf) && asOf >= 0))
    throw new TaperError('option_invalid', '`asOf` must be whole seconds since the epoch.');
  const held = await verifyHeld(trust);
  const findings = new Findings();
  const read = parseEvidence(bundle);
  if (!read.ok) {
    findings.add(read.code, read.path);
    findings.notAuthentic('authorized', '');
    findings.notAuthentic('complete', '');
    return verdictOf(findings, [], [], asOf);
  }
  const logs: CheckedLog[] = [];
  for (const [index, log] of read.bundle.logs.entries())
    logs.push(await checkLog(log, `logs[${index}]`, { trust, held, asOf, findings }));
  const events = await judgeEvents(logs, read.bundle, { trust, asOf, findings });
  checkComplete(logs, trust, findings);
  return verdictOf(findings, logs, events, asOf);
}

interface EventCheck {
  readonly trust: EvidenceTrust;
  readonly asOf: number | undefined;
  readonly findings: Findings;
}

async function judgeEvents(
  logs: readonly CheckedLog[],
  bundle: EvidenceBundle,
  check: EventCheck,
): Promise<readonly EvidenceEvent[]> {
  const { findings } = check;
  const tokens = indexTokens(bundle.tokens, findings);
  const staples = indexStaples(bundle.staples, check);
  const events: EvidenceEvent[] = [];
  let shown = 0;
  for (const { said } of logs.flatMap(({ lines }) => lines)) {
    if (said === undefined) continue;
    const named = chainsOf(said);
    const only = presentedChain(said);
    for (const chain of named) staples.named(chain.tokens.at(-1) ?? '');
    for (const chain of only === undefined ? named : [...named, only]) tokens.chain(chain.tokens);
  }
  for (const log of logs) {
    const { path, emitter, checkpoint, lines } = log;
    shown += log.log.items.filter((item) => 'line' in item).length;
    if (checkpoint === undefined || emitter === undefined)
      findings.notAuthentic('authorized', path);
    if (emitter === undefined) continue;
    const authority = new AuthorityOfLog(log, emitter, { ...check, tokens, staples });
    for (const line of lines) {
      const { event, opening } = line;
      if (event === undefined) {
        findings.notAuthentic('authorized', line.path);
        continue;
      }
      const found = await authority.judge(line, event);
      const { problems, verdicts, notRevokedAsOf, lacking } = found;
      events.push({
        path: line.path,
        origin: log.log.origin,
        event,
        authorized: outcomeOf(problems),
        arguments: opening?.arguments,
        problems,
        verdicts,
        notRevokedAsOf,
        lacking,
      });
    }
    authority.reportOpenPermits();
  }
  if (shown === 0) findings.add('nothing_shown', '');
  tokens.reportUnused();
  staples.reportUnused();
  return events;
}

function outcomeOf(problems: readonly EvidenceProblem[]): EvidenceOutcome {
  if (problems.some(({ outcome }) => outcome === 'fail')) return 'fail';
  return problems.length === 0 ? 'pass' : 'not_shown';
}

function verdictOf(
  findings: Findings,
  logs: readonly CheckedLog[],
  events: readonly EvidenceEvent[],
  asOf: number | undefined,
): EvidenceVerdict {
  const times = events.flatMap(({ notRevokedAsOf }) => notRevokedAsOf ?? []);
  const count = (what: 'arguments' | 'proofs' | 'revocation'): number =>
    events.filter(({ lacking }) => lacking.includes(what)).length;
  return Object.freeze({
    authentic: findings.verdict('authentic'),
    authorized: findings.verdict('authorized'),
    complete: findings.verdict('complete'),
    problems: Object.freeze(findings.problems),
    problemCount: findings.problemCount,
    notices: Object.freeze(findings.notices),
    noticeCount: findings.noticeCount,
    logs: Object.freeze(logs.map(summaryOf)),
    events: Object.freeze(events),
    asOf,
    notRevokedAsOf: times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b)),
    lacking: {
      arguments: count('arguments'),
      proofs: count('proofs'),
      revocation: count('revocation'),
    },
  });
}

function summaryOf({ path, log, emitter, checkpoint }: CheckedLog): EvidenceLogSummary {
  const shown = log.items.filter((item) => 'line' in item).length;
  return {
    path,
    origin: log.origin,
    emitter: emitter?.name,
    size: checkpoint?.size,
    cosignedAt: cosignedAt(checkpoint),
    witnesses: checkpoint?.cosigners.map(({ name }) => name) ?? [],
    shown,
    withheld: log.covered - shown,
  };
}

/** The receipt of each chain of an event, drawn from the verdict on it. */
export function evidenceReceipts(
  { verdicts }: { readonly verdicts: readonly (Decision | ChainVerdict)[] },
  options: ReceiptOptions = {},
): readonly Receipt[] {
  return verdicts.map((verdict) => createReceipt(verdict, options));
}
