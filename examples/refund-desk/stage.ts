import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  chainCaveats,
  importPublicKey,
  type PublicJwk,
  type PublicKey,
  type VerifiedChain,
} from '@taper/core';
import type { EnrolDetail, TaskDetail } from './agent.ts';
import type { OpenDesk } from './approver.ts';
import type { AuditLogAddress } from './audit-log.ts';
import type { News } from './following.ts';
import { type Operator, openAuthority } from './operator.ts';
import {
  createOrchestrator,
  NEIGHBOUR,
  type Orchestrator,
  SHOP,
  tokensOf,
} from './orchestrator.ts';
import type { ListenDetail } from './orders-server.ts';
import type { OpenDetail } from './payment-api.ts';
import type { StartOptions, Worker } from './processes.ts';
import { createRecord, type Record } from './record.ts';
import type { Page } from './terminal.ts';
import { trustOf } from './trust.ts';

/** What a run needs from outside. */
export interface StageOptions {
  readonly page: Page;
  /** A folder for the authority, databases and logs, gone afterwards. */
  readonly folder: string;
  /** The folder for what is left to look at: receipts and audit logs. Made when there is something to write. */
  readonly output: string;
  /** Of the MCP server. 0 takes any that is free. */
  readonly port: number;
  start(name: string, script: string, options?: StartOptions): Worker;
}

/** A process, and the public half of a key that is in there. */
export interface Actor {
  readonly worker: Worker;
  readonly key: PublicKey;
}

/** A server with an enforcement point. */
export interface GuardedServer {
  readonly worker: Worker;
  /** Its address, which is its name in tokens and proofs, too. */
  readonly url: string;
  readonly audit: AuditLogAddress;
}

/** The processes of a run, started. */
export interface Stage {
  readonly page: Page;
  readonly record: Record;
  /** For what is left to look at. */
  readonly output: string;
  readonly authority: Worker;
  readonly operator: Operator;
  readonly login: { readonly worker: Worker; readonly issuer: string };
  readonly orchestrator: Orchestrator;
  /** What the orchestrator is called at the authority. */
  readonly orchestratorId: string;
  /** An agent of another tenant. */
  readonly neighbour: Orchestrator;
  readonly orders: GuardedServer;
  readonly payments: GuardedServer;
  readonly query: Actor;
  readonly refunder: Actor;
  readonly approver: Actor;
  readonly thief: Worker;
  /** Names for keys, by thumbprint. */
  readonly names: Map<string, string>;
  /** Starts another process. */
  start: StageOptions['start'];
  /** Resolves when both servers have read in the log of what a root rests on. */
  untilKnown(root: VerifiedChain): Promise<void>;
  /** Gives an agent its authority. */
  give(agent: Actor, server: GuardedServer, chain: VerifiedChain): Promise<void>;
  /** Writes a receipt of a server's latest decision as a page. */
  keepReceipt(server: GuardedServer, name: string): Promise<void>;
  /** Writes a file that is left to look at. */
  keep(name: string, text: string): void;
}

/** The orders lie in `database`. */
export async function setStage(
  { page, folder, output, port, start }: StageOptions,
  database: string,
): Promise<Stage> {
  const names = new Map<string, string>();

  async function openLogin(): Promise<Stage['login']> {
    const worker = start('login', './login.ts');
    return { worker, issuer: await worker.ask<string>('listen') };
  }

  async function startActor(
    name: string,
    script: string,
    question = 'key',
    detail?: OpenDesk,
  ): Promise<Actor> {
    const worker = start(name, script);
    const key = importPublicKey(await worker.ask<PublicJwk>(question, detail));
    names.set(key.thumbprint, name);
    return { worker, key };
  }

  const authority = start('authority', './authority.ts');
  const openPlaces = async () => {
    const login = await openLogin();
    const place = join(folder, 'authority');
    return { login, operator: await openAuthority(authority, place, login.issuer) };
  };
  const [{ login, operator }, query, refunder] = await Promise.all([
    openPlaces(),
    startActor('query agent', './query-agent.ts'),
    startActor('refund agent', './refund-agent.ts'),
  ]);
  const { address } = operator;
  for (const { key } of trustOf(address).anchors) names.set(key.thumbprint, 'authority');

  const orchestrator = createOrchestrator(address);
  const neighbour = createOrchestrator(address);
  names.set(orchestrator.key.thumbprint, 'orchestrator');

  /** Each server has a folder of its own, and follows the authority's log. */
  async function openServer<Detail extends ListenDetail | OpenDetail>(
    name: string,
    script: string,
    place: string,
    detail: Omit<Detail, 'authority' | 'tenant' | 'folder'>,
  ): Promise<GuardedServer> {
    const worker = start(name, script);
    const own = join(folder, place);
    mkdirSync(own, { mode: 0o700 });
    const all = { authority: address, tenant: SHOP, folder: own, ...detail };
    return { worker, ...(await worker.ask<Omit<GuardedServer, 'worker'>>('listen', all)) };
  }

  const openPayments = async () => {
    const desk: OpenDesk = { folder: join(folder, 'nora'), authority: address };
    const approver = await startActor('Nora', './approver.ts', 'open', desk);
    const payments = await openServer<OpenDetail>('payment API', './payment-api.ts', 'payments', {
      refundDesk: orchestrator.key.thumbprint,
      finance: [{ name: 'Nora', key: approver.key.jwk }],
    });
    return { approver, payments };
  };

  /** Each of the agents enrols with a token of its own, which is good once. */
  const enrolAll = async () => {
    const enrol = async ({ worker }: Actor, name: string) => {
      const token = await operator.admit(name, SHOP);
      return worker.ask('enrol', { authority: address, token } satisfies EnrolDetail);
    };
    const [orchestratorId] = await Promise.all([
      operator.admit('orchestrator', SHOP).then((token) => orchestrator.enrol(token)),
      operator.admit('desk', NEIGHBOUR).then((token) => neighbour.enrol(token)),
      enrol(query, 'query-agent'),
      enrol(refunder, 'refund-agent'),
    ]);
    return orchestratorId;
  };
  const [orders, { approver, payments }, orchestratorId] = await Promise.all([
    openServer<ListenDetail>('MCP server', './orders-server.ts', 'orders', { database, port }),
    openPayments(),
    enrolAll(),
  ]);
  const keep = (name: string, text: string): void => {
    mkdirSync(output, { recursive: true });
    writeFileSync(join(output, name), text);
  };
  return {
    page,
    record: createRecord([orders.worker, payments.worker], page),
    output,
    authority,
    operator,
    login,
    orchestrator,
    orchestratorId,
    neighbour,
    orders,
    payments,
    query,
    refunder,
    approver,
    thief: start('thief', './thief.ts'),
    names,
    start,
    async untilKnown(root) {
      const epochs = chainCaveats(root).revocation?.epochs.values() ?? [];
      const keys = [orchestrator, query, refunder].map(({ key }) => key.thumbprint);
      const news: News = { keys, epoch: Math.max(0, ...epochs) };
      await Promise.all([orders, payments].map(({ worker }) => worker.ask('untilKnown', news)));
    },
    give({ worker }, { url }, chain) {
      const task: TaskDetail = { server: url, chain: tokensOf(chain), authority: address };
      return worker.ask('task', task);
    },
    async keepReceipt({ worker }, name) {
      keep(`${name}.html`, await worker.ask<string>('receipt', [...names]));
    },
    keep,
  };
}
