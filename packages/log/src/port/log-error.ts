import { type ErrorCode, TaperError } from '@taper/core';

/** What a log throws: a {@link TaperError} that says which tile, file or entry it is about. */
export class LogError extends TaperError {
  /** A path such as `tile/0/000`, or `entry 17`; several are separated by a comma and a space. */
  readonly item: string;

  constructor(
    code: ErrorCode,
    item: string,
    message: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super(code, message, options);
    this.name = 'LogError';
    this.item = item;
  }
}
