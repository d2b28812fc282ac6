import { TaperError } from '@taper/core';
import { describe, expect, test, vi } from 'vitest';
import {
  createMemoryReplayStore,
  type EnforcementPointOptions,
  type PortFailure,
} from '../../src/index.ts';
import { createWarner, describeFailure } from '../../src/port-failure.ts';
import { chainOf, codeOf, NOW, pay, pointWith } from './scene.ts';

const store = createMemoryReplayStore();
const full = new TaperError('store_unavailable', 'The disk is full.', { hint: 'Make room.' });

async function reportsOf(options: Partial<EnforcementPointOptions>): Promise<PortFailure[]> {
  const seen: PortFailure[] = [];
  const point = pointWith({ portTimeout: 20, report: (failure) => seen.push(failure), ...options });
  expect(codeOf(await pay(point, await chainOf()))).not.toBe('permit');
  return seen;
}

describe('an operator is told of a port that fails', () => {
  test('with what it threw, what becomes of calls, and what to do', async () => {
    const accept = () => {
      throw full;
    };
    const [failure] = await reportsOf({ replay: { ...store, accept } });
    expect(failure).toMatchObject({ port: 'replay', what: 'threw', cause: full });
    for (const part of ['The disk is full', 'replay_store_unavailable', 'Make room.'])
      expect(failure?.message).toContain(part);
  });

  test.each<[string, PortFailure['what'], () => unknown]>([
    ['that rejects', 'threw', () => Promise.reject(full)],
    ['that is late', 'late', () => new Promise(() => {})],
    ['that answers nonsense', 'malformed', () => 'yes'],
  ])('%s', async (_how, what, accept) => {
    const replay = { ...store, accept: accept as never };
    expect(await reportsOf({ replay })).toMatchObject([{ port: 'replay', what }]);
  });

  test('and of a clock that steps back an hour', async () => {
    let now = NOW;
    const seen: PortFailure[] = [];
    const point = pointWith({ clock: { now: () => now }, report: (failure) => seen.push(failure) });
    await pay(point, await chainOf());
    now = NOW - 3600;
    expect(codeOf(await pay(point, await chainOf()))).toBe('clock_unavailable');
    expect(seen).toMatchObject([{ port: 'clock', what: 'malformed' }]);
    expect(seen[0]?.message).toContain('synchronize');
  });

  test('and of nothing while all goes well, denials included', async () => {
    const seen: PortFailure[] = [];
    const point = pointWith({ report: (failure) => seen.push(failure) });
    expect(codeOf(await pay(point, await chainOf()))).toBe('permit');
    expect(codeOf(await point.authorize(undefined, 'pay', {}))).toBe('presentation_missing');
    expect(seen).toEqual([]);
  });
});

test('a logger that throws changes nothing', async () => {
  const accept = () => Promise.reject(full);
  const point = pointWith({
    replay: { ...store, accept },
    report: () => {
      throw new Error('no disk for logs either');
    },
  });
  expect(codeOf(await pay(point, await chainOf()))).toBe('replay_store_unavailable');
});

test('without a logger the process warns, once a minute for each port', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const said: string[] = [];
    const warn = createWarner((message) => said.push(message));
    for (const port of ['replay', 'replay', 'ledger'] as const) warn(describeFailure(port, 'late'));
    expect(said).toHaveLength(2);
    vi.advanceTimersByTime(60_000);
    warn(describeFailure('replay', 'late'));
    expect(said).toHaveLength(3);
  } finally {
    vi.useRealTimers();
  }
});
