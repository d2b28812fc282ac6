import { AsyncLocalStorage } from 'node:async_hooks';
import type {
  JSONRPCMessage,
  JSONRPCRequest,
  McpServer,
  MessageExtraInfo,
  Server,
  Transport,
} from '@modelcontextprotocol/server';
import {
  DENIALS,
  type Denial,
  denial,
  type JsonObject,
  type Permit,
  TaperError,
} from '@taper/core';
import type { EnforcementPoint } from '@taper/enforce';
import { effectiveArguments } from './effective-arguments.ts';
import { type DenialResult, denialResult, isRecord, ownMember, PRESENTATION_KEY } from './wire.ts';

export interface GuardOptions {
  /** Request methods that are answered without a presentation, beside the handshake and `tools/list`: for instance `resources/read`. Default none. `tools/call` cannot be among them. */
  readonly open?: readonly string[];
}

/** They say who is there and what is on offer; names are no authority. */
const OPEN_METHODS = ['initialize', 'ping', 'server/discover', 'tools/list', 'logging/setLevel'];

const CANCELLED = 'notifications/cancelled';

/** JSON-RPC 2.0: the method does not exist, or is not available. */
const METHOD_NOT_FOUND = -32601;

/** Present in the `_meta` of every request of revision 2026-07-28, whose results name their type. */
const PROTOCOL_VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';

type Dispatch = NonNullable<Transport['onmessage']>;

/** The permit under which code runs, and for which server it was given. */
const running = new AsyncLocalStorage<{ readonly protocol: Server; readonly permit: Permit }>();
const guarded = new WeakSet<Server>();

/**
 * Puts an enforcement point in front of an MCP server: of every tool, whether it is registered before or after,
 * updated or served by a handler of your own, over every transport. Returns the same server.
 *
 * The guard sits where messages come in. A `tools/call` reaches the server only with a permit, with the arguments that
 * were judged (frozen, the presentation taken out), and a tool of an `McpServer` runs only under such a permit, with
 * what {@link effectiveArguments} makes of them. A refused call is answered with a tool result that has `isError` and the
 * denial in its `_meta`. Every other request that is not open is answered as an unknown method.
 *
 * Make the enforcement point once, outside of a factory that makes a server for each request: it remembers used proofs.
 *
 * @throws {TaperError} `option_invalid` when the server is connected or guarded already, or is of an SDK that the guard does not know.
 */
export function guardTools<Guarded extends McpServer | Server>(
  server: Guarded,
  point: EnforcementPoint,
  options: GuardOptions = {},
): Guarded {
  const protocol: Server = 'server' in server ? server.server : server;
  if (typeof point?.authorize !== 'function')
    throw new TaperError('option_invalid', 'A guard needs an enforcement point.');
  if (guarded.has(protocol))
    throw new TaperError('option_invalid', 'This MCP server has a guard already.');
  if (protocol.transport !== undefined) {
    throw new TaperError('option_invalid', 'This MCP server is connected already.', {
      hint: 'Call guardTools before connect.',
    });
  }
  if (options.open?.includes('tools/call'))
    throw new TaperError('option_invalid', '`tools/call` cannot be open on a guarded server.');
  if ('server' in server) guardExecution(server, protocol);
  guarded.add(protocol);

  const open = new Set([...OPEN_METHODS, ...(options.open ?? [])]);
  const connect = protocol.connect.bind(protocol);
  protocol.connect = async (transport: Transport): Promise<void> => {
    const judging = new Set<{ readonly id: unknown; cancelled: boolean }>();
    intercept(transport, (message, extra, dispatch) => {
      if (!('method' in message)) return dispatch(message, extra);
      if (!('id' in message)) {
        // The server does not know a call yet that is still being judged.
        const requestId = ownMember(message.params, 'requestId');
        const cancelled = [...judging].filter(
          ({ id }) => message.method === CANCELLED && id === requestId,
        );
        for (const call of cancelled) call.cancelled = true;
        if (cancelled.length > 0) return;
        if (message.method.startsWith('notifications/')) dispatch(message, extra);
        return;
      }
      if (message.method !== 'tools/call') {
        if (open.has(message.method)) return dispatch(message, extra);
        return answer(protocol, transport, message, {
          error: { code: METHOD_NOT_FOUND, message: 'Method not found' },
        });
      }
      const call = { id: message.id, cancelled: false };
      judging.add(call);
      judge(message, point)
        .then((decision) => {
          judging.delete(call);
          if (call.cancelled || protocol.transport !== transport) return; // whoever called has gone
          if ('denial' in decision) {
            answer(protocol, transport, message, { result: denialResult(decision.denial) });
          } else {
            const permit = { protocol, permit: decision };
            running.run(permit, dispatch, permitted(message, decision), extra);
          }
        })
        .catch((error: unknown) => protocol.onerror?.(error as Error));
    });
    await connect(transport);
  };
  return server;
}

