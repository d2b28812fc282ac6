import { DEFAULT_LIMITS, type Denial, type JsonValue } from '@taper/core';
import type { SessionDoor } from '@taper/enforce';
import { SESSION_FINISH_PATH, SESSION_HELLO_PATH } from './route.ts';

/** One of the two messages by which an agent opens a session (spec/session.md section 6). */
export interface SessionStep {
  /** Bytes of the message. */
  readonly most: number;
  /** Status of the answer, where it is no denial. */
  readonly status: number;
  /** The answer. Never rejects. `evidence`: as in the context of a call. */
  take(message: JsonValue, evidence: string | undefined): Promise<object | Denial>;
}

/** A hello carries up to four chains; a finish is identifier, signatures and a code. */
const MAX_HELLO = 4 * DEFAULT_LIMITS.maxChainSize + 4096;
const MAX_FINISH = 4096;

/** The step that a request target stands for; none where the enforcement point has no sessions. */
export function sessionStep(
  method: string,
  target: string,
  door: SessionDoor | undefined,
): SessionStep | undefined {
  if (door === undefined || method !== 'POST') return undefined;
  switch (target) {
    case SESSION_HELLO_PATH:
      return { most: MAX_HELLO, status: 200, take: door.hello };
    case SESSION_FINISH_PATH:
      return { most: MAX_FINISH, status: 201, take: door.finish };
    default:
      return undefined;
  }
}
