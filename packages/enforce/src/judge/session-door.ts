import { type Denial, denial, TaperError } from '@taper/core';
import type { Settings } from '../options.ts';
import type { Welcome } from '../session/message.ts';
import type { SessionTable } from '../session/table.ts';
import { ask } from './ask.ts';
import type { AuditTrail } from './audit-trail.ts';
import { inspectChains } from './inspect.ts';
import type { Judge } from './judge.ts';
import { patienceWith } from './patience.ts';

/** Where an agent opens a session at an enforcement point (spec/session.md). Neither function rejects. */
export interface SessionDoor {
  /**
   * Answers a hello whose chains would be accepted for a call here.
   * @param evidence as in the context of a call.
   */
  hello(message: unknown, evidence?: string): Promise<Welcome | Denial>;
  /** Takes the agent's proof of its keys. The session is live when this resolves to its identifier, and not before. */
  finish(
    message: unknown,
    evidence?: string,
  ): Promise<{ readonly session: string; readonly expires: number } | Denial>;
}

/** @throws {TaperError} `option_invalid` when the table is for another enforcement point. */
export function createSessionDoor(
  table: SessionTable,
  settings: Settings,
  judge: Judge,
  trail: AuditTrail,
): SessionDoor {
  if (![settings.verifier.audience].flat().includes(table.audience)) {
    throw new TaperError(
      'option_invalid',
      'The sessions are for another audience than the enforcement point.',
      { hint: 'Give `createSessionTable` one of the audiences of the enforcement point.' },
    );
  }
  return Object.freeze<SessionDoor>({
    async hello(message, evidence) {
      try {
        const now = judge.readClock();
        if (now === undefined) return denial('clock_unavailable');
        const answer = ask(
          () =>
            table.welcome(message, now, (chains) =>
              inspectChains(chains, judge, settings, evidence),
            ),
          readAnswer,
          patienceWith('sessions', { ...settings, portTimeout: 2 * settings.portTimeout }), // for the view of revocations, and for the signer
        );
        return (await answer) ?? denial('internal_error');
      } catch {
        return denial('internal_error');
      }
    },
    async finish(message, evidence) {
      try {
        const now = judge.readClock();
        if (now === undefined) return denial('clock_unavailable');
        const session = await table.finish(message, now, async (opened) => {
          const lapsed = await judge.lapse(opened.chains, evidence, []);
          if (lapsed !== undefined || !trail.kept) return lapsed;
          const recorded = await trail.session(opened, now);
          return recorded ? undefined : denial('audit_unavailable');
        });
        if ('code' in session) return session;
        return Object.freeze({ session: session.id, expires: session.expiresAt });
      } catch {
        return denial('internal_error');
      }
    },
  });
}

function readAnswer(value: unknown): Welcome | Denial | undefined {
  return typeof value === 'object' && value !== null ? (value as Welcome | Denial) : undefined;
}
