import { TaperError } from '@taper/core';

/** The ports whose failures an operator has to hear of. */
export type PortName =
  | 'agents'
  | 'approvals'
  | 'audit'
  | 'clock'
  | 'ledger'
  | 'policy'
  | 'replay'
  | 'revocation'
  | 'sessions';

/** A port did not do what its contract says. The call was refused; the one who calls learns the denial code and nothing of this. */
export interface PortFailure {
  readonly port: PortName;
  /** It threw or rejected, did not answer in time, or answered what the contract does not know. */
  readonly what: 'threw' | 'late' | 'malformed';
  /** What it threw, as it was. */
  readonly cause: unknown;
  /** One line for people: what happened, what it means for calls, and what to do where that is known. */
  readonly message: string;
}

/** What each port is to people, and the code that calls are refused with while it fails. */
const PORTS: Readonly<Record<PortName, readonly [string, string]>> = {
  agents: ['directory of agents', 'agents_unavailable'],
  approvals: ['source of approvals', 'approval_source_unavailable'],
  audit: ['audit log', 'audit_unavailable'],
  clock: ['clock', 'clock_unavailable'],
  ledger: ['budget ledger', 'budget_ledger_unavailable'],
  policy: ['policy engine', 'policy_unavailable'],
  replay: ['replay store', 'replay_store_unavailable'],
  revocation: ['view of revocations', 'revocation_unavailable'],
  sessions: ['signer of sessions', 'internal_error'],
};

const WHAT = {
  threw: 'failed',
  late: 'did not answer in time',
  malformed: 'answered what it must not',
} as const;

/** What to do where nothing that was thrown says it. */
const HINTS: Partial<Record<PortName, string>> = {
  clock:
    'It gave no whole seconds, or stepped back by more than two seconds: synchronize it; calls pass again when it has caught up.',
};

/** Describes a failure for people. */
export function describeFailure(
  port: PortName,
  what: PortFailure['what'],
  cause?: unknown,
): PortFailure {
  const [name, code] = PORTS[port];
  const advice = cause instanceof TaperError ? cause.hint : HINTS[port];
  const hint = advice === undefined ? '' : ` ${advice}`;
  const message =
    `The ${name} ${WHAT[what]}${reasonOf(cause)}. Calls that need it are refused with ` +
    `${code} until it works again; nothing has to be restarted.${hint}`;
  return Object.freeze({ port, what, cause, message });
}

/** Milliseconds in which one port is reported once. */
const QUIET = 60_000;

/**
 * Warns on the process's own channel for warnings (standard error unless the program listens to `process.on('warning')`),
 * once a minute for each port: a store that is down must not fill a disk.
 */
export function createWarner(
  warn: (message: string) => void = emitWarning,
): (failure: PortFailure) => void {
  const last = new Map<PortName, number>();
  return ({ port, message }) => {
    const now = performance.now();
    if (now - (last.get(port) ?? Number.NEGATIVE_INFINITY) < QUIET) return;
    last.set(port, now);
    warn(message);
  };
}

function emitWarning(message: string): void {
  process.emitWarning(message, { type: 'TaperWarning', code: 'TAPER_PORT_FAILED' });
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return '';
  const message = cause.message.replace(/[.\s]+$/, '');
  return message === '' ? '' : `: ${message}`;
}
