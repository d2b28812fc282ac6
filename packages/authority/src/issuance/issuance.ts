import {
  type ApprovalRequest,
  type ApproverGroups,
  type CountedApproval,
  type IssueOptions,
  type RequiredApproval,
  readApproverGroups,
  requireKnownOptions,
  type Signer,
  TaperError,
} from '@taper/core';
import { type Actor, logChange } from '../identity/change.ts';
import type { AuthorityStore, Page } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import type { IssuanceContext } from './context.ts';
import { issueRoot } from './issue-root.ts';
import { judgeApproval, readPending, requirePending } from './pending.ts';
import type { IssuancePolicy } from './policy.ts';
import type { IssuedRoot, RootRequest } from './request.ts';
import { createGrantReader } from './standing.ts';

export interface IssuanceOptions {
  readonly store: AuthorityStore;
  /** `iss` of roots: the authority's own URL. */
  readonly issuer: string;
  /** Signs roots. */
  readonly root: Signer;
  /** Signs them beside it (spec/hybrid-roots.md). */
  readonly hybrid?: NonNullable<IssueOptions['hybrid']>;
  /** Seconds since the epoch. */
  readonly clock: () => number;
  /** That many fresh random bytes. */
  readonly random: (length: number) => Uint8Array;
  readonly policy?: IssuancePolicy;
  /** Who may approve issuances, by group. From the configuration and from nowhere else. */
  readonly approvers?: ApproverGroups;
  /** Seconds for which an issuance waits for approvals: 60 to 86,400. Default 3600. */
  readonly approvalLifetime?: number;
  /** The epoch that a revocation log has reached, for grants that ask for one. Default: 0, any. */
  readonly epoch?: (log: string) => number | Promise<number>;
}

/** An issuance that waits, for approvers and administrators. Whoever sees it sees all that would be granted. */
export interface WaitingIssuance {
  readonly id: string;
  readonly tenant: string;
  readonly agent: string;
  readonly grant: string;
  /** Seconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number;
  /** As an approver needs it (spec/approval.md section 6). */
  readonly request: ApprovalRequest;
}

export interface WaitingPage {
  readonly waiting: readonly WaitingIssuance[];
  /** `undefined` where this is the last page. */
  readonly next: string | undefined;
}

export interface TakenApproval {
  readonly approval: CountedApproval;
  /** What is still to be approved; empty when all is there. */
  readonly missing: readonly RequiredApproval[];
}

/** Issues roots (draft section 6.1), and takes in the approvals that some of them need. */
export interface Issuance {
  /**
   * Issues a root that is the meet of request, grant, subject and policy. Asking again is the only renewal, and ends with the grant.
   * @throws {AuthorityRefusal} `agent_unknown`, `agent_suspended`, `agent_retired`, `key_not_current`, `request_malformed`,
   * `details_invalid`, `grant_none` (nothing is left, with what was dropped and why), `grant_ended`, `target_refused`,
   * `approval_required` (with `pending` in its facts), `approval_refused`, `pending_unknown`, `subject_refused`,
   * `too_many_requests`, `unavailable`.
   */
  issueRoot(request: RootRequest): Promise<IssuedRoot>;
  /** @throws {AuthorityRefusal} `pending_unknown`. */
  waiting(id: string): Promise<WaitingIssuance>;
  /** Those that wait, in the order of their ids; `next` is what the following page comes after. */
  listWaiting(page: Page & { readonly tenant?: string }): Promise<WaitingPage>;
  /**
   * Takes an approval in (spec/approval.md section 4). It is a signature by an approver of the configuration; who sends it does not matter.
   * @throws {AuthorityRefusal} `pending_unknown`, `approval_refused` with the denial code as its reason.
   */
  approve(id: string, approval: string): Promise<TakenApproval>;
  /** Ends the wait: the root is not issued. @throws {AuthorityRefusal} `pending_unknown`. */
  close(id: string, by: Actor): Promise<void>;
}

const OPTIONS: readonly (keyof IssuanceOptions)[] = [
  'store',
  'issuer',
  'root',
  'hybrid',
  'clock',
  'random',
  'policy',
  'approvers',
  'approvalLifetime',
  'epoch',
];

/** @throws {TaperError} `option_invalid`. */
export function createIssuance(options: IssuanceOptions): Issuance {
  requireKnownOptions(options, OPTIONS);
  const { store, issuer, root, clock, random, approvalLifetime = 3600 } = options;
  if (!Number.isSafeInteger(approvalLifetime) || approvalLifetime < 60 || approvalLifetime > 86_400)
    throw new TaperError('option_invalid', '`approvalLifetime` must be 60 to 86400 seconds.');
  const context: IssuanceContext = {
    store,
    grantsOf: createGrantReader(store),
    issuer,
    root,
    hybrid: options.hybrid,
    clock,
    random,
    policy: options.policy,
    approvers: readApproverGroups(options.approvers ?? {}),
    approvalLifetime,
    epoch: options.epoch ?? (() => 0),
  };
  return Object.freeze<Issuance>({
    issueRoot: (request) => issueRoot(request, context),
    waiting: (id) => store.read(async (tx) => shown(await requirePending(tx, id, clock()))),
    listWaiting: (page) =>
      store.read(async (tx) => {
        const now = clock();
        const records = await tx.listPending(page);
        const open = records.filter(({ state, expiresAt }) => state === 'open' && now < expiresAt);
        const waiting = open.map((record) => shown(readPending(record)));
        return { waiting, next: records.length < page.limit ? undefined : records.at(-1)?.id };
      }),
    approve: (id, approval) => takeApproval(id, approval, context),
    close: (id, by) => closePending(id, by, context),
  });
}

function shown({ record, request }: ReturnType<typeof readPending>): WaitingIssuance {
  const { id, tenant, agent, grant, createdAt, expiresAt } = record;
  return { id, tenant, agent, grant, createdAt, expiresAt, request };
}

async function takeApproval(
  id: string,
  approval: string,
  { store, clock, approvers }: IssuanceContext,
): Promise<TakenApproval> {
  return store.transaction(async (tx) => {
    const now = clock();
    const pending = await requirePending(tx, id, now);
    const { record, request } = pending;
    const agent = await tx.findAgent(record.agent);
    if (agent === undefined) throw new AuthorityRefusal('agent_unknown', 'The agent is gone.');
    const keys = await tx.listKeys('agent', agent.id);
    const counting = {
      approversOf: (group: string) => approvers.get(group),
      holders: keys.map(({ thumbprint }) => thumbprint),
      now,
    };
    const { counted, missing, kept } = judgeApproval(
      approval,
      pending,
      request.requirements,
      counting,
    );
    await tx.updatePending({ ...record, approvals: kept, version: record.version + 1 });
    await logChange(tx, {
      time: now,
      event: 'issuance.approved',
      tenant: record.tenant,
      by: { kind: 'operator', id: counted.approver },
      subject: { agent: agent.id, spiffe_id: agent.spiffeId, name: agent.name },
      details: {
        grant: record.grant,
        group: counted.group,
        key: counted.thumbprint,
        approval: counted.id,
      },
    });
    return { approval: counted, missing };
  });
}

async function closePending(
  id: string,
  by: Actor,
  { store, clock }: IssuanceContext,
): Promise<void> {
  await store.transaction(async (tx) => {
    const now = clock();
    const { record } = await requirePending(tx, id, now);
    await tx.updatePending({ ...record, state: 'closed', version: record.version + 1 });
    await logChange(tx, {
      time: now,
      event: 'issuance.closed',
      tenant: record.tenant,
      by,
      subject: { agent: record.agent },
      details: { grant: record.grant },
    });
  });
}
