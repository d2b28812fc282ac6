import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  localhostHostValidation,
  localhostOriginValidation,
  NodeStreamableHTTPServerTransport,
} from '@modelcontextprotocol/node';
import type { EventStore, JSONRPCMessage, McpServer } from '@modelcontextprotocol/server';

export interface Running {
  readonly url: URL;
  close(): Promise<void>;
}

/** Streamable HTTP with sessions on loopback: a server and a transport for each session, streams that can be resumed. */
export async function serveSessions(create: () => McpServer): Promise<Running> {
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>();
  const servers = new Set<McpServer>();
  async function open(): Promise<NodeStreamableHTTPServerTransport> {
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      eventStore: createEventStore(),
      retryInterval: 500,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    });
    const server = create();
    servers.add(server);
    await server.connect(transport);
    return transport;
  }
  const running = await listen(async (request, response) => {
    const id = request.headers['mcp-session-id'];
    const transport = typeof id === 'string' ? sessions.get(id) : await open();
    if (transport === undefined) response.writeHead(404).end();
    else await transport.handleRequest(request, response);
  });
  return {
    url: running.url,
    async close() {
      for (const server of servers) await server.close();
      await running.close();
    },
  };
}

/** An HTTP server on loopback that answers nothing but requests for loopback from loopback. */
export async function listen(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<Running> {
  const [validHost, validOrigin] = [localhostHostValidation(), localhostOriginValidation()];
  const server = createServer((request, response) => {
    if (!validHost(request, response) || !validOrigin(request, response)) return;
    handle(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/mcp`),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function createEventStore(): EventStore {
  const events: {
    readonly id: string;
    readonly stream: string;
    readonly message: JSONRPCMessage;
  }[] = [];
  return {
    async storeEvent(stream, message) {
      const id = `${stream}/${events.length}`;
      events.push({ id, stream, message });
      return id;
    },
    async replayEventsAfter(last, { send }) {
      const [stream = '', index = ''] = last.split('/');
      for (const event of events.slice(Number(index) + 1))
        if (event.stream === stream) await send(event.id, event.message);
      return stream;
    },
  };
}
