import { type DestinationStream, type Logger, pino } from 'pino';

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * The logger of a node: one JSON object on each line. It is given names of endpoints, codes, numbers and messages of errors; never a
 * request, so that no token, proof or key can get there. Of an error it writes name, code, message and stack.
 */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
  } as const;
  return destination === undefined ? pino(options) : pino(options, destination);
}

function describeError(cause: unknown): Record<string, unknown> {
  if (!(cause instanceof Error)) return { name: typeof cause };
  const code = 'code' in cause && typeof cause.code === 'string' ? { code: cause.code } : {};
  const inner = cause.cause === undefined ? {} : { cause: describeError(cause.cause) };
  return { name: cause.name, ...code, message: cause.message, stack: cause.stack, ...inner };
}
