import { deepStrictEqual, notStrictEqual, ok, strictEqual } from 'node:assert/strict';
import {
  type ApprovalAction,
  type ApproverGroups,
  approvalSubject,
  approve,
  createSigner,
  derive,
  generateKeyPair,
  issue,
  type Signer,
  type VerifiedChain,
} from '@taper/core';
import type { ApprovalCapacity, ApprovalStore } from '../approval/inbox.ts';
import type { PendingAction } from '../port/approval-source.ts';
import {
  type ContractTest,
  identifier,
  type OpenedPort,
  refuses,
  CONTRACT_TIME as T,
  withPort,
} from './contract.ts';

export interface ApprovalSourceContract {
  readonly test: ContractTest;
  open(
    options: ApprovalCapacity & { readonly groups: ApproverGroups },
  ): Promise<OpenedPort<ApprovalStore>>;
}

const [issuer, root, agent, other, ada, grace, eve] = Array.from({ length: 7 }, newSigner) as [
  Signer,
  Signer,
  Signer,
  Signer,
  Signer,
  Signer,
  Signer,
];

const GROUPS: ApproverGroups = {
  finance: [
    { name: 'Ada', key: ada.publicKey },
    { name: 'Grace', key: grace.publicKey },
  ],
  security: [{ name: 'Eve', key: eve.publicKey }],
};

let serial = 0;

function newSigner(): Signer {
  return createSigner(generateKeyPair().privateJwk);
}

function nextName(): string {
  serial += 1;
  return `name-${serial}`;
}

async function chainOf(holder: Signer = agent, first: Signer = root): Promise<VerifiedChain> {
  const tools = { pay: {} };
  const top = await issue({
    issuer: 'https://auth.example.com',
    signer: issuer,
    holder: first.publicKey,
    tools,
    now: T - 60,
    id: nextName(),
    lifetime: 3600,
    maxDepth: 1,
  });
  return derive(top, {
    signer: first,
    holder: holder.publicKey,
    tools,
    now: T - 60,
    id: nextName(),
  });
}

/** A question that differs from every other in its arguments. */
async function question(changes: Partial<ApprovalAction> = {}, chain?: VerifiedChain) {
  const { leaf, tokens } = chain ?? (await chainOf());
  const pending: PendingAction = {
    action: {
      tool: 'pay',
      arguments: { reference: nextName() },
      tokens: [leaf.hash],
      enforcementPoint: 'https://tools.example.com',
      nonce: identifier(nextName()),
      issuedAt: T,
      expiresAt: T + 900,
      ...changes,
    },
    requirements: [{ group: 'finance', count: 2 }],
    chains: [tokens.map(({ compact }) => compact)],
    approvals: [],
  };
  return { pending, action: pending.action, subject: approvalSubject(pending.action) };
}

function approvedBy(action: ApprovalAction, signer: Signer, group = 'finance', expiresAt?: number) {
  return approve({
    action,
    group,
    signer,
    now: T,
    id: nextName(),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  });
}

async function codeOf(judged: ReturnType<ApprovalStore['submit']>): Promise<string> {
  const verdict = await judged;
  return 'code' in verdict ? verdict.code : 'accepted';
}

