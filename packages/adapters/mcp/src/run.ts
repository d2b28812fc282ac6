import { AsyncLocalStorage } from 'node:async_hooks';
import type { EnforcementPoint, Outcome, Permitted } from '@taper/enforce';
import type { Protocol, RegisteredTool } from './sdk.ts';

/** What the tool of a permitted call was when its definition was judged. */
export type ToolSnapshot = RegisteredTool & { readonly tool: RegisteredTool };

/**
 * One permitted call, from its permit to its outcome. The tool may begin once; the outcome is told to the enforcement point
 * once, and only `not_executed` where it is certain that nothing ran.
 */
export interface Run {
  readonly protocol: Protocol;
  readonly permitted: Permitted;
  readonly snapshot: ToolSnapshot | undefined;
  /** The server's own handler has the call and will come to `begin`, or to an answer without having run the tool. */
  enter(): void;
  /** Whether the tool may run now. */
  begin(): boolean;
  /** The tool asked for input and will be begun again. */
  pause(): void;
  conclude(outcome: Outcome): void;
  /** The guard refuses to run the tool after all. */
  refuse(): void;
  /** The guard refused something under this permit, so that the answer may carry its denial. */
  markRefusal(): void;
  readonly hasRefused: boolean;
  /** An answer goes out. */
  answered(failed: boolean): void;
  /** Nobody waits for the answer any more. */
  abandon(): void;
}

type Stage = 'permitted' | 'entered' | 'running' | 'paused' | 'over';

export function createRun(
  point: EnforcementPoint,
  protocol: Protocol,
  permitted: Permitted,
  snapshot: ToolSnapshot | undefined,
): Run {
  let stage: Stage = 'permitted';
  let hasRefused = false;
  const conclude = (outcome: Outcome): void => {
    if (stage === 'over') return;
    stage = 'over';
    point
      .conclude(permitted, outcome)
      .catch((error: unknown) => protocol.onerror?.(error as Error));
  };
  return {
    protocol,
    permitted,
    snapshot,
    get hasRefused() {
      return hasRefused;
    },
    enter() {
      if (stage === 'permitted') stage = 'entered';
    },
    begin() {
      if (stage === 'running' || stage === 'over') return false;
      stage = 'running';
      return true;
    },
    pause() {
      if (stage === 'running') stage = 'paused';
    },
    conclude,
    refuse() {
      hasRefused = true;
      conclude('not_executed');
    },
    markRefusal() {
      hasRefused = true;
    },
    answered(failed) {
      // a handler of the owner's own answers for what it did, and its refusals cannot be told from its failures
      if (stage === 'permitted' || stage === 'paused') conclude(failed ? 'failed' : 'executed');
      if (stage === 'entered') conclude('not_executed');
    },
    abandon() {
      if (stage === 'permitted' || stage === 'paused') conclude('failed');
      if (stage === 'entered') conclude('not_executed');
    },
  };
}

const running = new AsyncLocalStorage<Run>();

/** Runs code, and whatever it sets off, under a permit. */
export function runUnder(run: Run, code: () => void): void {
  running.run(run, code);
}

export function currentRun(): Run | undefined {
  return running.getStore();
}

/**
 * The permit under which the calling tool runs: who asked, under which chain. Undefined outside of a guarded tool call.
 * It says that the call was permitted when it began: work that a tool leaves behind still sees it, also after its expiry.
 */
export function currentPermit(): Permitted | undefined {
  return running.getStore()?.permitted;
}
