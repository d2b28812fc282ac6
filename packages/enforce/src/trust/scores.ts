import { type AuditEvent, requireKnownOptions, TaperError } from '@taper/core';
import type { TrustSource } from '../port/agent-directory.ts';
import { type Clock, systemClock } from '../port/clock.ts';
import {
  DEFAULT_TRUST_WEIGHTS,
  type TrustEffect,
  type TrustWeights,
  trustEffect,
} from './effect.ts';

export interface TrustScoresOptions {
  /** Seconds after which an event counts half. Default 7 days. */
  readonly halfLife?: number;
  /** Default {@link DEFAULT_TRUST_WEIGHTS}. */
  readonly weights?: TrustWeights;
  /** What an agent of which nothing is known counts as having done, for and against. Default 5 and 5: it begins at 50. */
  readonly prior?: { readonly good: number; readonly bad: number };
  /** Agents that are remembered; beyond that the one not heard of for longest is forgotten. Default 100,000. */
  readonly capacity?: number;
  /** Events that explain a score, for each agent. Default 20. */
  readonly explained?: number;
  /** The agent that holds a key, so that one score belongs to an agent and not to its keys. Default: each key for itself. */
  readonly agentOf?: (key: string) => string | undefined;
  /** Says which events come from the future. Default: the clock of this machine. */
  readonly clock?: Clock;
}

/** One event behind a score. */
export interface TrustReason {
  readonly eventId: string;
  /** Seconds since the epoch. */
  readonly time: number;
  /** `executed`, or a denial code. */
  readonly kind: string;
  /** What it counts now: its weight, halved for each half-life since. */
  readonly weight: number;
}

/** A score, and where it comes from: `score` is floor(100 × good ÷ (good + bad)). */
export interface TrustExplanation {
  readonly score: number;
  /** Sums of all that counts now, the prior included. */
  readonly good: number;
  readonly bad: number;
  /** The events that were seen last, newest first. */
  readonly events: readonly TrustReason[];
  /** What events before those still count. */
  readonly earlier: { readonly good: number; readonly bad: number };
}

/** Scores of agents, from their audit events. */
export interface TrustScores extends TrustSource {
  /** Takes in an event that the caller has verified, or has written itself. Order does not matter within a half-life; an event twice counts once where it is among those that are explained; one more than a minute ahead of the clock does not count. */
  observe(event: AuditEvent): void;
  /** `undefined` where no event counted. */
  explain(agent: string, now: number): TrustExplanation | undefined;
}

/** Seconds by which the clock of who wrote an event may run ahead of ours. */
const MAX_EVENT_SKEW = 60;

/** Seconds within which refusals of one kind are one: as long as a proof can be sent again. */
const REPEAT_WINDOW = 120;

interface Record {
  /** Sums as of `time`. */
  good: number;
  bad: number;
  time: number;
  readonly events: { eventId: string; time: number; kind: string; weight: number }[];
  /** Fingerprints of refusals, with when they last counted. */
  readonly refusals: Map<string, number>;
}

const OPTIONS: readonly (keyof TrustScoresOptions)[] = [
  'halfLife',
  'weights',
  'prior',
  'capacity',
  'explained',
  'agentOf',
  'clock',
];

/**
 * Makes a keeper of scores. It decides nothing: what score is enough stands in a policy (`input.agent.trust`).
 * @throws {TaperError} `option_invalid`.
 */
export function createTrustScores(options: TrustScoresOptions = {}): TrustScores {
  requireKnownOptions(options, OPTIONS);
  const { halfLife = 7 * 86_400, weights = DEFAULT_TRUST_WEIGHTS } = options;
  const { capacity = 100_000, explained = 20, agentOf = () => undefined } = options;
  const { clock = systemClock } = options;
  const prior = options.prior ?? { good: 5, bad: 5 };
  const isCount = (value: number): boolean => Number.isFinite(value) && value >= 0;
  if (!(Number.isFinite(halfLife) && halfLife > 0)) throw invalid('halfLife');
  if (!isCount(prior.good) || !isCount(prior.bad) || prior.good + prior.bad <= 0)
    throw invalid('prior');
  if (!Number.isSafeInteger(capacity) || capacity < 1) throw invalid('capacity');
  if (!Number.isSafeInteger(explained) || explained < 0) throw invalid('explained');
  for (const weight of Object.values(weights))
    if (weight !== undefined && !Number.isFinite(weight)) throw invalid('weights');
  const records = new Map<string, Record>();
  const decay = (seconds: number): number => 2 ** (-Math.max(0, seconds) / halfLife);

  function recordOf(agent: string, time: number): Record {
    const known = records.get(agent);
    const record = known ?? { good: 0, bad: 0, time, events: [], refusals: new Map() };
    records.delete(agent);
    records.set(agent, record);
    const [oldest] = records.keys();
    if (records.size > capacity && oldest !== undefined) records.delete(oldest);
    return record;
  }

  function add(record: Record, event: AuditEvent, time: number, effect: TrustEffect): void {
    if (record.events.some(({ eventId }) => eventId === event.event_id)) return;
    if (effect.weight < 0) {
      const last = record.refusals.get(effect.fingerprint);
      if (last !== undefined && Math.abs(time - last) < REPEAT_WINDOW) return;
      record.refusals.delete(effect.fingerprint);
      record.refusals.set(effect.fingerprint, time);
      const [first] = record.refusals.keys();
      if (record.refusals.size > MAX_REFUSALS && first !== undefined) record.refusals.delete(first);
    }
    const latest = Math.max(record.time, time);
    const before = decay(latest - record.time);
    record.good *= before;
    record.bad *= before;
    record.time = latest;
    const counts = Math.abs(effect.weight) * decay(latest - time);
    if (effect.weight > 0) record.good += counts;
    else record.bad += counts;
    const { kind, weight } = effect;
    record.events.unshift({ eventId: event.event_id, time, kind, weight });
    if (record.events.length > explained) record.events.pop();
  }

  function explain(agent: string, now: number): TrustExplanation | undefined {
    const record = records.get(agent);
    if (record === undefined) return undefined;
    const since = decay(now - record.time);
    const good = record.good * since;
    const bad = record.bad * since;
    const events = record.events.map(({ eventId, time, kind, weight }) =>
      Object.freeze({ eventId, time, kind, weight: weight * decay(now - time) }),
    );
    const shown = (sign: 1 | -1): number =>
      events.reduce((sum, { weight }) => sum + Math.max(0, sign * weight), 0);
    const total = prior.good + good + prior.bad + bad;
    return Object.freeze({
      score: Math.floor((100 * (prior.good + good)) / total),
      good: prior.good + good,
      bad: prior.bad + bad,
      events: Object.freeze(events),
      earlier: Object.freeze({
        good: Math.max(0, good - shown(1)),
        bad: Math.max(0, bad - shown(-1)),
      }),
    });
  }

  return Object.freeze<TrustScores>({
    observe(event) {
      const effect = trustEffect(event, weights);
      const now = clock.now();
      if (effect === undefined || !(event.time <= now + MAX_EVENT_SKEW)) return;
      // Of the future nothing is known: what is ahead of the clock ages nothing that came before.
      const time = Math.min(event.time, now);
      add(recordOf(agentOf(effect.key) ?? effect.key, time), event, time, effect);
    },
    explain,
    score: (agent, now) => explain(agent, now)?.score,
  });
}

/** Refusals of different kinds that one agent is remembered by. */
const MAX_REFUSALS = 64;

function invalid(name: string): TaperError {
  return new TaperError('option_invalid', `\`${name}\` is out of range.`);
}
