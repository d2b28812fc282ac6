/**
 * What a port answers, or `undefined` when it throws, rejects, is late, or answers what its contract does not know.
 * Nobody knows then whether its state has changed. A port that answers at once is answered at once.
 */
export function ask<Answer>(
  question: () => unknown,
  isAnswer: (value: unknown) => value is Answer,
  milliseconds: number,
): Answer | undefined | Promise<Answer | undefined> {
  try {
    const given = question();
    if (isThenable(given)) return settle(given, isAnswer, milliseconds);
    return isAnswer(given) ? given : undefined;
  } catch {
    return undefined;
  }
}

async function settle<Answer>(
  pending: unknown,
  isAnswer: (value: unknown) => value is Answer,
  milliseconds: number,
): Promise<Answer | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, milliseconds, undefined);
    });
    const given = await Promise.race([pending, late]);
    return isAnswer(given) ? given : undefined;
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** Whether a port's answer is an object whose `verdict` is one of these. */
export function hasVerdict(value: unknown, verdicts: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'verdict' in value &&
    typeof value.verdict === 'string' &&
    verdicts.includes(value.verdict)
  );
}
