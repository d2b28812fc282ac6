import { type AuditEvent, readAuditLine } from '@taper/core';
import type { LogReader } from '@taper/log';

/** Which events of an audit log are to be shown. Times are seconds since the epoch; everything that is given has to hold. */
export interface EventFilter {
  /** Hash of a token on the chain of the caller, or on one that was presented. */
  readonly chain?: string | undefined;
  /** Thumbprint of the key that called. */
  readonly agent?: string | undefined;
  readonly from?: number | undefined;
  /** Exclusive. */
  readonly until?: number | undefined;
  readonly resource?: string | undefined;
  readonly event?: string | undefined;
}

export interface Selection {
  shows(event: AuditEvent): boolean;
  /** Events that the filter itself names. */
  readonly matched: number;
}

/** Enough for an outcome to bring its decision, that its session, and all that followed. */
const ROUNDS = 3;

/**
 * Finds the events that a filter names, and those without which they could not be judged: the decision of an outcome, the outcome of
 * a decision, the opening of a session.
 */
export async function selectEvents(
  reader: LogReader,
  size: number,
  filter: EventFilter,
): Promise<Selection> {
  const decisions = new Set<string>();
  const sessions = new Set<string>();
  const related = (event: AuditEvent): boolean =>
    decisions.has(event.event_id) ||
    (event.decision_event_id !== undefined && decisions.has(event.decision_event_id)) ||
    (event.decision === 'opened' && event.session !== undefined && sessions.has(event.session));
  const shows = (event: AuditEvent): boolean => matches(event, filter) || related(event);
  let matched = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = decisions.size + sessions.size;
    matched = 0;
    for await (const event of eventsOf(reader, size)) {
      if (matches(event, filter)) matched += 1;
      if (!shows(event)) continue;
      if (event.event_type === 'decision') decisions.add(event.event_id);
      if (event.decision_event_id !== undefined) decisions.add(event.decision_event_id);
      if (event.session !== undefined) sessions.add(event.session);
    }
    if (decisions.size + sessions.size === before) break;
  }
  return { shows, matched };
}

/** The events of an audit log, in order. What is no event is left for the bundle to stumble over. */
export async function* eventsOf(reader: LogReader, size: number): AsyncGenerator<AuditEvent> {
  const utf8 = new TextDecoder();
  for await (const { entry } of reader.entries(0, size)) {
    const read = readAuditLine(utf8.decode(entry));
    if (read !== undefined) yield read.event;
  }
}

function matches(event: AuditEvent, filter: EventFilter): boolean {
  const { chain, agent, from, until, resource, event: id } = filter;
  const callers = [event, ...(event.joined_chains ?? [])];
  // Of a call that was refused before it was known who makes it, the chain alone is recorded.
  const chains = [...callers, event.presented_chain];
  return (
    (chain === undefined || chains.some((one) => one?.token_hashes?.includes(chain) === true)) &&
    (agent === undefined || callers.some(({ agent_id: caller }) => caller === agent)) &&
    (from === undefined || event.time >= from) &&
    (until === undefined || event.time < until) &&
    (resource === undefined || event.resource === resource) &&
    (id === undefined || event.event_id === id)
  );
}
