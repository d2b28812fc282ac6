import { TaperError } from '@taper/core';
import type { EnforcementPoint } from '@taper/enforce';
import { type ApprovalUrl, notify, requestedApproval } from './approval-notice.ts';
import { snapshotOf } from './execution.ts';
import { createInquiry, type Inquiry } from './inquiry.ts';
import { judge, permittedRequest } from './judge.ts';
import { listGranted } from './listing.ts';
import { createRun, type Run, runUnder } from './run.ts';
import type {
  Dispatch,
  Message,
  Params,
  Protocol,
  Request,
  RequestId,
  ToolServer,
  Transport,
} from './sdk.ts';
import { DENIAL_KEY, denialResult, isRecord, ownMember, PRESENTATION_KEY } from './wire.ts';

export interface Guard {
  readonly protocol: Protocol;
  readonly tools: ToolServer | undefined;
  readonly point: EnforcementPoint;
  readonly open: ReadonlySet<string>;
  readonly listing: 'granted' | 'public';
  readonly approvalUrl: ApprovalUrl | undefined;
}

const CANCELLED = 'notifications/cancelled';

/** JSON-RPC 2.0: the method does not exist, or is not available. */
const METHOD_NOT_FOUND = { code: -32601, message: 'Method not found' };

/** Present in the `_meta` of every request of revision 2026-07-28, whose results name their type. */
const PROTOCOL_VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';

/** Takes its place on both ways at the moment in which the SDK has set its own handlers and the transport starts. */
export function guardConnection(transport: Transport, guard: Guard): void {
  const { start } = transport;
  transport.start = async () => {
    transport.start = start;
    const { onmessage: dispatch, onclose } = transport;
    if (dispatch === undefined)
      throw new TaperError('option_invalid', 'The MCP server set no message handler to guard.');
    const send = transport.send.bind(transport);
    const door = createDoor(guard, transport, dispatch, send);
    transport.onmessage = door.receive;
    transport.send = async (message, options) => {
      const outgoing = door.release(message);
      if (outgoing !== undefined) await send(outgoing, options);
    };
    transport.onclose = () => {
      door.close();
      onclose?.();
    };
    await transport.start();
  };
}

interface Door {
  readonly receive: Dispatch;
  /** What becomes of a message of the server: it goes out, changed perhaps, or not at all. */
  release(message: Message): Message | undefined;
  close(): void;
}

/** One call that is being judged or answered. */
interface Pending {
  readonly id: RequestId;
  cancelled: boolean;
  run: Run | undefined;
}

function createDoor(
  guard: Guard,
  transport: Transport,
  dispatch: Dispatch,
  send: Transport['send'],
): Door {
  const { protocol, tools, point, open, listing, approvalUrl } = guard;
  const inquiry: Inquiry = createInquiry(dispatch);
  const pending = new Set<Pending>();
  const report = (error: unknown): void => protocol.onerror?.(error as Error);
  const hasGone = (): boolean => protocol.transport !== transport;

  function answer({ id, params }: Request, result: Params): void {
    const isTyped = ownMember(params?.['_meta'], PROTOCOL_VERSION_KEY) !== undefined;
    const typed = isTyped ? { resultType: 'complete', ...result } : result;
    send({ jsonrpc: '2.0', id, result: typed }).catch(report);
  }

  function answerError({ id }: Request, error: NonNullable<Message['error']>): void {
    send({ jsonrpc: '2.0', id, error }).catch(report);
  }

  async function call(request: Request, extra: unknown): Promise<void> {
    const entry: Pending = { id: request.id, cancelled: false, run: undefined };
    pending.add(entry);
    const snapshot = snapshotOf(tools, request.params?.['name']);
    const decision = await judge(request, extra, {
      point,
      inquiry,
      hasUniqueNames: tools !== undefined,
    });
    if (decision.verdict === 'permit') {
      const run = createRun(point, protocol, decision, snapshot);
      entry.run = run;
      if (!entry.cancelled && !hasGone())
        return runUnder(run, () => dispatch(permittedRequest(request, decision), extra));
      run.refuse();
    }
    pending.delete(entry);
    if (decision.verdict === 'permit' || entry.cancelled || hasGone()) return; // whoever called has gone
    if (decision.verdict === 'deny') return answer(request, denialResult(decision.denial));
    const approval = requestedApproval(decision, approvalUrl);
    answer(request, notify(approval, request, protocol) ?? denialResult(decision.denial, approval));
  }

  async function list(request: Request, extra: unknown): Promise<void> {
    const { result, error } = await listGranted(request, extra, point, inquiry);
    if (hasGone()) return;
    if (result !== undefined) answer(request, result);
    else if (error !== undefined) answerError(request, error);
  }

  function receive(message: Message, extra?: unknown): void {
    if (message.method === undefined) dispatch(message, extra);
    else if (message.id === undefined) receiveNotification(message, extra);
    else receiveRequest(message as Request, extra);
  }

  function receiveNotification(message: Message, extra: unknown): void {
    const { method, params } = message;
    if (method === CANCELLED && cancel(ownMember(params, 'requestId'))) return;
    if (method?.startsWith('notifications/')) dispatch(message, extra);
  }

  function receiveRequest(request: Request, extra: unknown): void {
    const { method, params } = request;
    const presents = ownMember(params?.['_meta'], PRESENTATION_KEY) !== undefined;
    if (method === 'tools/call') call(request, extra).catch(report);
    else if (method === 'tools/list' && (presents || listing === 'granted'))
      list(request, extra).catch(report);
    else if (method === 'tools/list' || open.has(method)) dispatch(request, extra);
    else answerError(request, METHOD_NOT_FOUND);
  }

  /** Whether only the guard knows the cancelled call yet. */
  function cancel(requestId: unknown): boolean {
    let isJudged = false;
    for (const entry of pending) {
      if (entry.id !== requestId) continue;
      entry.cancelled = true;
      if (entry.run === undefined) isJudged = true;
      else end(entry)?.abandon();
    }
    return isJudged;
  }

  function end(entry: Pending): Run | undefined {
    pending.delete(entry);
    return entry.run;
  }

  return {
    receive,
    release(message) {
      if (message.method !== undefined || message.id === undefined) return message;
      if (inquiry.receive(message)) return undefined;
      const entry = [...pending].find(({ id, run }) => id === message.id && run !== undefined);
      const run = entry && end(entry);
      if (run === undefined) return message;
      const { result } = message;
      const isPartial = ownMember(result, 'resultType') === 'input_required';
      run.answered(result === undefined || ownMember(result, 'isError') === true || isPartial);
      return run.hasRefused ? message : withoutDenial(message);
    },
    close() {
      inquiry.close();
      for (const entry of [...pending]) if (entry.run !== undefined) end(entry)?.abandon();
    },
  };
}

/** A denial is the guard's to give: a tool that ran cannot say that it was refused. */
function withoutDenial(message: Message): Message {
  const meta = ownMember(message.result, '_meta');
  if (!isRecord(meta) || !Object.hasOwn(meta, DENIAL_KEY)) return message;
  const { [DENIAL_KEY]: _denial, ...rest } = meta;
  return { ...message, result: { ...message.result, _meta: rest } };
}
