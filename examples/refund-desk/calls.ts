import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { RefusedError } from '@taper/core';
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
  /** Who refused: the server, or the caller's own toolkit before anything was sent. */
  readonly refusedBy?: 'server' | 'toolkit';
  readonly argument?: string;
  readonly hop?: number;
  readonly step?: string;
  /** What the tool answered. */
  readonly data?: unknown;
}

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

/** Makes a call with whatever is presented for it. */
export async function send(
  client: Client,
  { tool, args }: Call,
  presentation?: Presentation,
): Promise<Outcome> {
  const _meta = presentation === undefined ? {} : { [PRESENTATION_KEY]: presentation };
  const result = await client.callTool({ name: tool, arguments: args, _meta }).catch((cause) => {
    throw new Error(`The MCP server does not answer any more (${cause.message}).`, { cause });
  });
  const denied = deniedCall(result);
  if (denied === undefined) {
    if (result.isError === true)
      throw new Error(`The tool failed: ${JSON.stringify(result.content)}`);
    return { code: 'permitted', data: result.structuredContent };
  }
  const { hint: _, tool: __, ...facts } = denied;
  return { refusedBy: 'server', ...facts };
}

/** Runs something of the toolkit; when the toolkit refuses to make what would be refused, that is the outcome. */
export async function orRefused(run: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    const { code, hop, step, facts } = error.denial;
    return {
      code,
      refusedBy: 'toolkit',
      ...(facts.argument === undefined ? {} : { argument: facts.argument }),
      ...(hop === undefined ? {} : { hop }),
      ...(step === undefined ? {} : { step }),
    };
  }
}
