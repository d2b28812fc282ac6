import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  Client,
  StreamableHTTPClientTransport,
  type Transport,
} from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import {
  localhostHostValidation,
  localhostOriginValidation,
  type NodeIncomingMessageLike,
  toNodeHandler,
} from '@modelcontextprotocol/node';
import { createMcpHandler, type McpServer } from '@modelcontextprotocol/server';
import { createEnforcementPoint, type EnforcementPoint } from '@taper/enforce';
import type { GuardOptions } from '@taper/mcp';
import { anchors, ISSUER, issuer } from './agents.ts';
import { AUDIENCE, createDesk, type Execution } from './desk.ts';

/** A guarded server that really runs, and a way to it. */
export interface Link {
  readonly name: string;
  /** An ordinary client, connected. */
  readonly client: Client;
  /** The tools that have run, in order. */
  executions(): readonly Execution[];
  close(): Promise<void>;
}

export type Revision = '2025-11-25' | '2026-07-28';

export const createPoint = (): EnforcementPoint =>
  createEnforcementPoint({ audience: AUDIENCE, anchors });

/** Streamable HTTP on loopback: the SDK makes a server for each request, all with one enforcement point. */
export interface HttpDesk {
  readonly url: URL;
  readonly executions: Execution[];
  close(): Promise<void>;
}

export async function serveHttp(
  options: GuardOptions = {},
  point = createPoint(),
): Promise<HttpDesk> {
  const executions: Execution[] = [];
  const served = await serveFactory(() =>
    createDesk(point, (execution) => executions.push(execution), options),
  );
  return { ...served, executions };
}

/** Whatever a factory makes, over Streamable HTTP on loopback. */
export async function serveFactory(create: () => McpServer): Promise<Omit<HttpDesk, 'executions'>> {
  const handler = createMcpHandler(create);
  const handle = toNodeHandler(handler);
  const [validHost, validOrigin] = [localhostHostValidation(), localhostOriginValidation()];
  const server = createServer((request, response) => {
    if (validHost(request, response) && validOrigin(request, response))
      void handle(request as NodeIncomingMessageLike, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/mcp`),
    async close() {
      await handler.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export const connectHttp = (client: Client, url: URL): Promise<void> =>
  client.connect(new StreamableHTTPClientTransport(url));

async function connectClient(transport: Transport, revision: Revision): Promise<Client> {
  const mode = revision === '2025-11-25' ? 'legacy' : 'auto';
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode } });
  await client.connect(transport);
  return client;
}

export async function openHttp(revision: Revision, options?: GuardOptions): Promise<Link> {
  const desk = await serveHttp(options);
  const client = await connectClient(new StreamableHTTPClientTransport(desk.url), revision);
  return {
    name: `Streamable HTTP, revision ${revision}`,
    client,
    executions: () => desk.executions,
    async close() {
      await client.close();
      await desk.close();
    },
  };
}

/** stdio to a child process of its own. */
export async function openStdio(revision: Revision): Promise<Link> {
  const folder = mkdtempSync(join(tmpdir(), 'taper-mcp-'));
  const file = join(folder, 'executions.jsonl');
  writeFileSync(file, '');
  const script = fileURLToPath(new URL('./stdio-server.ts', import.meta.url));
  const jwk = JSON.stringify(issuer.publicKey.jwk);
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: ['--conditions=@taper/source', script, file, ISSUER, jwk],
  });
  const client = await connectClient(transport, revision);
  return {
    name: `stdio, revision ${revision}`,
    client,
    executions: () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    async close() {
      await client.close();
      rmSync(folder, { recursive: true });
    },
  };
}
