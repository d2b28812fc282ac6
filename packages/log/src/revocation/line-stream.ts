import { TaperError } from '@taper/core';

/** Milliseconds for which lines are sent: as long as a follower waits for them. */
const LONGEST = 300_000;

/** Lines in one piece of the answer. */
const PIECE = 1000;

const UTF8 = new TextEncoder();

/**
 * A first line and those after it, piece by piece. Who reads too slowly is cut off, so that nobody keeps an old list in memory.
 * @param lines without their ends; each is asked for when it is sent.
 * @param onEnd is called once, when all is read, given up or cut off.
 */
export function streamLines(
  first: string,
  lines: Iterable<string>,
  onEnd: () => void,
): ReadableStream<Uint8Array> {
  let rest: Iterator<string> | undefined = lines[Symbol.iterator]();
  let isBegun = false;
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
        const piece = isBegun ? [] : [first];
        isBegun = true;
        let isDone = false;
        try {
          while (!isDone && piece.length < PIECE) {
            const { done, value } = rest.next();
            if (done === true) isDone = true;
            else piece.push(value);
          }
        } catch (cause) {
          end();
          throw cause;
        }
        if (piece.length > 0) controller.enqueue(UTF8.encode(`${piece.join('\n')}\n`));
        if (!isDone) return;
        end();
        controller.close();
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}
