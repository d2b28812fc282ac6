import { TaperError } from '@taper/core';

/** Milliseconds for which lines are sent: as long as a follower waits for them. */
const LONGEST = 300_000;

/** Lines in one piece of the answer. */
const PIECE = 1000;

const UTF8 = new TextEncoder();

/** Lines that are made when they are sent. */
export interface LineList {
  readonly length: number;
  /** Without the line end. */
  at(index: number): string;
}

/**
 * A first line and those after it, piece by piece. Who reads too slowly is cut off, so that nobody keeps an old list in memory.
 * @param onEnd is called once, when all is read, given up or cut off.
 */
export function streamLines(
  first: string,
  lines: LineList,
  onEnd: () => void,
): ReadableStream<Uint8Array> {
  let rest: LineList | undefined = lines;
  let next = -1;
  let late: ReturnType<typeof setTimeout> | undefined;
  const end = (): void => {
    if (rest === undefined) return;
    rest = undefined;
    clearTimeout(late);
    onEnd();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        late = setTimeout(() => {
          end();
          controller.error(new TaperError('log_unavailable', 'The snapshot was read too slowly.'));
        }, LONGEST);
        late.unref?.();
      },
      pull(controller) {
        if (rest === undefined) return;
        if (next < 0) {
          controller.enqueue(UTF8.encode(`${first}\n`));
          next = 0;
        } else if (next < rest.length) {
          const to = Math.min(next + PIECE, rest.length);
          let piece = '';
          for (let index = next; index < to; index += 1) piece += `${rest.at(index)}\n`;
          controller.enqueue(UTF8.encode(piece));
          next = to;
        } else {
          end();
          controller.close();
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}
