import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { GuardOptions } from '@taper/mcp/v1';
import { ISSUER, issuer } from './agents.ts';
import { listen } from './conformance/serve.ts';
import type { Execution } from './desk.ts';
import { createPoint } from './links.ts';
import { createV1Desk } from './v1-desk.ts';

/** A guarded server of version 1 that really runs, and a client of version 1. */
export interface V1Link {
  readonly client: Client;
  executions(): readonly Execution[];
  close(): Promise<void>;
}

async function connectV1(transport: unknown): Promise<Client> {
  const client = new Client({ name: 'v1', version: '1.0.0' });
  await client.connect(transport as Transport);
  return client;
}

/** Streamable HTTP with sessions. */
export async function openV1Http(
  options: GuardOptions = {},
  point = createPoint(),
): Promise<V1Link> {
  const executions: Execution[] = [];
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const served = await listen(async (request, response) => {
    const id = request.headers['mcp-session-id'];
    let transport = typeof id === 'string' ? sessions.get(id) : undefined;
    if (transport === undefined) {
      const made = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (session) => void sessions.set(session, made),
      });
      const desk = createV1Desk(point, (execution) => executions.push(execution), options);
      await desk.connect(made as unknown as Transport);
      transport = made;
    }
    await transport.handleRequest(request, response);
  });
  const client = await connectV1(new StreamableHTTPClientTransport(served.url));
  return {
    client,
    executions: () => executions,
    async close() {
      await client.close();
      for (const transport of sessions.values()) await transport.close();
      await served.close();
    },
  };
}

/** stdio to a child process of its own. */
export async function openV1Stdio(): Promise<V1Link> {
  const folder = mkdtempSync(join(tmpdir(), 'taper-mcp-v1-'));
  const file = join(folder, 'executions.jsonl');
  writeFileSync(file, '');
  const script = fileURLToPath(new URL('./v1-stdio-server.ts', import.meta.url));
  const client = await connectV1(
    new StdioClientTransport({
      command: process.execPath,
      args: [
        '--conditions=@taper/source',
        script,
        file,
        ISSUER,
        JSON.stringify(issuer.publicKey.jwk),
      ],
    }),
  );
  return {
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
