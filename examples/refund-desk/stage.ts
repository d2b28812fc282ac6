import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importPublicKey, type PublicJwk, type PublicKey, type VerifiedChain } from '@taper/core';
import type { TaskDetail } from './agent.ts';
import { ISSUER, type Orchestrator, tokensOf } from './orchestrator.ts';
import type { Worker } from './processes.ts';
import { createRecord, type Record } from './record.ts';
import type { ListenDetail, ReceiptAnswer, ReceiptDetail } from './server.ts';
import type { Page } from './terminal.ts';

/** What a run needs from outside. */
export interface StageOptions {
  readonly page: Page;
  /** The file for the shop's database. */
  readonly database: string;
  /** The folder for the receipts; made when there is one to write. */
  readonly receipts: string;
  /** 0 takes any that is free. */
  readonly port: number;
  start(name: string, script: string): Worker;
}

/** An agent as the orchestrator sees it: a process, and the public half of a key that is in there. */
export interface Agent {
  readonly worker: Worker;
  readonly key: PublicKey;
}

/** The processes of a run, started. */
export interface Stage {
  readonly page: Page;
  readonly record: Record;
  /** The address of the MCP server, which is its name in tokens and proofs, too. */
  readonly server: string;
  readonly serverWorker: Worker;
  readonly query: Agent;
  readonly refunder: Agent;
  readonly thief: Worker;
  /** Gives an agent its authority. */
  give(agent: Agent, chain: VerifiedChain): Promise<void>;
  /** Shows the server's receipt of its latest decision and writes it as a page; the file's name. */
  showReceipt(name: string): Promise<string>;
}

export async function setStage(options: StageOptions, orchestrator: Orchestrator): Promise<Stage> {
  const { page, database, port, start } = options;
  const { issuerKey, names } = orchestrator;
  const serverWorker = start('MCP server', './server.ts');
  const listen: ListenDetail = { database, port, issuer: ISSUER, issuerKey };
  const server = await serverWorker.ask<string>('listen', listen);

  async function startAgent(name: string): Promise<Agent> {
    const worker = start(name, './agent.ts');
    const key = importPublicKey(await worker.ask<PublicJwk>('key'));
    names.set(key.thumbprint, name);
    return { worker, key };
  }

  const [query, refunder] = await Promise.all([
    startAgent('query agent'),
    startAgent('refund agent'),
  ]);
  return {
    page,
    record: createRecord(serverWorker, page),
    server,
    serverWorker,
    query,
    refunder,
    thief: start('thief', './thief.ts'),
    give({ worker }, chain) {
      const task: TaskDetail = { server, chain: tokensOf(chain), issuer: ISSUER, issuerKey };
      return worker.ask('task', task);
    },
    async showReceipt(name) {
      const detail: ReceiptDetail = { names: [...names], color: page.color };
      const { text, html } = await serverWorker.ask<ReceiptAnswer>('receipt', detail);
      page.block(text);
      mkdirSync(options.receipts, { recursive: true });
      const file = join(options.receipts, `${name}.html`);
      writeFileSync(file, html);
      return file;
    },
  };
}
