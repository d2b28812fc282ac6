import {
  type Limits,
  requireKnownOptions,
  TaperError,
  type TrustAnchor,
  type VerifierOptions,
} from '@taper/core';
import type { AuditRecorder } from './audit/recorder.ts';
import type { Meter } from './judge/budget.ts';
import { createMemoryReplayStore } from './memory/replay-store.ts';
import type { AgentRules, CompleteAgentRules } from './port/agent-directory.ts';
import type { ApprovalSource } from './port/approval-source.ts';
import type { BudgetLedger } from './port/budget-ledger.ts';
import { type Clock, systemClock } from './port/clock.ts';
import type { PolicyEngine } from './port/policy-engine.ts';
import type { ReplayStore } from './port/replay-store.ts';
import type { RevocationView } from './port/revocation-view.ts';
import { createWarner, type PortFailure } from './port-failure.ts';
import type { SessionTable } from './session/table.ts';

export interface EnforcementPointOptions {
  /** The identifiers of this enforcement point, the first being its name in audit events and approvals. Proofs must name one of them; tokens that carry `aud` must, too. */
  readonly audience: string | readonly string[];
  /** The root issuers that are trusted. */
  readonly anchors: readonly TrustAnchor[];
  /** The tenant whose resources stand behind it. The root of every chain must name this tenant; without it, a chain that names one is refused. */
  readonly tenant?: string;
  /** The task for which it stands. Every chain must have been issued for it, and for nothing else. Default: purposes are recorded, not judged. */
  readonly purpose?: string;
  /** Default: {@link systemClock}. */
  readonly clock?: Clock;
  /** Default: a memory store for this process alone. Replicas of one enforcement point must share a store. */
  readonly replay?: ReplayStore;
  /** What has been revoked. Without it, a chain that asks for a check of its revocation is refused. */
  readonly revocation?: RevocationView;
  /** Seconds by which the view may lag behind for any chain; a chain may ask for less, never for more. Default 60. */
  readonly maxRevocationStaleness?: number;
  /** Which agents may call, by a directory of them. Without it, any agent whose chain permits the call. */
  readonly agents?: AgentRules;
  /** Where spending is kept. Without it, a chain with a budget is refused. */
  readonly ledger?: BudgetLedger;
  /** What calls cost, by meter. `calls` is built in. A chain that limits a meter which is not here is refused. */
  readonly meters?: { readonly [meter: string]: Meter };
  /** Who may approve, and what waits for approval. Without it, a call that needs approval is refused. */
  readonly approvals?: ApprovalSource;
  /** Seconds for which an action may be approved and run after it was first asked for. Default 900, at most 86,400. */
  readonly approvalLifetime?: number;
  /** The resource owner's policy. It can only narrow. Default: none, so the chain alone decides. */
  readonly policy?: PolicyEngine;
  /** Where every decision is written before it takes effect. Default: nowhere. */
  readonly audit?: AuditRecorder;
  /** Sessions that may stand in for the proof of each call. Default: none. */
  readonly sessions?: SessionTable;
  /** Refuse chains in which no token carries `aud`. Default false. */
  readonly requireChainAudience?: boolean;
  /** Refuse proofs that name no audience. Default true; turn it off only where an intermediary forwards presentations (draft section 9.5). */
  readonly requireProofAudience?: boolean;
  /** When given, every proof must carry a nonce for which this returns true. */
  readonly acceptsNonce?: (nonce: string) => boolean;
  readonly limits?: Partial<Limits>;
  /** Milliseconds that a port may take to answer. Default 1000, at most 60,000. */
  readonly portTimeout?: number;
  /** Told of every failure of a port, in words for an operator. Default: a warning of the process, once a minute for each port. It must not throw. */
  readonly report?: (failure: PortFailure) => void;
  /** That many fresh random bytes. Default: those of the platform. */
  readonly random?: (length: number) => Uint8Array;
  /** Accept keys whose private halves are printed in standards and test suites. Only for tests. Default false. */
  readonly allowWellKnownTestKeys?: boolean;
}

/** The options, complete and checked. */
export interface Settings {
  /** The name in audit events and approvals. */
  readonly name: string;
  readonly verifier: VerifierOptions;
  readonly clock: Clock;
  readonly replay: ReplayStore;
  readonly revocation: RevocationView | undefined;
  readonly maxRevocationStaleness: number;
  readonly agents: CompleteAgentRules | undefined;
  readonly ledger: BudgetLedger | undefined;
  readonly meters: ReadonlyMap<string, Meter>;
  readonly approvals: ApprovalSource | undefined;
  readonly approvalLifetime: number;
  readonly policy: PolicyEngine | undefined;
  readonly audit: AuditRecorder | undefined;
  readonly sessions: SessionTable | undefined;
  readonly portTimeout: number;
  /** Never throws. */
  readonly report: (failure: PortFailure) => void;
  readonly random: (length: number) => Uint8Array;
  readonly allowTestKeys: boolean;
}

const OPTIONS: readonly (keyof EnforcementPointOptions)[] = [
  'audience',
  'anchors',
  'tenant',
  'purpose',
  'clock',
  'replay',
  'revocation',
  'maxRevocationStaleness',
  'agents',
  'ledger',
  'meters',
  'approvals',
  'approvalLifetime',
  'policy',
  'audit',
  'sessions',
  'requireChainAudience',
  'requireProofAudience',
  'acceptsNonce',
  'limits',
  'portTimeout',
  'report',
  'random',
  'allowWellKnownTestKeys',
];

