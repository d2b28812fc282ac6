import { TaperError } from '@taper/core';
import { LogError } from '../port/log-error.ts';
import { codeOf } from './disk.ts';

/** Does one thing after the other. */
export interface Turns {
  <Result>(work: () => Promise<Result>): Promise<Result>;
  /** Waits for all, does this last, and refuses everything from then on. */
  close(last: () => Promise<void>): Promise<void>;
}

/** @param place named in errors: every error of the system becomes a {@link LogError} `log_unavailable`. */
export function createTurns(place: string): Turns {
  let turn: Promise<unknown> = Promise.resolve();
  let closing: Promise<void> | undefined;
  function take<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = turn.then(work).catch((cause: unknown) => {
      throw cause instanceof TaperError ? cause : unavailable(place, cause);
    });
    turn = result.catch(() => undefined);
    return result;
  }
  const turns = <Result>(work: () => Promise<Result>): Promise<Result> =>
    closing === undefined
      ? take(work)
      : Promise.reject(new LogError('log_closed', place, `${place} is closed.`));
  return Object.assign(turns, {
    close(last: () => Promise<void>): Promise<void> {
      closing ??= take(last);
      return closing;
    },
  });
}

function unavailable(place: string, cause: unknown): LogError {
  const code = codeOf(cause);
  return new LogError(
    'log_unavailable',
    place,
    `${place} cannot be written or read: ${code ?? 'unknown'}.`,
    {
      hint: FULL.has(code ?? '')
        ? 'Free some space. Nothing that was acknowledged is lost, and nothing has to be restarted.'
        : 'See the messages of the operating system about this disk.',
      cause,
    },
  );
}

const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
