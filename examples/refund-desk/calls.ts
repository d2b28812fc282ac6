import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { RefusedError } from '@taper/core';
import { deniedProblem } from '@taper/http';
import { deniedCall, PRESENTATION_KEY } from '@taper/mcp';
import type { Arguments, Presentation } from './attacker.ts';

/** A tool call that somebody makes. */
export interface Call {
  readonly tool: string;
  readonly args: Arguments;
}

/** A call with what was signed for it, as an eavesdropper sees it. */
export interface SignedCall extends Call {
  readonly presentation: Presentation;
}

/** How a call ended. */
export interface Outcome {
  /** `permitted`, or the code of the denial. */
  readonly code: string;
  /** Who refused: the server, the authority, or the caller's own toolkit before anything was sent. */
  readonly refusedBy?: 'server' | 'authority' | 'toolkit';
  readonly argument?: string;
  readonly hop?: number;
  readonly step?: string;
  /** Where somebody can approve it, if somebody has to. */
  readonly approvalUrl?: string;
  /** What the tool answered. */
  readonly data?: unknown;
}

type McpResult = Awaited<ReturnType<Client['callTool']>>;

/** An ordinary MCP client, connected. */
export async function connect(server: string): Promise<Client> {
  const client = new Client(
    { name: 'agent', version: '1.0.0' },
    { versionNegotiation: { mode: 'auto' } },
  );
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(server)));
  } catch (cause) {
    throw new Error(`The MCP server at ${server} cannot be reached.`, { cause });
  }
  return client;
}

/** Makes a call as somebody does who has no toolkit: with whatever is presented for it, to the MCP server or the payment API. */
export async function send(
  server: string,
  call: Call,
  presentation?: Presentation,
): Promise<Outcome> {
  if (!server.endsWith('/mcp')) return readResponse(post(server, call, presentation));
  const client = await connect(server);
  const _meta = presentation === undefined ? {} : { [PRESENTATION_KEY]: presentation };
  const result = client.callTool({ name: call.tool, arguments: call.args, _meta });
  try {
    return await readResult(result);
  } finally {
    await client.close();
  }
}

function post(origin: string, { tool, args }: Call, shown?: Presentation): Promise<Response> {
  const base64 = Buffer.from(JSON.stringify(shown ?? '')).toString('base64');
  const headers = shown === undefined ? {} : { 'Taper-Presentation': `:${base64}:` };
  if (tool !== 'refund_order') return fetch(`${origin}/${tool}`, { headers });
  const { order, ...body } = args;
  return fetch(`${origin}/orders/${order}/refund`, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** How a call over MCP ended. */
export async function readResult(answer: Promise<McpResult>): Promise<Outcome> {
  const result = await answer.catch((cause) => {
    throw new Error(`The MCP server does not answer any more (${cause.message}).`, { cause });
  });
  const denied = deniedCall(result);
  if (denied !== undefined) return { refusedBy: 'server', ...factsOf(denied) };
  if (result.isError === true)
    throw new Error(`The tool failed: ${JSON.stringify(result.content)}`);
  return { code: 'permitted', data: result.structuredContent };
}

/** How a request to the payment API ended. */
export async function readResponse(answer: Promise<Response>): Promise<Outcome> {
  const response = await answer.catch((cause) => {
    if (cause instanceof RefusedError) throw cause;
    throw new Error(`The payment API does not answer any more (${cause.message}).`, { cause });
  });
  const denied = await deniedProblem(response);
  if (denied !== undefined) return { refusedBy: 'server', ...factsOf(denied) };
  if (!response.ok) throw new Error(`The payment API failed: ${response.status}`);
  return { code: 'permitted', data: await response.json() };
}

/** Runs something of the toolkit; when the toolkit refuses to make what would be refused, that is the outcome. */
export async function orRefused(run: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    const { facts, ...denial } = error.denial;
    return { refusedBy: 'toolkit', ...factsOf({ ...denial, argument: facts.argument }) };
  }
}

function factsOf(denied: {
  readonly code: string;
  readonly argument?: string | undefined;
  readonly hop?: number | undefined;
  readonly step?: string | undefined;
  readonly approval?: { readonly url?: string } | undefined;
}): Outcome {
  const { code, argument, hop, step, approval } = denied;
  return {
    code,
    ...(argument === undefined ? {} : { argument }),
    ...(hop === undefined ? {} : { hop }),
    ...(step === undefined ? {} : { step }),
    ...(approval?.url === undefined ? {} : { approvalUrl: approval.url }),
  };
}