/** The functions that each port must have. */
const PORTS = {
  clock: ['now'],
  replay: ['accept', 'forget'],
  revocation: ['check'],
  ledger: ['reserve', 'settle', 'release'],
  approvals: ['approvers', 'open', 'find', 'close'],
  policy: ['decide'],
  audit: ['record'],
  sessions: ['welcome', 'finish', 'authenticate', 'commit', 'end'],
} as const;

/**
 * Checks the options of an enforcement point and completes them.
 * @throws {TaperError} `option_invalid` when it could not be safe.
 */
export function completeOptions(options: EnforcementPointOptions): Settings {
  requireKnownOptions(options, OPTIONS);
  const audience = [options.audience].flat();
  const [name] = audience;
  if (name === undefined) {
    throw new TaperError('option_invalid', 'An enforcement point needs an audience.', {
      hint: 'Pass the identifier that agents put into `aat_aud`, such as the URL of this server.',
    });
  }
  for (const [port, functions] of Object.entries(PORTS)) {
    const given = options[port as keyof typeof PORTS] as Record<string, unknown> | undefined;
    if (given === undefined) continue;
    const missing = functions.find((each) => typeof given?.[each] !== 'function');
    if (missing !== undefined)
      throw new TaperError('option_invalid', `\`${port}\` has no function \`${missing}\`.`);
  }
  if (options.report !== undefined && typeof options.report !== 'function')
    throw new TaperError('option_invalid', '`report` must be a function.');
  for (const setting of ['tenant', 'purpose'] as const) {
    const given: unknown = options[setting];
    if (given !== undefined && (typeof given !== 'string' || given === ''))
      throw new TaperError('option_invalid', `\`${setting}\` must be a non-empty string.`);
  }
  return Object.freeze({
    name,
    verifier: {
      anchors: options.anchors,
      audience,
      requireChainAudience: options.requireChainAudience ?? false,
      requireProofAudience: options.requireProofAudience ?? true,
      profile: {
        ...(options.tenant === undefined ? {} : { tenant: options.tenant }),
        ...(options.purpose === undefined ? {} : { purpose: options.purpose }),
      },
      ...(options.acceptsNonce === undefined ? {} : { acceptsNonce: options.acceptsNonce }),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    },
    clock: options.clock ?? systemClock,
    replay: options.replay ?? createMemoryReplayStore(),
    revocation: options.revocation,
    maxRevocationStaleness: wholeNumber(options, 'maxRevocationStaleness', 60, 0, 90 * 86_400),
    agents: completeAgents(options.agents),
    ledger: options.ledger,
    meters: completeMeters(options.meters),
    approvals: options.approvals,
    approvalLifetime: wholeNumber(options, 'approvalLifetime', 900, 1, 86_400),
    policy: options.policy,
    audit: options.audit,
    sessions: options.sessions,
    portTimeout: wholeNumber(options, 'portTimeout', 1000, 1, 60_000),
    report: quiet(options.report ?? createWarner()),
    random: options.random ?? ((length) => crypto.getRandomValues(new Uint8Array(length))),
    allowTestKeys: options.allowWellKnownTestKeys === true,
  });
}

/** @throws {TaperError} `option_invalid`: a rule that is mistyped would be none. */
function completeAgents(given: AgentRules | undefined): CompleteAgentRules | undefined {
  if (given === undefined) return undefined;
  requireKnownOptions(given, AGENT_OPTIONS);
  const { directory, callers, maxStaleness = 60, trust } = given;
  if (typeof directory?.find !== 'function')
    throw new TaperError('option_invalid', '`agents.directory` has no function `find`.');
  if (callers !== 'any' && callers !== 'enrolled' && callers !== 'allowed')
    throw new TaperError('option_invalid', '`agents.callers` is any, enrolled or allowed.');
  if (!Number.isSafeInteger(maxStaleness) || maxStaleness < 0)
    throw new TaperError('option_invalid', '`agents.maxStaleness` is a whole number of seconds.');
  if (trust !== undefined && typeof trust?.score !== 'function')
    throw new TaperError('option_invalid', '`agents.trust` has no function `score`.');
  return Object.freeze({
    directory,
    callers,
    maxStaleness,
    ...(trust === undefined ? {} : { trust }),
  });
}

const AGENT_OPTIONS: readonly (keyof AgentRules)[] = [
  'directory',
  'callers',
  'maxStaleness',
  'trust',
];

/** A logger that fails must not decide anything. */
function quiet(report: (failure: PortFailure) => void): (failure: PortFailure) => void {
  return (failure) => {
    try {
      report(failure);
    } catch {
      // There is nobody left to tell.
    }
  };
}

function wholeNumber(
  options: EnforcementPointOptions,
  name: 'maxRevocationStaleness' | 'approvalLifetime' | 'portTimeout',
  usual: number,
  least: number,
  most: number,
): number {
  const value = options[name] ?? usual;
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new TaperError(
    'option_invalid',
    `\`${name}\` must be a whole number, ${least} to ${most}.`,
  );
}

function completeMeters(given: EnforcementPointOptions['meters']): ReadonlyMap<string, Meter> {
  const meters = new Map<string, Meter>();
  for (const [meter, measure] of Object.entries(given ?? {})) {
    if (typeof measure !== 'function')
      throw new TaperError('option_invalid', `The meter ${JSON.stringify(meter)} is no function.`);
    if (meter === 'calls')
      throw new TaperError('option_invalid', 'The meter `calls` is built in: each call takes 1.');
    meters.set(meter, measure);
  }
  return meters.set('calls', () => '1');
}
