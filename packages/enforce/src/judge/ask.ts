/** How long a port is waited for, and who hears of it when it fails. */
export interface Patience {
  readonly milliseconds: number;
  readonly failed: (what: 'threw' | 'late' | 'malformed', cause?: unknown) => void;
}

/**
 * What a port answers, or `undefined` when it throws, rejects, is late, or answers what its contract does not know.
 * Nobody knows then whether its state has changed. A port that answers at once is answered at once.
 *
 * @param read takes what is needed from an answer, each part once: the port may go on changing what it gave, and give it to others.
 */
export function ask<Answer>(
  question: () => unknown,
  read: (value: unknown) => Answer | undefined,
  patience: Patience,
): Answer | undefined | Promise<Answer | undefined> {
  try {
    const given = question();
    return isThenable(given) ? settle(given, read, patience) : understood(given, read, patience);
  } catch (cause) {
    patience.failed('threw', cause);
    return undefined;
  }
}

const LATE = Symbol('late');

async function settle<Answer>(
  pending: unknown,
  read: (value: unknown) => Answer | undefined,
  patience: Patience,
): Promise<Answer | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<typeof LATE>((resolve) => {
      timer = setTimeout(resolve, patience.milliseconds, LATE);
    });
    const given = await Promise.race([pending, late]);
    if (given !== LATE) return understood(given, read, patience);
    patience.failed('late');
    return undefined;
  } catch (cause) {
    patience.failed('threw', cause);
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function understood<Answer>(
  given: unknown,
  read: (value: unknown) => Answer | undefined,
  patience: Patience,
): Answer | undefined {
  const answer = read(given);
  if (answer === undefined && read !== nothing) patience.failed('malformed');
  return answer;
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
