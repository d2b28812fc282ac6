import { TaperError } from '@taper/core';
import { isRecord } from './wire.ts';

// The parts of the MCP SDK that the guard touches. They are alike in its packages of version 2 and in version 1, so that
// one guard serves both; whatever of it is not public is looked for before it is relied on.

export type RequestId = string | number;

export interface Params {
  readonly [name: string]: unknown;
}

/** A JSON-RPC message of any kind, as a transport hands it over. Its parts are unread. */
export interface Message {
  readonly jsonrpc: '2.0';
  readonly id?: RequestId;
  readonly method?: string;
  readonly params?: Params | undefined;
  readonly result?: Params;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

export interface Request extends Message {
  readonly id: RequestId;
  readonly method: string;
}

export type Dispatch = (message: Message, extra?: unknown) => void;

export interface Transport {
  onmessage?: Dispatch | undefined;
  onclose?: (() => void) | undefined;
  start(): Promise<void>;
  send(message: Message, options?: unknown): Promise<void>;
}

/** The SDK's `Server`. */
export interface Protocol {
  readonly transport?: Transport | undefined;
  connect(transport: Transport): Promise<void>;
  onerror?: ((error: Error) => void) | undefined;
  getClientCapabilities(): { readonly elicitation?: { readonly url?: unknown } } | undefined;
  elicitInput(params: Params, options: Params): Promise<unknown>;
}

/** A tool as `McpServer` keeps it. */
export interface RegisteredTool {
  readonly description?: string | undefined;
  readonly inputSchema?: unknown;
}

/** The part of the SDK's `McpServer` through which every tool runs. Not public: its absence is an error, never a hole. */
export interface ToolServer {
  readonly server: Protocol;
  readonly _registeredTools: { readonly [name: string]: RegisteredTool | undefined };
  validateToolInput(tool: RegisteredTool, args: unknown, name: string): Promise<unknown>;
  executeToolHandler(tool: RegisteredTool, args: unknown, context: unknown): Promise<unknown>;
  /** Version 1 only: runs a tool as a task and waits for it, past `executeToolHandler`. */
  handleAutomaticTaskPolling?(...call: readonly unknown[]): Promise<unknown>;
}

/** @throws {TaperError} `option_invalid` for what the guard does not know how to guard. */
export function readServer(server: unknown): {
  readonly protocol: Protocol;
  readonly tools: ToolServer | undefined;
} {
  const outer = server as Partial<ToolServer> & Partial<Protocol>;
  const protocol = outer?.server ?? outer;
  if (typeof protocol?.connect !== 'function')
    throw new TaperError('option_invalid', 'This is no MCP server.');
  if (outer.server === undefined) return { protocol: protocol as Protocol, tools: undefined };
  if (
    typeof outer.executeToolHandler !== 'function' ||
    typeof outer.validateToolInput !== 'function' ||
    !isRecord(outer._registeredTools)
  ) {
    throw new TaperError(
      'option_invalid',
      'This version of the MCP SDK runs tools in a way that the guard does not know.',
      { hint: 'Use @modelcontextprotocol/server 2.4, or @modelcontextprotocol/sdk 1.32.' },
    );
  }
  return { protocol: outer.server, tools: outer as ToolServer };
}