/** Tests that a driver of `ApprovalSource` keeps what the port promises, and its inbox what {@link ApprovalStore} does. */
export function approvalSourceContract({ test, open }: ApprovalSourceContract): void {
  const check = withPort(test, open);
  const plain = { groups: GROUPS };

  check('knows who may approve for a group, and no other group', plain, async (source) => {
    const approvers = await source.approvers('finance');
    deepStrictEqual(
      approvers?.map(({ name, key }) => [name, key.thumbprint]),
      [
        ['Ada', ada.publicKey.thumbprint],
        ['Grace', grace.publicKey.thumbprint],
      ],
    );
    for (const group of ['Finance', 'finance ', 'board', 'constructor', '__proto__', ''])
      strictEqual(await source.approvers(group), undefined, group);
  });

  check('finds what was opened, by subject and by nonce', plain, async (source, peer) => {
    const { pending, action, subject } = await question();
    strictEqual(await source.find(subject, T), undefined);
    deepStrictEqual(await source.open(pending, T), pending);
    deepStrictEqual(await peer.find(subject, T), pending);
    deepStrictEqual(await peer.look(action.nonce, T), pending);
    strictEqual(await peer.look(identifier('nobody chose this'), T), undefined);
    strictEqual(await peer.look(subject, T), undefined);
  });

  check('does not ask the same question twice', plain, async (source, peer) => {
    const { pending, action } = await question();
    await source.open(pending, T);
    const again = { ...action, nonce: identifier(nextName()), issuedAt: T + 5 };
    const renewed = { ...pending, action: { ...again, expiresAt: T + 905 } };
    deepStrictEqual(await peer.open(renewed, T + 5), pending);
    strictEqual((await source.pending(T + 5)).length, 1);
    strictEqual(await source.look(again.nonce, T + 5), undefined);
  });

  check('asks anew what differs in anything else', plain, async (source) => {
    const chain = await chainOf();
    const same = { arguments: { amount: '1' }, tokens: [chain.leaf.hash] };
    await source.open((await question(same, chain)).pending, T);
    const elsewhere = await chainOf();
    const others = [
      await question({ ...same, tool: 'refund' }, chain),
      await question({ ...same, arguments: { amount: '2' } }, chain),
      await question({ ...same, enforcementPoint: 'https://other.example.com' }, chain),
      await question({ ...same, tokens: [elsewhere.leaf.hash] }, elsewhere),
    ];
    for (const { pending } of others) deepStrictEqual(await source.open(pending, T), pending);
    strictEqual((await source.pending(T)).length, 5);
  });

  check('takes over the requirements of a question that is asked again', plain, async (source) => {
    const { pending, subject, action } = await question();
    await source.open(pending, T);
    const approval = await approvedBy(action, ada);
    strictEqual(await codeOf(source.submit(approval, T)), 'accepted');
    const security = await approvedBy(action, eve, 'security');
    strictEqual(await codeOf(source.submit(security, T)), 'approval_approver_unknown');
    const requirements = [...pending.requirements, { group: 'security', count: 1 }];
    const opened = await source.open({ ...pending, requirements }, T);
    deepStrictEqual(opened, { ...pending, requirements, approvals: [approval] });
    strictEqual(await codeOf(source.submit(security, T)), 'accepted');
    deepStrictEqual((await source.find(subject, T))?.requirements, requirements);
  });

  check('gives the approvals that have come in, to all processes', plain, async (source, peer) => {
    const { pending, action, subject } = await question();
    await source.open(pending, T);
    const approvals = [await approvedBy(action, ada), await approvedBy(action, grace)];
    strictEqual(await codeOf(source.submit(approvals[0] as string, T)), 'accepted');
    strictEqual(await codeOf(peer.submit(approvals[1] as string, T)), 'accepted');
    const found = await source.find(subject, T);
    deepStrictEqual([...(found?.approvals ?? [])].sort(), approvals.sort());
    deepStrictEqual((await peer.look(action.nonce, T))?.approvals.length, 2);
  });

  check('says who approved, by the name in its configuration', plain, async (source) => {
    const { pending, action } = await question();
    await source.open(pending, T);
    const accepted = await source.submit(await approvedBy(action, grace), T);
    ok(!('code' in accepted));
    strictEqual(accepted.approver, 'Grace');
    strictEqual(accepted.group, 'finance');
    strictEqual(accepted.thumbprint, grace.publicKey.thumbprint);
  });

  check('forgets an action at its expiry', plain, async (source, peer) => {
    const { pending, action, subject } = await question();
    await source.open(pending, T);
    ok((await peer.find(subject, T + 899)) !== undefined);
    strictEqual(await peer.find(subject, T + 900), undefined);
    strictEqual(await peer.look(action.nonce, T + 900), undefined);
    deepStrictEqual(await peer.pending(T + 900), []);
    const late = await approvedBy(action, ada);
    strictEqual(await codeOf(peer.submit(late, T + 900)), 'approval_action_mismatch');
    const anew = { ...action, nonce: identifier(nextName()), issuedAt: T + 900 };
    const renewed = { ...pending, action: { ...anew, expiresAt: T + 1800 } };
    deepStrictEqual(await source.open(renewed, T + 900), renewed);
  });

  check('forgets an approval at its own expiry, and takes another', plain, async (source) => {
    const { pending, action, subject } = await question();
    await source.open(pending, T);
    const short = await approvedBy(action, ada, 'finance', T + 60);
    strictEqual(await codeOf(source.submit(short, T)), 'accepted');
    deepStrictEqual((await source.find(subject, T + 59))?.approvals, [short]);
    deepStrictEqual((await source.find(subject, T + 60))?.approvals, []);
    const longer = await approvedBy(action, ada);
    strictEqual(await codeOf(source.submit(longer, T + 60)), 'accepted');
    deepStrictEqual((await source.find(subject, T + 60))?.approvals, [longer]);
  });

  check('forgets a closed action; asked for again it is a new one', plain, async (source, peer) => {
    const { pending, action, subject } = await question();
    await source.open(pending, T);
    const approval = await approvedBy(action, ada);
    await source.submit(approval, T);
    await peer.close(subject);
    strictEqual(await source.find(subject, T), undefined);
    strictEqual(await codeOf(source.submit(approval, T)), 'approval_action_mismatch');
    const anew = { ...pending, action: { ...action, nonce: identifier(nextName()) } };
    deepStrictEqual(await source.open(anew, T), anew);
    strictEqual(await codeOf(source.submit(approval, T)), 'approval_action_mismatch');
    notStrictEqual(await source.look(anew.action.nonce, T), undefined);
    await source.close(identifier('nothing has this subject'));
  });

  check('takes in no approval that would not count', plain, async (source) => {
    const { pending, action, subject } = await question();
    await source.open(pending, T);
    const good = await approvedBy(action, ada);
    const cut = good.lastIndexOf('.');
    const forged = `${good.slice(0, cut)}.${(await approvedBy(action, grace)).split('.')[2]}`;
    const elsewhere = await question();
    const refused: [string, string][] = [
      ['approval_malformed', 'no approval at all'],
      ['approval_malformed', pending.chains[0]?.[0] as string],
      ['approval_signature_invalid', forged],
      ['approval_approver_unknown', await approvedBy(action, other)],
      ['approval_approver_unknown', await approvedBy(action, ada, 'security')],
      ['approval_approver_unknown', await approvedBy(action, eve, 'security')],
      ['approval_action_mismatch', await approvedBy(elsewhere.action, ada)],
    ];
    for (const [code, approval] of refused)
      strictEqual(await codeOf(source.submit(approval, T)), code, code);
    deepStrictEqual((await source.find(subject, T))?.approvals, []);
    strictEqual(await codeOf(source.submit(good, T)), 'accepted');
  });

  check('takes an approver in once, also when approvals race', plain, async (source, peer) => {
    const { pending, action, subject } = await question();
    await source.open(pending, T);
    const approvals = await Promise.all(Array.from({ length: 10 }, () => approvedBy(action, ada)));
    const codes = await Promise.all(
      approvals.map((approval, index) => codeOf((index % 2 ? peer : source).submit(approval, T))),
    );
    strictEqual(codes.filter((code) => code === 'accepted').length, 1);
    strictEqual(codes.filter((code) => code === 'approval_repeated').length, 9);
    strictEqual((await source.find(subject, T))?.approvals.length, 1);
  });

  check('takes no approval from a holder on the chain', plain, async (source) => {
    const held = await chainOf(ada);
    const { pending, action } = await question({ tokens: [held.leaf.hash] }, held);
    await source.open(pending, T);
    strictEqual(
      await codeOf(source.submit(await approvedBy(action, ada), T)),
      'approval_by_requester',
    );
    strictEqual(await codeOf(source.submit(await approvedBy(action, grace), T)), 'accepted');
  });

  check('opens nothing that could not be approved', plain, async (source) => {
    const { pending, action } = await question();
    const [requirement] = pending.requirements;
    const broken: object[] = [
      { ...pending, requirements: [] },
      { ...pending, requirements: [{ ...requirement, count: 0 }] },
      { ...pending, requirements: [{ ...requirement, count: -1 }] },
      { ...pending, requirements: [{ ...requirement, count: 1.5 }] },
      { ...pending, chains: [] },
      { ...pending, chains: [['no token']] },
      { ...pending, action: { ...action, arguments: undefined } },
      { ...pending, action: { ...action, expiresAt: T } },
      { ...pending, action: { ...action, nonce: 'short' } },
    ];
    for (const each of broken) await refuses(() => source.open(each as PendingAction, T));
    deepStrictEqual(await source.pending(T), []);
  });

  check('refuses a nonce that is in use', plain, async (source, peer) => {
    const { pending, action } = await question();
    await source.open(pending, T);
    const second = await question({ nonce: action.nonce });
    await refuses(() => peer.open(second.pending, T));
    deepStrictEqual(await source.look(action.nonce, T), pending);
  });

  const small = { groups: GROUPS, capacity: 3, capacityPerAgent: 2, capacityPerRoot: 2 };

  check('refuses to open when it is full, until there is room', small, async (source, peer) => {
    const opened = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const chain = await chainOf(newSigner(), newSigner());
        return question({ tokens: [chain.leaf.hash] }, chain);
      }),
    );
    for (const { pending } of opened) await source.open(pending, T);
    const chain = await chainOf(newSigner(), newSigner());
    const another = await question({ tokens: [chain.leaf.hash] }, chain);
    await refuses(() => peer.open(another.pending, T));
    deepStrictEqual(
      await source.open((opened[0] as (typeof opened)[0]).pending, T),
      opened[0]?.pending,
    );
    await source.close((opened[1] as (typeof opened)[0]).subject);
    deepStrictEqual(await peer.open(another.pending, T), another.pending);
  });

  check('lets one agent ask only so often at a time', small, async (source) => {
    const mine = await Promise.all([question(), question(), question()]);
    await source.open(mine[0].pending, T);
    await source.open(mine[1].pending, T);
    await refuses(() => source.open(mine[2].pending, T));
    const chain = await chainOf(other, newSigner());
    const theirs = await question({ tokens: [chain.leaf.hash] }, chain);
    deepStrictEqual(await source.open(theirs.pending, T), theirs.pending);
    const later = { ...mine[2].pending.action, issuedAt: T + 900, expiresAt: T + 1800 };
    const asked = { ...mine[2].pending, action: later };
    deepStrictEqual(await source.open(asked, T + 900), asked);
  });

  check('counts the agents of one first holder together', small, async (source) => {
    for (let count = 0; count < 2; count += 1) {
      const chain = await chainOf(newSigner());
      await source.open((await question({ tokens: [chain.leaf.hash] }, chain)).pending, T);
    }
    const third = await chainOf(newSigner());
    const refused = await question({ tokens: [third.leaf.hash] }, third);
    await refuses(() => source.open(refused.pending, T));
  });
}
