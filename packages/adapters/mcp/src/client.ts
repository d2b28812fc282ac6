import type {
  CallToolRequestParams,
  CallToolResult,
  Client,
  Tool,
} from '@modelcontextprotocol/client';
import type { JsonObject } from '@taper/core';
import {
  createPresentationMaker,
  type PresentationMeta,
  type PresenterOptions,
  type ToolCall,
} from './presenter.ts';

/** Presents one chain, with a fresh proof for every call. */
export interface Presenter {
  /**
   * The `_meta` members for one call: good for this tool with these arguments, once, within the proof window.
   * @throws {RefusedError} when the chain does not allow the call; nothing has been sent then.
   */
  metaFor(tool: string, args: JsonObject): Promise<PresentationMeta>;
  /**
   * Calls the tool through an ordinary MCP client. A refusal by the server is a result with `isError`; see `deniedCall`.
   * It calls once: what to do about a refusal is the caller's to decide.
   * @throws {RefusedError} as `metaFor`, or when the server does not show the definition that was pinned, and what the client throws.
   */
  callTool(
    client: Client,
    call: ToolCall<CallToolRequestParams['_meta']>,
    options?: Parameters<Client['callTool']>[1],
  ): Promise<CallToolResult>;
  /** The tools that the server shows to whom presents this chain, all pages, never from a cache. */
  listTools(client: Client): Promise<readonly Tool[]>;
}

/** Makes a presenter. It holds no key: the signer does. */
export function createPresenter(options: PresenterOptions): Presenter {
  const maker = createPresentationMaker(options);
  const listTools = async (client: Client): Promise<readonly Tool[]> =>
    (await client.listTools({ _meta: { ...(await maker.forListing()) } }, { cacheMode: 'refresh' }))
      .tools;
  return Object.freeze<Presenter>({
    metaFor: (tool, args) => maker.forCall(tool, args),
    listTools,
    async callTool(client, { name, arguments: given = {}, approvals, _meta }, requestOptions) {
      const args = structuredClone(given); // what is signed is what is sent, whatever the caller does meanwhile
      await maker.checkPin(name, () => listTools(client));
      const meta = { ..._meta, ...(await maker.forCall(name, args, approvals)) };
      return client.callTool({ name, arguments: args, _meta: meta }, requestOptions);
    },
  });
}
