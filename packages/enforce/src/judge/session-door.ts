import { type Denial, denial } from '@taper/core';
import type { Settings } from '../options.ts';
import type { Welcome } from '../session/message.ts';
import type { SessionTable } from '../session/table.ts';
import type { AuditTrail } from './audit-trail.ts';
import { inspectChains } from './inspect.ts';
import type { Judge } from './judge.ts';

/** Where an agent opens a session at an enforcement point (spec/session.md). Neither function rejects. */
export interface SessionDoor {
  /** Answers a hello whose chains would be accepted for a call here. */
  hello(message: unknown): Promise<Welcome | Denial>;
  /** Takes the agent's proof of its keys. The session is live when this resolves to its identifier. */
  finish(
    message: unknown,
  ): Promise<{ readonly session: string; readonly expires: number } | Denial>;
}

export function createSessionDoor(
  table: SessionTable,
  settings: Settings,
  judge: Judge,
  trail: AuditTrail,
): SessionDoor {
  return Object.freeze<SessionDoor>({
    async hello(message) {
      try {
        const now = judge.readClock();
        if (now === undefined) return denial('clock_unavailable');
        return await table.welcome(message, now, (chains) =>
          inspectChains(chains, judge, settings),
        );
      } catch {
        return denial('internal_error');
      }
    },
    async finish(message) {
      try {
        const now = judge.readClock();
        if (now === undefined) return denial('clock_unavailable');
        const session = table.finish(message, now);
        if ('code' in session) return session;
        const lapsed = await judge.lapse(session.chains);
        const recorded =
          lapsed === undefined && (!trail.kept || (await trail.session(session, now)));
        if (recorded) return Object.freeze({ session: session.id, expires: session.expiresAt });
        table.end(session.id);
        return lapsed ?? denial('audit_unavailable');
      } catch {
        return denial('internal_error');
      }
    },
  });
}
