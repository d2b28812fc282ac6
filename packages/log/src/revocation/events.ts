import { HEADERS, refuse } from './answer.ts';
import type { RevocationFeed } from './feed.ts';
import { readIndex } from './tail.ts';

export interface EventOptions {
  /** Milliseconds of silence after which a comment is sent. */
  readonly heartbeat: number;
  /** Milliseconds after which a connection is closed; who follows comes back. */
  readonly longest: number;
}

/**
 * `GET events?from=`: everything that comes into the log, as it comes (spec/revocation.md section 9.3). A connection is a place in the feed
 * and nothing else: nothing is queued for one that reads slowly, it gets the same entries later in fewer pieces.
 *
 * @param onEnd is called once, when the connection is over.
 */
export function answerEvents(
  feed: RevocationFeed,
  request: Request,
  options: EventOptions,
  onEnd: () => void,
): Response {
  const url = new URL(request.url);
  const last = request.headers.get('last-event-id');
  const asked = last ?? url.searchParams.get('from');
  const from = asked === null ? feed.end : readIndex(asked);
  if (from === undefined || from > feed.end) {
    onEnd();
    if (from === undefined) return refuse(400, 'from_invalid');
    const { checkpoint } = feed;
    return refuse(409, 'tail_ahead', checkpoint && { checkpoint: checkpoint.note });
  }
  const body = new ReadableStream<Uint8Array>(createSource(feed, from, options, onEnd), {
    highWaterMark: 0,
  });
  return new Response(body, { headers: { ...HEADERS, 'Content-Type': 'text/event-stream' } });
}

/** Bytes of entries in one event: what a connection that reads slowly takes of memory. */
const PUSHED_BYTES = 131_072;

interface EventSource {
  start(controller: ReadableStreamDefaultController<Uint8Array>): void;
  pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void>;
  cancel(): void;
}

function createSource(
  feed: RevocationFeed,
  from: number,
  { heartbeat, longest }: EventOptions,
  onEnd: () => void,
): EventSource {
  let place = from;
  let sent: string | undefined;
  let isOpen = true;
  let wake: () => void = () => {};
  const unwatch = feed.watch(() => wake());
  const end = (): void => {
    if (!isOpen) return;
    isOpen = false;
    clearTimeout(timer);
    unwatch();
    wake();
    onEnd();
  };
  let timer: ReturnType<typeof setTimeout> | undefined;

  function finish(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const wasOpen = isOpen;
    end();
    if (wasOpen) controller.close();
  }

  async function next(): Promise<string | undefined> {
    while (isOpen) {
      if (place < feed.end) {
        const { entries } = await feed.read(place, feed.end, PUSHED_BYTES);
        if (entries.length === 0) return undefined;
        const event = { from: place, entries };
        place += entries.length;
        return eventText('entries', place, event);
      }
      const { checkpoint } = feed;
      if (checkpoint !== undefined && checkpoint.note !== sent && checkpoint.size <= place) {
        sent = checkpoint.note;
        return eventText('checkpoint', place, { checkpoint: sent });
      }
      if (!(await change())) return isOpen ? ':\n\n' : undefined;
    }
    return undefined;
  }

  /** Whether something came before it was time for a sign of life. */
  function change(): Promise<boolean> {
    return new Promise((resolve) => {
      const silence = setTimeout(() => resolve(false), heartbeat);
      wake = () => {
        clearTimeout(silence);
        resolve(isOpen);
      };
    });
  }

  return {
    start(controller) {
      // Also for one that does not read.
      timer = setTimeout(() => finish(controller), longest);
      timer.unref?.();
    },
    async pull(controller) {
      let text: string | undefined;
      try {
        text = await next();
      } catch {
        // Whoever follows comes back, and reads the tail.
      }
      if (text === undefined) finish(controller);
      else if (isOpen) controller.enqueue(UTF8.encode(text));
    },
    cancel: end,
  };
}

const UTF8 = new TextEncoder();

/** JSON has no line end in it. */
function eventText(event: string, id: number, data: object): string {
  return `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}
