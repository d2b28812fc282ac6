import { TaperError } from '@taper/core';

/** @throws {TaperError} `log_unavailable` when it takes longer. */
export async function within<Result>(milliseconds: number, work: Promise<Result>): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new TaperError('log_unavailable', 'The signer of the authority is too slow.')),
      milliseconds,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A time that a clock gave. @throws {TaperError} `log_unavailable` when it is none. */
export function requireTime(time: number): number {
  if (Number.isSafeInteger(time) && time >= 0) return time;
  throw new TaperError('log_unavailable', 'The clock gives no time.');
}
