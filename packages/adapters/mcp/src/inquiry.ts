import type { Dispatch, Message, Params, RequestId } from './sdk.ts';
import { isRecord, ownMember } from './wire.ts';

/** Milliseconds after which a server that does not answer its own guard counts as having no answer. */
const PATIENCE = 10_000;

/** Pages of one listing that are read. */
const MAX_PAGES = 64;

/** What the SDK needs to know of a request's protocol revision and client; the rest of a call's `_meta` is the call's own. */
const ENVELOPE = /^io\.modelcontextprotocol\/(?!related-task$)/;

/** Asks a guarded server, past its guard and its transport, what it would answer its client. */
export interface Inquiry {
  /** The server's answer to `tools/list`, a result or an error; silence is `undefined`. */
  list(params: Params, extra: unknown): Promise<Message | undefined>;
  /** Every tool that the server lists, as the client of this call would see it; `undefined` when it cannot be known. */
  allTools(meta: unknown, extra: unknown): Promise<readonly unknown[] | undefined>;
  /** Takes an answer that is for the guard. False for what has to go out. */
  receive(message: Message): boolean;
  close(): void;
}

export function createInquiry(dispatch: Dispatch): Inquiry {
  const waiting = new Map<RequestId, (message: Message | undefined) => void>();

  function list(params: Params, extra: unknown): Promise<Message | undefined> {
    const { promise, resolve } = Promise.withResolvers<Message | undefined>();
    const id = `taper:${crypto.randomUUID()}`; // unguessable: no client can have its answer taken for this one
    const timer = setTimeout(() => finish(undefined), PATIENCE);
    const finish = (message: Message | undefined): void => {
      clearTimeout(timer);
      waiting.delete(id);
      resolve(message);
    };
    waiting.set(id, finish);
    dispatch({ jsonrpc: '2.0', id, method: 'tools/list', params }, extra);
    return promise;
  }

  return {
    list,
    async allTools(meta, extra) {
      const envelope = Object.fromEntries(
        Object.entries(isRecord(meta) ? meta : {}).filter(([key]) => ENVELOPE.test(key)),
      );
      const found: unknown[] = [];
      let cursor: unknown;
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const params = { ...(cursor === undefined ? {} : { cursor }), _meta: envelope };
        const result = (await list(params, extra))?.result;
        const tools = ownMember(result, 'tools');
        if (!Array.isArray(tools)) return undefined;
        found.push(...tools);
        cursor = ownMember(result, 'nextCursor');
        if (cursor === undefined) return found;
      }
      return undefined;
    },
    receive(message) {
      const finish = message.id === undefined ? undefined : waiting.get(message.id);
      finish?.(message);
      return finish !== undefined;
    },
    close() {
      for (const finish of [...waiting.values()]) finish(undefined);
    },
  };
}
