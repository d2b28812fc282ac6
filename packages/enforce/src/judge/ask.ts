/**
 * What a port answers, or `undefined` when it throws, rejects, is late, or answers what its contract does not know.
 * Nobody knows then whether its state has changed. A port that answers at once is answered at once.
 *
 * @param read takes what is needed from an answer, each part once: the port may go on changing what it gave, and give it to others.
 */
export function ask<Answer>(
  question: () => unknown,
  read: (value: unknown) => Answer | undefined,
  milliseconds: number,
): Answer | undefined | Promise<Answer | undefined> {
  try {
    const given = question();
    return isThenable(given) ? settle(given, read, milliseconds) : read(given);
  } catch {
    return undefined;
  }
}

async function settle<Answer>(
  pending: unknown,
  read: (value: unknown) => Answer | undefined,
  milliseconds: number,
): Promise<Answer | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, milliseconds, undefined);
    });
    return read(await Promise.race([pending, late]));
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** The members of an answer that is an object; of anything else, none. */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Reads an answer that is one of these words. */
export function oneOf<Word extends string>(
  ...words: readonly Word[]
): (value: unknown) => Word | undefined {
  return (value) => words.find((word) => word === value);
}

/** For a port that answers nothing, or whose answer makes no difference. */
export function nothing(): undefined {
  return undefined;
}