/**
 * The permit under which the calling tool runs: who asked, under which chain. Undefined outside of a guarded tool call.
 * It says that the call was permitted when it began: work that a tool leaves behind still sees it, also after its expiry.
 */
export function currentPermit(): Permit | undefined {
  return running.getStore()?.permit;
}

/** Takes the place of the message handler at the moment in which the SDK has set its own and the transport starts. */
function intercept(
  transport: Transport,
  receive: (message: JSONRPCMessage, extra: MessageExtraInfo | undefined, next: Dispatch) => void,
): void {
  const { start } = transport;
  transport.start = async () => {
    transport.start = start;
    const dispatch = transport.onmessage;
    if (dispatch === undefined)
      throw new TaperError('option_invalid', 'The MCP server set no message handler to guard.');
    transport.onmessage = (message, extra) => receive(message, extra, dispatch);
    await transport.start();
  };
}

async function judge(
  { params }: JSONRPCRequest,
  point: EnforcementPoint,
): Promise<Permit | { readonly denial: Denial }> {
  const { name, arguments: args = {}, _meta: meta, ...unsigned } = params ?? {};
  const tool = typeof name === 'string' ? name : '';
  const [argument] = Object.keys(unsigned);
  // answers to elicitations, task requests: no proof covers them
  if (argument !== undefined)
    return { denial: denial('argument_unexpected', { step: '6b' }, { tool, argument }) };
  if (!isRecord(args))
    return {
      denial: denial('arguments_malformed', { step: '6b' }, { tool, reason: 'not_an_object' }),
    };
  try {
    const presentation = ownMember(meta, PRESENTATION_KEY);
    const decision = await point.authorize(presentation, tool, args as JsonObject);
    if (decision.verdict === 'permit' || decision.denial.code in DENIALS) return decision;
  } catch {
    // an enforcement point that breaks its promise never to reject
  }
  return { denial: denial('internal_error') };
}

/** The request as the server gets it: what was judged, without the presentation. */
function permitted({ id, params }: JSONRPCRequest, { tool, args }: Permit): JSONRPCRequest {
  const { [PRESENTATION_KEY]: _, ...meta } = params?._meta ?? {};
  return {
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: tool, arguments: args, _meta: meta },
  };
}

function answer(
  protocol: Server,
  transport: Transport,
  { id, params }: JSONRPCRequest,
  reply: { result: DenialResult } | { error: { code: number; message: string } },
): void {
  const typed = ownMember(params?._meta, PROTOCOL_VERSION_KEY) !== undefined;
  const message: JSONRPCMessage =
    'error' in reply
      ? { jsonrpc: '2.0', id, ...reply }
      : {
          jsonrpc: '2.0',
          id,
          result: { ...reply.result, ...(typed ? { resultType: 'complete' } : {}) },
        };
  transport.send(message).catch((error: unknown) => protocol.onerror?.(error as Error));
}

/** The part of `McpServer` through which every tool runs after its schema was applied. Not public: its absence is an error, never a hole. */
interface ToolExecution {
  readonly _registeredTools: { readonly [name: string]: unknown };
  executeToolHandler(tool: unknown, args: unknown, context: unknown): Promise<unknown>;
}

function guardExecution(server: McpServer, protocol: Server): void {
  const execution = server as unknown as ToolExecution;
  if (
    typeof execution.executeToolHandler !== 'function' ||
    typeof execution._registeredTools !== 'object'
  ) {
    throw new TaperError(
      'option_invalid',
      'This version of the MCP SDK runs tools in a way that the guard does not know.',
      {
        hint: 'Use @modelcontextprotocol/server 2.4.',
      },
    );
  }
  const execute = execution.executeToolHandler.bind(server);
  execution.executeToolHandler = async (tool, parsed, context) => {
    const store = running.getStore();
    // A tool that runs another one does so under no permit for that one.
    const named =
      store === undefined ? undefined : ownMember(execution._registeredTools, store.permit.tool);
    if (store?.protocol !== protocol || named !== tool)
      return denialResult(denial('presentation_missing', { step: '1' }));
    const effective = effectiveArguments(store.permit, parsed);
    if ('denial' in effective) return denialResult(effective.denial);
    return execute(tool, parsed === undefined ? undefined : effective.args, context);
  };
}
