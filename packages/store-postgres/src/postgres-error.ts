import { TaperError } from '@taper/core';
import pg from 'pg';

/** Whether what was asked for was done: `unknown` where the connection was lost before the server had answered. */
export type PostgresOutcome = 'not_done' | 'unknown';

/** What a store on PostgreSQL throws when the server, or the way to it, fails: `store_unavailable` or `store_unusable`. */
export class PostgresError extends TaperError {
  readonly outcome: PostgresOutcome;
  /** SQLSTATE of the server's answer, where there was one. */
  readonly state: string | undefined;

  constructor(
    code: 'store_unavailable' | 'store_unusable',
    outcome: PostgresOutcome,
    message: string,
    options: { hint?: string; cause?: unknown; state?: string | undefined } = {},
  ) {
    super(code, message, options);
    this.name = 'PostgresError';
    this.outcome = outcome;
    this.state = options.state;
  }
}

interface Explanation {
  readonly code: 'store_unusable' | 'store_unavailable';
  readonly message: string;
  readonly hint: string;
}

const REFUSED: Explanation = {
  code: 'store_unusable',
  message: 'does not let this user in',
  hint: 'Check user, password and pg_hba.conf.',
};

const OUT_OF_SPACE: Explanation = {
  code: 'store_unavailable',
  message: 'has no room: the disk is full',
  hint: 'Free some space. What comes until then is refused; nothing has to be restarted.',
};

/** SQLSTATEs for which there is something to say (PostgreSQL, appendix A). */
const BY_STATE: ReadonlyMap<string, Explanation> = new Map([
  ['28P01', REFUSED],
  ['28000', REFUSED],
  [
    '3D000',
    {
      code: 'store_unusable',
      message: 'is not there',
      hint: 'Make the database: CREATE DATABASE … OWNER …;',
    },
  ],
  [
    '42501',
    {
      code: 'store_unusable',
      message: 'does not allow this user what is needed',
      hint: 'The user must own the schema `taper`, or be allowed to make it in this database.',
    },
  ],
  ['53100', OUT_OF_SPACE],
  ['53200', { ...OUT_OF_SPACE, message: 'has no memory left', hint: 'See the server’s log.' }],
  [
    '53300',
    {
      code: 'store_unavailable',
      message: 'has no connection left',
      hint: 'Raise max_connections, or give each node fewer.',
    },
  ],
  [
    '25006',
    {
      code: 'store_unavailable',
      message: 'takes no writes: it is a standby',
      hint: 'Name the primary in the URL, or an address that follows it.',
    },
  ],
  [
    '55P03',
    {
      code: 'store_unavailable',
      message: 'did not give a lock in time',
      hint: 'Find who holds it in pg_stat_activity: a prompt with an open transaction, a backup, a stopped process.',
    },
  ],
  [
    '57014',
    {
      code: 'store_unavailable',
      message: 'took too long for a statement, which was undone',
      hint: 'See its load, and pg_stat_activity for who holds a lock.',
    },
  ],
]);

/** What Node and `pg` say where TLS does not come about. */
const TLS = /SSL|TLS|certificate|self.signed/i;

/**
 * What `pg` threw, as an error that tells the operator what to do. Of the cause only its text and its codes are kept: the rest may
 * hold what was to be written, or the connection with its password.
 * @param ifLost what it means for what was asked that the connection was lost.
 */
export function postgresError(error: unknown, name: string, ifLost: PostgresOutcome): TaperError {
  if (error instanceof TaperError) return error;
  const { state, text, lost } = reading(error);
  const cause = new Error(text);
  cause.name = state === undefined ? 'ConnectionError' : `SQLSTATE ${state}`;
  const outcome = lost ? ifLost : 'not_done';
  const known = BY_STATE.get(state ?? '');
  if (known !== undefined) {
    const message = `The database ${name} ${known.message}.`;
    return new PostgresError(known.code, outcome, message, { hint: known.hint, cause, state });
  }
  if (state === undefined && TLS.test(text)) {
    return new PostgresError('store_unusable', outcome, `There is no TLS with ${name}.`, {
      hint: 'The server must speak TLS, with a certificate for this host under an authority that is trusted: name its file with `sslrootcert`.',
      cause,
    });
  }
  const message = lost
    ? `The database ${name} does not answer.`
    : `The database ${name} has failed (SQLSTATE ${state}).`;
  const hint = lost
    ? 'Is it running, and is there a way to it? Nothing has to be restarted here once it is back.'
    : 'See the cause, and the server’s log.';
  return new PostgresError('store_unavailable', outcome, message, { hint, cause, state });
}

/** Whether the server undid it so that it can be tried again: a serialization failure or a deadlock. */
export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '40001' || error.code === '40P01');
}

/** Whether the connection is of no use any more. */
export function isLost(error: unknown): boolean {
  return !(error instanceof TaperError) && reading(error).lost;
}

/** Whether a failed connection may succeed right after: nobody answered, or a server that is starting, ending or full. */
export function mayPass(error: unknown): boolean {
  if (error instanceof TaperError) return false;
  const { state, text } = reading(error);
  return state === undefined ? !TLS.test(text) : /^(?:57P0|53300)/.test(state);
}

/** Whether the server is there and does not take what it was given, or it was not given to it: so that it was not done. */
export function isRefusedByServer(error: unknown): boolean {
  if (error instanceof PostgresError) {
    const { state, outcome } = error;
    return state !== undefined && outcome === 'not_done' && !/^(?:08|57P)/.test(state);
  }
  return error instanceof TaperError;
}

function reading(error: unknown): { state: string | undefined; text: string; lost: boolean } {
  const text = error instanceof Error ? error.message || codeOf(error) : String(error);
  if (!(error instanceof pg.DatabaseError)) return { state: undefined, text, lost: true };
  const { code: state, severity } = error;
  // A server that is ended says so in the midst of its work: a commit may be on its disk already.
  const lost = severity === 'FATAL' || severity === 'PANIC' || /^(?:08|40003)/.test(state ?? '');
  return { state, text, lost };
}

/** A connection that fails at several addresses has no message. */
function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.name;
}
