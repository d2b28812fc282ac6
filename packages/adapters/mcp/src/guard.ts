import { TaperError } from '@taper/core';
import type { EnforcementPoint } from '@taper/enforce';
import type { ApprovalUrl } from './approval-notice.ts';
import { guardConnection } from './connection.ts';
import { guardExecution } from './execution.ts';
import { type Protocol, readServer } from './sdk.ts';

export interface GuardOptions {
  /** Request methods that are answered without a presentation, beside the handshake: for instance `resources/read`. Default none. `tools/call` and `tools/list` cannot be among them. */
  readonly open?: readonly string[];
  /** What `tools/list` shows to whom presents no chain: `granted`, nothing; `public`, every tool. Default `granted`. With a chain, always what it grants. */
  readonly listing?: 'granted' | 'public';
  /** Where approvers find an action that waits for approval. Default: the caller is told what is missing and not where. */
  readonly approvalUrl?: ApprovalUrl;
}

/** They say who is there and what the server can do. */
const OPEN_METHODS = ['initialize', 'ping', 'server/discover', 'logging/setLevel'];

const GUARDED_METHODS = ['tools/call', 'tools/list'];

const guarded = new WeakSet<Protocol>();

/**
 * Puts an enforcement point in front of an MCP server: of every tool, whether it is registered before or after,
 * updated or served by a handler of your own, over every transport. Returns the same server.
 *
 * The guard sits where messages come in. A `tools/call` reaches the server only with a permit, with the arguments that
 * were judged (frozen, the presentation taken out), and a tool of an `McpServer` runs only under such a permit, with
 * what {@link effectiveArguments} makes of them. A refused call is answered with a tool result that has `isError` and the
 * denial in its `_meta`. `tools/list` shows an agent what its chain lets it call. Every other request that is not open is
 * answered as an unknown method.
 *
 * Make the enforcement point once, outside of a factory that makes a server for each request: it remembers used proofs.
 *
 * @throws {TaperError} `option_invalid` when the server is connected or guarded already, or is of an SDK that the guard does not know.
 */
export function guardServer<Guarded extends object>(
  server: Guarded,
  point: EnforcementPoint,
  options: GuardOptions = {},
): Guarded {
  for (const ability of ['authorize', 'conclude', 'inspect'] as const) {
    if (typeof point?.[ability] !== 'function')
      throw new TaperError('option_invalid', 'A guard needs an enforcement point.');
  }
  const { protocol, tools } = readServer(server);
  if (guarded.has(protocol))
    throw new TaperError('option_invalid', 'This MCP server has a guard already.');
  if (protocol.transport !== undefined) {
    throw new TaperError('option_invalid', 'This MCP server is connected already.', {
      hint: 'Call guardTools before connect.',
    });
  }
  const closed = GUARDED_METHODS.find((method) => options.open?.includes(method));
  if (closed !== undefined) {
    throw new TaperError('option_invalid', `\`${closed}\` cannot be open on a guarded server.`, {
      hint: 'To show all tools to everybody, pass `listing: "public"`.',
    });
  }
  const { listing = 'granted' } = options;
  if (listing !== 'granted' && listing !== 'public')
    throw new TaperError('option_invalid', '`listing` is "granted" or "public".');

  if (tools !== undefined) guardExecution(tools);
  guarded.add(protocol);
  const connect = protocol.connect.bind(protocol);
  protocol.connect = async (transport) => {
    guardConnection(transport, {
      protocol,
      tools,
      point,
      open: new Set([...OPEN_METHODS, ...(options.open ?? [])]),
      listing,
      approvalUrl: options.approvalUrl,
    });
    await connect(transport);
  };
  return server;
}
