import type { RevokedEntry } from '@taper/core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ViewPosition } from '../../src/index.ts';
import { FollowedLog } from '../../src/revocation-view/followed-log.ts';
import { identifier } from './scene.ts';
import { ScriptedLog, START } from './scripted-log.ts';

/** A log of revocations and epochs, signed at every size. */
const log = new ScriptedLog();
const other = new ScriptedLog({ authority: log.authority });
const notes: string[] = [];
const foreign: string[] = [];
/** By size, what is revoked, and the last epoch's number and time. */
const truth: { revoked: Set<string>; epoch: number; time: number }[] = [];

beforeAll(async () => {
  const revoked = new Set<string>();
  truth.push({ revoked: new Set(), epoch: 0, time: 0 });
  for (let at = 0; at < 24; at += 1) {
    const isEpoch = at % 3 === 2;
    log.time = START + at;
    if (isEpoch) log.epoch();
    else await log.revoke({ kind: 'key', key: identifier(`key ${at}`) });
    if (!isEpoch) revoked.add(identifier(`key ${at}`));
    const before = truth.at(-1);
    truth.push({
      revoked: new Set(revoked),
      epoch: log.epochs,
      time: isEpoch ? log.time : (before?.time ?? 0),
    });
  }
  for (let at = 0; at < 5; at += 1) {
    other.epoch();
    foreign.push(await other.note());
  }
  for (let size = 0; size <= log.entries.length; size += 1) notes.push(await log.note({ size }));
});

const index = fc.nat(24);

/** What a source may do, in any order. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('send' as const),
      from: index,
      count: fc.integer({ min: 1, max: 8 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ act: fc.constant('sign' as const), from: index, count: fc.constant(0) }),
  },
  fc.record({
    act: fc.constant('leave out' as const),
    from: index,
    count: fc.integer({ min: 2, max: 8 }),
  }),
  fc.record({
    act: fc.constant('turn round' as const),
    from: index,
    count: fc.integer({ min: 2, max: 8 }),
  }),
  fc.record({
    act: fc.constant('shift' as const),
    from: index,
    count: fc.integer({ min: 1, max: 8 }),
  }),
  fc.record({ act: fc.constant('invent' as const), from: index, count: fc.constant(1) }),
  fc.record({ act: fc.constant('sign otherwise' as const), from: index, count: fc.constant(0) }),
  fc.record({ act: fc.constant('go on honestly' as const), from: index, count: fc.constant(0) }),
);

describe('a log as anybody may send it', () => {
  it('[M04, M06, N02] never counts as known further than every entry up to there was read, and never goes back', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        const revoked = new Set<string>();
        let position: ViewPosition | undefined;
        const followed = new FollowedLog({
          trust: log.trust(),
          authority: [log.authority.publicKey],
          position: undefined,
          onRevoked: (found: readonly RevokedEntry[]) => {
            for (const each of found) if (each.kind === 'key') revoked.add(each.key);
          },
          report: () => {},
        });
        const sign = (note: string): void => {
          const before = position;
          const result = followed.checkpoint(note, START + 1_000);
          if (result.outcome === 'advanced') position = result.position;
          if (position === undefined) return;
          expect(position.size).toBeGreaterThanOrEqual(before?.size ?? 0);
          const known = truth[position.size];
          expect(position).toMatchObject({ epoch: known?.epoch, asOf: known?.time });
          for (const key of known?.revoked ?? []) expect(revoked.has(key)).toBe(true);
        };
        for (const { act, from, count } of steps) {
          const entries = log.entries.slice(from, from + count);
          switch (act) {
            case 'send':
              followed.take(from, entries);
              break;
            case 'leave out':
              followed.take(from, entries.slice(1));
              break;
            case 'turn round':
              followed.take(from, entries.toReversed());
              break;
            case 'shift':
              followed.take(from + 1, entries);
              break;
            case 'invent':
              followed.take(from, ['{"type":"nothing"}']);
              break;
            case 'sign':
              sign(notes[from] as string);
              break;
            case 'sign otherwise':
              sign(foreign[from % foreign.length] as string);
              break;
            case 'go on honestly':
              followed.take(followed.size, log.entries.slice(followed.size));
          }
        }
        // Whatever went before: who asks for what is missing, and is told the truth, knows it all.
        for (let attempt = 0; attempt < 2; attempt += 1) {
          followed.take(followed.size, log.entries.slice(followed.size));
          sign(notes.at(-1) as string);
        }
        expect(followed.isFaulty).toBe(false);
        expect(position?.size).toBe(log.entries.length);
        // Nobody can have anything revoked that the authority has not.
        for (const key of revoked) expect(truth.at(-1)?.revoked.has(key)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it('keeps little of what no checkpoint confirms, and starts again from what was confirmed', async () => {
    const problems: string[] = [];
    const followed = new FollowedLog({
      trust: log.trust(),
      authority: [log.authority.publicKey],
      position: undefined,
      onRevoked: () => {},
      report: ({ code }) => problems.push(code),
    });
    const junk = Array.from({ length: 1_000 }, (_, at) => `{"type":"junk","value":${at}}`);
    for (let page = 0; page < 150; page += 1) followed.take(followed.size, junk);
    expect(followed.size).toBe(150_000);
    expect(followed.checkpoint(notes.at(-1) as string, START).outcome).toBe('mismatch');
    expect(followed.size).toBe(0);
    expect(problems).toEqual(['entries_mismatch']);
    followed.take(0, log.entries);
    expect(followed.checkpoint(notes.at(-1) as string, START + 500).outcome).toBe('advanced');
  });
});
