import type { AuditEvent } from '@taper/core';
import { TEST_TIME } from '@taper/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createMemoryAuditSink,
  createTrustScores,
  observeTrust,
  readAuditLine,
  type TrustScores,
  type TrustScoresOptions,
} from '../../src/index.ts';
import { denyEvent, permitEvent, recordLines } from '../audit/events.ts';

const T = TEST_TIME;
const DAY = 86_400;
const BOB = hashed('bob');
const CHAIN = { issuer: 'https://auth.example.com', holders: [BOB], tokens: [hashed('leaf')] };

/** 43 characters that stand for a hash or a thumbprint. */
function hashed(name: string): string {
  return name.replaceAll(' ', '-').padEnd(43, 'A');
}
const PRIOR = { good: 1, bad: 1 };

/** Scores that look back on all of these events, unless told otherwise. */
function newScores(options: TrustScoresOptions = {}): TrustScores {
  return createTrustScores({ clock: { now: () => T + 365 * DAY }, ...options });
}

let serial = 0;

/** An event about bob, who holds the leaf. */
function event(changes: Partial<AuditEvent> = {}): AuditEvent {
  serial += 1;
  return {
    event_id: `event-${serial}`,
    event_type: 'outcome',
    decision: 'executed',
    time: T,
    agent_id: BOB,
    tool: 'refund',
    token_hashes: [hashed('root'), hashed('leaf')],
    emitter: 'e',
    enforcement_point: 'https://pay.example',
    previous_hash: hashed('before'),
    sequence: serial,
    signature: 's',
    ...changes,
  };
}

function denied(code: string, changes: Partial<AuditEvent> = {}): AuditEvent {
  return event({ event_type: 'decision', decision: 'deny', denial_code: code, ...changes });
}

describe('a trust score', () => {
  test('is unknown for an agent of which no event counted', () => {
    const scores = newScores();
    scores.observe(event({ decision: 'failed' }));
    expect(scores.score(BOB, T)).toBeUndefined();
    expect(scores.explain(BOB, T)).toBeUndefined();
  });

  test('says nothing of approvals that were forged or are of something else: whoever overhears a call can put one beside it (E02)', () => {
    const scores = newScores();
    scores.observe(denied('approval_signature_invalid'));
    scores.observe(denied('approval_action_mismatch'));
    scores.observe(denied('proof_replayed'));
    expect(scores.score(BOB, T)).toBeUndefined();
    scores.observe(denied('approval_by_requester'));
    expect(scores.score(BOB, T)).toBe(35);
  });

  test('rises with calls that were executed and falls with refusals that the agent brought about', () => {
    const scores = newScores({ prior: PRIOR });
    scores.observe(event());
    expect(scores.score(BOB, T)).toBe(66);
    scores.observe(denied('approval_by_requester'));
    expect(scores.score(BOB, T)).toBe(28);
  });

  test('counts an event half after each half-life, and tends to where it began', () => {
    const scores = newScores({ prior: PRIOR, halfLife: DAY });
    for (let each = 0; each < 8; each += 1) scores.observe(event());
    expect(scores.score(BOB, T)).toBe(90);
    expect(scores.score(BOB, T + DAY)).toBe(83);
    expect(scores.score(BOB, T + 60 * DAY)).toBe(50);
  });

  test('does not count anything that others can bring about', () => {
    const scores = newScores();
    for (const code of ['revoked', 'token_expired', 'proof_replayed', 'policy_unavailable'])
      scores.observe(denied(code));
    expect(scores.explain(BOB, T)).toBeUndefined();
  });

  test('does not count what names only a chain that somebody presented', async () => {
    const scores = newScores();
    const [line] = await recordLines([
      denyEvent({
        denial: { code: 'policy_denied' },
        presented: CHAIN,
      }),
    ]);
    const read = readAuditLine(line?.line ?? '');
    expect(read?.event.presented_chain).toBeDefined();
    scores.observe(read?.event as AuditEvent);
    expect(scores.explain(BOB, T)).toBeUndefined();
  });

  test('counts a refused call once within the time in which it can be sent again, and again after it', () => {
    const scores = newScores({ prior: PRIOR });
    for (let second = 0; second < 120; second += 1)
      scores.observe(denied('policy_denied', { time: T + second }));
    expect(scores.explain(BOB, T + 119)?.events).toHaveLength(1);
    scores.observe(denied('policy_denied', { time: T + 120 }));
    expect(scores.explain(BOB, T + 120)?.events).toHaveLength(2);
    scores.observe(denied('policy_denied', { time: T + 120, tool: 'read' }));
    expect(scores.explain(BOB, T + 120)?.events).toHaveLength(3);
  });

  test('counts one event once', () => {
    const scores = newScores({ prior: PRIOR });
    const once = event();
    scores.observe(once);
    scores.observe(once);
    expect(scores.explain(BOB, T)?.good).toBe(2);
  });

  test('is explained by its events: they and what was before them add up to it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ good: fc.boolean(), after: fc.integer({ min: 0, max: 40_000 }) }), {
          minLength: 1,
          maxLength: 60,
        }),
        fc.integer({ min: 0, max: 20 }),
        (history, explained) => {
          const scores = newScores({ explained, halfLife: DAY });
          let time = T;
          for (const { good, after } of history) {
            time += after;
            scores.observe(good ? event({ time }) : denied('policy_denied', { time }));
          }
          const found = scores.explain(BOB, time);
          if (found === undefined) throw new Error('An event counted.');
          const sum = (sign: 1 | -1): number =>
            found.events.reduce((total, { weight }) => total + Math.max(0, sign * weight), 0);
          expect(found.events.length).toBeLessThanOrEqual(explained);
          expect(5 + sum(1) + found.earlier.good).toBeCloseTo(found.good, 6);
          expect(5 + sum(-1) + found.earlier.bad).toBeCloseTo(found.bad, 6);
          expect(found.score).toBe(Math.floor((100 * found.good) / (found.good + found.bad)));
        },
      ),
    );
  });

  test('belongs to the agent where it is known, whatever key it used', () => {
    const scores = newScores({ prior: PRIOR, agentOf: () => 'spiffe://example/a/agent/b' });
    scores.observe(event());
    scores.observe(event({ agent_id: hashed('next key') }));
    expect(scores.score('spiffe://example/a/agent/b', T)).toBe(75);
    expect(scores.score(BOB, T)).toBeUndefined();
  });

  test('is forgotten for the agent not heard of for longest, beyond the capacity', () => {
    const scores = newScores({ capacity: 2 });
    for (const name of ['one', 'two', 'one', 'three'])
      scores.observe(event({ agent_id: hashed(name) }));
    expect(scores.score(hashed('two'), T)).toBeUndefined();
    expect(scores.score(hashed('one'), T)).toBeDefined();
    expect(scores.score(hashed('three'), T)).toBeDefined();
  });

  test('does not count an event that is more than a minute ahead of the clock, and loses nothing to it', () => {
    const scores = newScores({ prior: PRIOR, clock: { now: () => T } });
    for (let each = 0; each < 8; each += 1) scores.observe(event());
    const before = scores.explain(BOB, T);
    for (const time of [T + 61, T + 3600, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      scores.observe(event({ time }));
      scores.observe(denied('policy_denied', { time }));
    }
    expect(scores.explain(BOB, T)).toEqual(before);
    scores.observe(denied('policy_denied'));
    expect(scores.score(BOB, T)).toBeLessThan(before?.score ?? 0);
  });

  test('counts an event up to a minute ahead of the clock whole, and it ages nothing', () => {
    const scores = newScores({ prior: PRIOR, halfLife: 1, clock: { now: () => T } });
    scores.observe(event());
    scores.observe(event({ time: T + 60 }));
    expect(scores.explain(BOB, T)?.good).toBe(3);
  });

  test('counts nothing while its clock tells no time', () => {
    const scores = newScores({ clock: { now: () => Number.NaN } });
    scores.observe(event());
    expect(scores.explain(BOB, T)).toBeUndefined();
  });

  test.each([
    { halfLife: 0 },
    { halfLife: Number.NaN },
    { prior: { good: 0, bad: 0 } },
    { prior: { good: -1, bad: 5 } },
    { capacity: 0 },
    { explained: -1 },
    { weights: { policy_denied: Number.NaN } },
    { wheights: {} },
  ])('is not made with %j', (options) => {
    expect(() => createTrustScores(options as object)).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });
});

