import { type ErrorCode, TaperError } from '@taper/core';
import { Failure, type FailureCode } from '../failure.ts';

/** What the log throws, by the code with which the command fails. */
const CODES: Partial<Readonly<Record<ErrorCode, FailureCode>>> = {
  log_corrupt: 'log_damaged',
  log_rolled_back: 'log_rolled_back',
  log_forked: 'log_forked',
  log_unavailable: 'log_unavailable',
  log_closed: 'log_unavailable',
  log_unverified: 'log_unverified',
  entry_too_large: 'entry_too_large',
  store_unusable: 'store_unusable',
  store_unavailable: 'store_unusable',
  option_invalid: 'option_invalid',
  signing_failed: 'signing_failed',
};

/** Does something with a log. @throws {Failure} with the code that says what is wrong with it. */
export async function withLog<Result>(act: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (cause) {
    throw logFailure(cause);
  }
}

/** What a log, a store or a witness threw, as a failure; anything else as it is. */
function logFailure(cause: unknown): unknown {
  const code = cause instanceof TaperError ? CODES[cause.code] : undefined;
  if (code === undefined || !(cause instanceof TaperError)) return cause;
  const item = 'item' in cause && typeof cause.item === 'string' ? { field: cause.item } : {};
  return new Failure(code, uncapitalized(cause.message.replace(/\.$/, '')), {
    hint: cause.hint,
    ...item,
  });
}

/** As messages of this command begin; paths and acronyms stay as they are. */
function uncapitalized(text: string): string {
  return /^[A-Z][a-z]* /.test(text) ? `${text.charAt(0).toLowerCase()}${text.slice(1)}` : text;
}
