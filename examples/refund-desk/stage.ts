import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importPublicKey, type PublicJwk, type PublicKey, type VerifiedChain } from '@taper/core';
import type { TaskDetail } from './agent.ts';
import type { OpenDesk } from './approver.ts';
import { ISSUER, type Orchestrator, SHOP, tokensOf } from './orchestrator.ts';
import type { ListenDetail } from './orders-server.ts';
import type { OpenDetail } from './payment-api.ts';
import type { Worker } from './processes.ts';
import { createRecord, type Record } from './record.ts';
import type { Page } from './terminal.ts';

/** What a run needs from outside. */
export interface StageOptions {
  readonly page: Page;
  /** A folder for the databases, gone afterwards. */
  readonly folder: string;
  /** The folder for what is left to look at: receipts and audit logs. Made when there is something to write. */
  readonly output: string;
  /** Of the MCP server. 0 takes any that is free. */
  readonly port: number;
  start(name: string, script: string): Worker;
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
  readonly auditLog: string;
  /** What its audit log verifies with. */
  readonly auditKey: PublicJwk;
}

/** The processes of a run, started. */
export interface Stage {
  readonly page: Page;
  readonly record: Record;
  readonly output: string;
  readonly orchestrator: Orchestrator;
  readonly orders: GuardedServer;
  readonly payments: GuardedServer;
  readonly query: Actor;
  readonly refunder: Actor;
  readonly approver: Actor;
  readonly thief: Worker;
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
  orchestrator: Orchestrator,
  database: string,
): Promise<Stage> {
  const { issuerKey, names } = orchestrator;
  const trust = { issuer: ISSUER, issuerKey, tenant: SHOP };

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

  async function openServer(
    name: string,
    script: string,
    detail: ListenDetail | OpenDetail,
  ): Promise<GuardedServer> {
    const worker = start(name, script);
    const opened = await worker.ask<Pick<GuardedServer, 'url' | 'auditKey'>>('listen', detail);
    return { worker, auditLog: detail.auditLog, ...opened };
  }

  const log = (name: string) => join(folder, `${name}.audit.log`);
  const openPayments = async () => {
    const desk: OpenDesk = { folder: join(folder, 'nora'), issuer: ISSUER, issuerKey };
    const approver = await startActor('Nora', './approver.ts', 'open', desk);
    const finance = [{ name: 'Nora', key: approver.key.jwk }];
    const refundDesk = orchestrator.key.thumbprint;
    const detail = { ...trust, folder, auditLog: log('payments'), refundDesk, finance };
    return { approver, payments: await openServer('payment API', './payment-api.ts', detail) };
  };
  const listen: ListenDetail = { ...trust, database, auditLog: log('orders'), port };
  const [orders, { approver, payments }, query, refunder] = await Promise.all([
    openServer('MCP server', './orders-server.ts', listen),
    openPayments(),
    startActor('query agent', './query-agent.ts'),
    startActor('refund agent', './refund-agent.ts'),
  ]);
  const keep = (name: string, text: string): void => {
    mkdirSync(output, { recursive: true });
    writeFileSync(join(output, name), text);
  };
  return {
    page,
    record: createRecord([orders.worker, payments.worker], page),
    output,
    orchestrator,
    orders,
    payments,
    query,
    refunder,
    approver,
    thief: start('thief', './thief.ts'),
    give({ worker }, { url }, chain) {
      const task: TaskDetail = { server: url, chain: tokensOf(chain), issuer: ISSUER, issuerKey };
      return worker.ask('task', task);
    },
    async keepReceipt({ worker }, name) {
      keep(`${name}.html`, await worker.ask<string>('receipt', [...names]));
    },
    keep,
  };
}
