import type { DenialCode, VerifiedChain } from '@taper/core';

/** A live session, as far as the enforcement point needs to know it. It holds no key. */
export interface LiveSession {
  /** Safe to record: it authenticates nothing. */
  readonly id: string;
  /** The chains that were presented when the session was opened, verified then. */
  readonly chains: readonly VerifiedChain[];
  /** First second, since the epoch, at which it is over. */
  readonly expiresAt: number;
}

/** What stands in for the signed proof of each call (spec/session.md). The session table is one. */
export interface SessionAuthenticator {
  /**
   * Checks the code of a request over tool and arguments, and that its number was not used. Changes nothing.
   * @param args the text whose bytes are under the code.
   */
  authenticate(
    request: unknown,
    tool: string,
    args: string,
    now: number,
  ): { readonly session: LiveSession; readonly sequence: number } | DenialCode;
  /** Uses up the number of a request that was authenticated: of two requests with one number, one is `accepted`. */
  commit(session: LiveSession, sequence: number, now: number): 'accepted' | DenialCode;
}

/** Whether a presentation is a request inside a session: it names one. */
export function isSessionRequest(wire: unknown): boolean {
  try {
    return typeof wire === 'object' && wire !== null && Object.hasOwn(wire, 'taper_session');
  } catch {
    return false; // reading it runs code of somebody else
  }
}
