import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
  request as send,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '@taper/core';
import { PRESENTATION_KEY } from '@taper/mcp';
import { type ChainOptions, createChain, present } from '../agents.ts';
import type { Running } from './serve.ts';

interface Posted {
  readonly method?: string;
  readonly params?: {
    readonly name?: string;
    readonly arguments?: JsonObject;
    readonly _meta?: JsonObject;
  };
}

/**
 * Stands where an agent stands: the suite knows nothing of chains, so that this passes its requests on and adds to each
 * `tools/call` and `tools/list` what an agent would present. Everything else, headers and streams both ways, passes as it is.
 */
export async function servePresenting(target: URL, tools: ChainOptions['tools']): Promise<Running> {
  const chain = await createChain(tools === undefined ? {} : { tools, rootTools: tools });
  const aat_chain = chain.tokens.map(({ compact }) => compact);

  async function presentationFor({ method, params }: Posted): Promise<object | undefined> {
    if (method === 'tools/list') return { aat_chain };
    if (method !== 'tools/call') return undefined;
    try {
      return await present(chain, params?.name ?? '', params?.arguments ?? {});
    } catch {
      return undefined; // the chain does not allow it
    }
  }

  async function withPresentation(text: string): Promise<string> {
    let posted: Posted;
    try {
      posted = JSON.parse(text) as Posted;
    } catch {
      return text;
    }
    const presentation = await presentationFor(posted);
    if (presentation === undefined) return text;
    const _meta = { ...posted.params?._meta, [PRESENTATION_KEY]: presentation };
    return JSON.stringify({ ...posted, params: { ...posted.params, _meta } });
  }

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = await withPresentation(Buffer.concat(chunks).toString());
    const { 'content-length': _, ...headers } = request.headers;
    const onward = send(target, {
      method: request.method,
      headers: {
        ...headers,
        ...(body === '' ? {} : { 'content-length': Buffer.byteLength(body) }),
      },
    });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    onward.end(body);
  }

  const server = createServer((request, response) => {
    pass(request, response).catch(() => response.destroy());
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
