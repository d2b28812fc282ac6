import type { JsonValue } from '@taper/core';
import { AuthorityRefusal } from '../refusal.ts';
import type { Actor } from './actors.ts';
import type { AuthenticatedClient } from './client-authentication.ts';
import type { TokenForm } from './form.ts';

/** What a subject token is judged with. */
export interface SubjectContext {
  readonly form: TokenForm;
  /** The actor: its key is the one that was proved. */
  readonly client: AuthenticatedClient;
  /** The actor, as `act` and `may_act` name it. */
  readonly actor: Actor & { readonly iss: string };
  /** Seconds since the epoch. */
  readonly now: number;
}

/** The refusal of a subject token (RFC 8693 section 2.2.2). */
export function subjectRefused(
  reason: string,
  facts: { readonly [fact: string]: JsonValue } = {},
): AuthorityRefusal {
  return new AuthorityRefusal('subject_refused', 'The subject token is refused.', {
    facts: { reason, ...facts },
  });
}

/** The refusal of an actor (RFC 8693 section 2.2.2). */
export function actorRefused(
  reason: string,
  facts: { readonly [fact: string]: JsonValue } = {},
): AuthorityRefusal {
  return new AuthorityRefusal('actor_refused', 'The actor is refused for this subject.', {
    facts: { reason, ...facts },
  });
}

/**
 * What is thrown where verifying a token threw: a refusal becomes one of that token, with its code; what says that the authority cannot
 * answer now stays, and so does what is no refusal.
 */
export function refusedAs(
  error: unknown,
  refuse: (reason: string, facts: { readonly [fact: string]: JsonValue }) => AuthorityRefusal,
): unknown {
  if (!(error instanceof AuthorityRefusal)) return error;
  if (error.refusal === 'unavailable' || error.refusal === 'issuer_unavailable') return error;
  return refuse(error.refusal, { because: error.facts['reason'] ?? null });
}
