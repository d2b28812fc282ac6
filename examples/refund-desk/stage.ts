import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importPublicKey, type PublicJwk, type PublicKey, type VerifiedChain } from '@taper/core';
import type { TaskDetail } from './agent.ts';
import type { OpenDesk } from './approver.ts';
import type { AuditLogAddress } from './audit-log.ts';
import { ISSUER, type Orchestrator, SHOP, tokensOf } from './orchestrator.ts';
import type { ListenDetail } from './orders-server.ts';
import type { OpenDetail } from './payment-api.ts';
import type { Worker } from './processes.ts';
import { createRecord, type Record } from './record.ts';
import type { RevocationLogAddress, RevocationLogDetail } from './revocation-log.ts';
import type { Page } from './terminal.ts';

/** What a run needs from outside. */
export interface StageOptions {
  readonly page: Page;
  /** A folder for databases and logs, gone afterwards. */
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
  readonly audit: AuditLogAddress;
}

/** Where revocations are published. */
export interface RevocationLog extends RevocationLogAddress {
  readonly worker: Worker;
  readonly folder: string;
}

/** The processes of a run, started. */
export interface Stage {
  readonly page: Page;
  readonly record: Record;
  /** Gone afterwards. */
  readonly folder: string;
  /** For what is left to look at. */
  readonly output: string;
  readonly orchestrator: Orchestrator;
  readonly revocations: RevocationLog;
  readonly orders: GuardedServer;
  readonly payments: GuardedServer;
  readonly query: Actor;
  readonly refunder: Actor;
  readonly approver: Actor;
  readonly thief: Worker;
  /** Starts another process. */
  start(name: string, script: string): Worker;
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

  const openRevocations = async (): Promise<RevocationLog> => {
    const worker = start('revocation log', './revocation-log.ts');
    const detail: RevocationLogDetail = { ...trust, folder: join(folder, 'revocations') };
    const address = await worker.ask<RevocationLogAddress>('listen', detail);
    return { ...address, worker, folder: detail.folder };
  };
  const opening = openRevocations();

  /** Each server has a folder of its own, and follows the revocation log. */
  async function openServer<Detail extends ListenDetail | OpenDetail>(
    name: string,
    script: string,
    place: string,
    detail: Omit<Detail, keyof typeof trust | 'folder' | 'revocations'>,
  ): Promise<GuardedServer> {
    const worker = start(name, script);
    const { worker: _, ...revocations } = await opening;
    const own = { folder: join(folder, place), revocations };
    mkdirSync(own.folder, { mode: 0o700 });
    const all = { ...trust, ...detail, ...own };
    return { worker, ...(await worker.ask<Omit<GuardedServer, 'worker'>>('listen', all)) };
  }

  const openPayments = async () => {
    const desk: OpenDesk = { folder: join(folder, 'nora'), issuer: ISSUER, issuerKey };
    const approver = await startActor('Nora', './approver.ts', 'open', desk);
    const payments = await openServer<OpenDetail>('payment API', './payment-api.ts', 'payments', {
      refundDesk: orchestrator.key.thumbprint,
      finance: [{ name: 'Nora', key: approver.key.jwk }],
    });
    return { approver, payments };
  };
  const [revocations, orders, { approver, payments }, query, refunder] = await Promise.all([
    opening,
    openServer<ListenDetail>('MCP server', './orders-server.ts', 'orders', { database, port }),
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
    folder,
    output,
    orchestrator,
    revocations,
    orders,
    payments,
    query,
    refunder,
    approver,
    thief: start('thief', './thief.ts'),
    start,
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
