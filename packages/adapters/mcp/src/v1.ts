import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { CallToolRequest, CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js';
import type { JsonObject } from '@taper/core';
import type { EnforcementPoint } from '@taper/enforce';
import { type GuardOptions, guardServer } from './guard.ts';
import {
  createPresentationMaker,
  type PresentationMeta,
  type PresenterOptions,
  type ToolCall,
} from './presenter.ts';

export type { ApprovalUrl } from './approval-notice.ts';
export { definitionsOf, type ListedTool } from './definitions.ts';
export type { GuardOptions } from './guard.ts';
export type { Holding, PresentationMeta, PresenterOptions, ToolCall } from './presenter.ts';
export { currentPermit } from './run.ts';
export {
  DENIAL_KEY,
  type DeniedCall,
  deniedCall,
  PRESENTATION_KEY,
  type RequestedApproval,
} from './wire.ts';

/**
 * {@link guardServer} for version 1 of the MCP SDK. Tools that were registered as tasks are refused: what becomes of
 * them is read with another request, which no proof covers.
 */
export function guardTools<Guarded extends McpServer | Server>(
  server: Guarded,
  point: EnforcementPoint,
  options: GuardOptions = {},
): Guarded {
  return guardServer(server, point, options);
}

/** As the presenter for version 2. */
export interface Presenter {
  metaFor(tool: string, args: JsonObject): Promise<PresentationMeta>;
  callTool(
    client: Client,
    call: ToolCall<CallToolRequest['params']['_meta']>,
    options?: Parameters<Client['callTool']>[2],
  ): Promise<CallToolResult>;
  listTools(client: Client): Promise<readonly Tool[]>;
}

/** Pages of one listing that are read. */
const MAX_PAGES = 64;

/** Makes a presenter for clients of version 1. It holds no key: the signer does. */
export function createPresenter(options: PresenterOptions): Presenter {
  const maker = createPresentationMaker(options);
  async function listTools(client: Client): Promise<readonly Tool[]> {
    const tools: Tool[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const params = {
        ...(cursor === undefined ? {} : { cursor }),
        _meta: { ...(await maker.forListing()) },
      };
      const result = await client.listTools(params);
      tools.push(...result.tools);
      cursor = result.nextCursor;
      if (cursor === undefined) break;
    }
    return tools;
  }
  return Object.freeze<Presenter>({
    metaFor: (tool, args) => maker.forCall(tool, args),
    listTools,
    async callTool(client, { name, arguments: given = {}, approvals, _meta }, requestOptions) {
      const args = structuredClone(given); // what is signed is what is sent, whatever the caller does meanwhile
      await maker.checkPin(name, () => listTools(client));
      const meta = { ..._meta, ...(await maker.forCall(name, args, approvals)) };
      const params = { name, arguments: args, _meta: meta };
      return (await client.callTool(params, undefined, requestOptions)) as CallToolResult;
    },
  });
}