describe('a sink that scores look at', () => {
  test('shows them what is durable, and nothing that was not appended', async () => {
    const scores = newScores({ prior: PRIOR });
    const uuid = '01957a3f-4e23-7b01-a9d1-0050569c2e4f';
    const lines = await recordLines([
      permitEvent({ chains: [CHAIN] }),
      permitEvent({
        chains: [CHAIN],
        type: 'outcome',
        decision: 'executed',
        decisionEventId: uuid,
      }),
    ]);
    const conflicting = observeTrust({ tip: () => undefined, append: () => 'conflict' }, scores);
    expect(await conflicting.append(lines)).toBe('conflict');
    expect(scores.score(BOB, T)).toBeUndefined();
    const sink = observeTrust(createMemoryAuditSink(), scores);
    expect(await sink.append(lines)).toBe('appended');
    expect(scores.score(BOB, T)).toBe(66);
  });

  test('is not disturbed when they fail', async () => {
    const broken = (): never => {
      throw new Error('no');
    };
    const lines = await recordLines([
      permitEvent({
        chains: [CHAIN],
        type: 'outcome',
        decision: 'executed',
        decisionEventId: '01957a3f-4e23-7b01-a9d1-0050569c2e4f',
      }),
    ]);
    for (const options of [{ clock: { now: broken } }, { agentOf: broken }]) {
      const scores = newScores(options);
      const sink = createMemoryAuditSink();
      expect(await observeTrust(sink, scores).append(lines)).toBe('appended');
      expect(scores.score(BOB, T)).toBeUndefined();
    }
  });

  test('passes on what the sink throws, and shows nothing', async () => {
    const scores = newScores();
    const failing = observeTrust(
      { tip: () => undefined, append: () => Promise.reject(new Error('full')) },
      scores,
    );
    await expect(
      failing.append(await recordLines([permitEvent({ chains: [CHAIN] })])),
    ).rejects.toThrow();
    expect(scores.score(BOB, T)).toBeUndefined();
  });
});
