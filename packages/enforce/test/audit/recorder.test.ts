import { readAuditLine as readLine, verifyAuditHead as verifyHead } from '@taper/core';
import { TEST_TIME, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import type { AuditEventInit } from '../../src/audit/event.ts';
import { type AuditRecorder, createAuditRecorder } from '../../src/audit/recorder.ts';
import { verifyAuditLog } from '../../src/audit/verify.ts';
import { createMemoryAuditSink, type MemoryAuditSink } from '../../src/memory/audit-sink.ts';
import type { AuditLine, AuditSink } from '../../src/port/audit-sink.ts';
import { denyEvent, entriesOf, POINT, permitEvent } from './events.ts';

const EMITTER = POINT.publicKey.thumbprint;

/** A sink that does as told for one append, and otherwise what the memory sink does. */
function faultySink(
  fault: (
    append: () => 'appended' | 'conflict',
    lines: readonly AuditLine[],
    sink: MemoryAuditSink,
  ) => unknown,
  tips: (call: number) => 'fails' | 'answers' = () => 'answers',
): { readonly sink: AuditSink; readonly memory: MemoryAuditSink; readonly appends: number[] } {
  const memory = createMemoryAuditSink();
  const appends: number[] = [];
  let asked = 0;
  let faults = 1;
  const sink: AuditSink = {
    tip(emitter) {
      asked += 1;
      if (tips(asked) === 'fails') throw new Error('no answer');
      return memory.tip(emitter);
    },
    append(lines) {
      appends.push(lines.length);
      const append = (): 'appended' | 'conflict' => memory.append(lines) as 'appended' | 'conflict';
      faults -= 1;
      return (faults === 0 ? fault(append, lines, memory) : append()) as 'appended';
    },
  };
  return { sink, memory, appends };
}

function recorderOn(sink: AuditSink, more: object = {}): AuditRecorder {
  return createAuditRecorder({ sink, signer: POINT.signer, timeout: 200, ...more });
}

async function verdictOn(sink: MemoryAuditSink): Promise<unknown> {
  return verifyAuditLog(entriesOf(sink.lines(EMITTER)), { key: POINT.publicKey });
}

describe('a recorder', () => {
  test('resolves with the head that the log ends with, signed', async () => {
    const sink = createMemoryAuditSink();
    const recorder = recorderOn(sink);
    const first = await recorder.record(permitEvent());
    const second = await recorder.record(denyEvent());
    expect(second).toMatchObject({ emitter: EMITTER, sequence: 2, time: TEST_TIME });
    for (const receipt of [first, second]) expect(verifyHead(receipt, POINT.publicKey)).toBe(true);
    expect(await sink.tip(EMITTER)).toEqual({ sequence: 2, hash: second.hash });
  });

  test('writes once for all who wait, in the order in which they came', async () => {
    const memory = createMemoryAuditSink();
    const appends: number[] = [];
    const sink: AuditSink = {
      tip: memory.tip,
      async append(lines) {
        appends.push(lines.length);
        await new Promise((resolve) => setTimeout(resolve, 5));
        return memory.append(lines);
      },
    };
    const recorder = recorderOn(sink);
    const first = recorder.record(permitEvent());
    await new Promise((resolve) => setTimeout(resolve, 1));
    const others = Array.from({ length: 50 }, () => recorder.record(permitEvent()));
    const sequences = (await Promise.all([first, ...others])).map(({ sequence }) => sequence);
    expect(sequences).toEqual(Array.from({ length: 51 }, (_, index) => index + 1));
    expect(appends).toEqual([1, 50]);
    expect(await verdictOn(memory)).toMatchObject({ verdict: 'intact', events: 51 });
  });

  test('goes on after the end that an earlier process left', async () => {
    const sink = createMemoryAuditSink();
    await recorderOn(sink).record(permitEvent());
    await recorderOn(sink).record(permitEvent());
    expect(await verdictOn(sink)).toMatchObject({ verdict: 'intact', events: 2 });
  });

  test('signs anew when another process wrote first', async () => {
    const sink = createMemoryAuditSink();
    const [one, other] = [recorderOn(sink), recorderOn(sink)];
    await one.record(permitEvent());
    await other.record(permitEvent());
    expect((await one.record(permitEvent())).sequence).toBe(3);
    expect(await verdictOn(sink)).toMatchObject({ verdict: 'intact', events: 3 });
  });

  test('rejects when others write without pause, and is of use afterwards', async () => {
    let busy = true;
    const memory = createMemoryAuditSink();
    const sink: AuditSink = {
      tip: memory.tip,
      append: (lines) => (busy ? 'conflict' : memory.append(lines)),
    };
    const recorder = recorderOn(sink);
    await expect(recorder.record(permitEvent())).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    busy = false;
    expect((await recorder.record(permitEvent())).sequence).toBe(1);
  });

  test('keeps the time that it is given: a clock that steps back does not change the order', async () => {
    const sink = createMemoryAuditSink();
    const recorder = recorderOn(sink);
    await recorder.record(permitEvent({ time: TEST_TIME }));
    await recorder.record(permitEvent({ time: TEST_TIME - 3600 }));
    const events = sink.lines(EMITTER).map(({ line }) => readLine(line)?.event);
    expect(events.map((event) => [event?.sequence, event?.time])).toEqual([
      [1, TEST_TIME],
      [2, TEST_TIME - 3600],
    ]);
    expect(await verdictOn(sink)).toMatchObject({ verdict: 'intact', clockStepCount: 1 });
  });
});

describe('when the sink fails', () => {
  test('before anything was appended: rejects, and the next event takes the place', async () => {
    const { sink, memory } = faultySink(() => {
      throw new Error('disk full');
    });
    const recorder = recorderOn(sink);
    await expect(recorder.record(permitEvent())).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    expect((await recorder.record(permitEvent())).sequence).toBe(1);
    expect(await verdictOn(memory)).toMatchObject({ verdict: 'intact', events: 1 });
  });

  test('after all was appended: finds the events there, and resolves', async () => {
    const { sink, memory } = faultySink((append) => {
      append();
      throw new Error('the answer was lost');
    });
    const recorder = recorderOn(sink);
    const receipts = await Promise.all([
      recorder.record(permitEvent()),
      recorder.record(permitEvent()),
    ]);
    expect(receipts.map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect((await recorder.record(permitEvent())).sequence).toBe(3);
    expect(await verdictOn(memory)).toMatchObject({ verdict: 'intact', events: 3 });
  });

  test('in the middle: resolves for the events that are there and rejects for the others', async () => {
    const { sink, memory } = faultySink((_, lines, inner) => {
      void inner.append(lines.slice(0, 2));
      throw new Error('power');
    });
    const recorder = recorderOn(sink);
    const settled = await Promise.allSettled([1, 2, 3].map(() => recorder.record(permitEvent())));
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect((await recorder.record(permitEvent())).sequence).toBe(3);
    expect(await verdictOn(memory)).toMatchObject({ verdict: 'intact', events: 3 });
  });

  test('after all was appended, and does not tell its end: rejects, and does not write twice at one place', async () => {
    const { sink, memory } = faultySink(
      (append) => {
        append();
        throw new Error('the answer was lost');
      },
      (call) => (call === 2 ? 'fails' : 'answers'),
    );
    const recorder = recorderOn(sink);
    await expect(recorder.record(permitEvent())).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    expect((await recorder.record(permitEvent())).sequence).toBe(2);
    expect(await verdictOn(memory)).toMatchObject({ verdict: 'intact', events: 2 });
  });

  test.each([undefined, null, true, 'ok', {}, []])(
    'with the answer %j: rejects, and the log stays whole',
    async (answer) => {
      for (const persisted of [false, true]) {
        const { sink, memory } = faultySink((append) => {
          if (persisted) append();
          return answer;
        });
        const recorder = recorderOn(sink);
        await expect(recorder.record(permitEvent())).rejects.toMatchObject({
          code: 'store_unavailable',
        });
        expect((await recorder.record(permitEvent())).sequence).toBe(persisted ? 2 : 1);
        expect(await verdictOn(memory)).toMatchObject({ verdict: 'intact' });
      }
    },
  );

  test.each([null, 1, {}, { sequence: 0, hash: 'x' }, { sequence: 1, hash: 'x' }, 'end'])(
    'with %j for its end: rejects',
    async (end) => {
      const sink = { tip: () => end, append: () => 'appended' } as unknown as AuditSink;
      await expect(recorderOn(sink).record(permitEvent())).rejects.toMatchObject({
        code: 'store_unavailable',
      });
    },
  );

  test('Z01: by never answering: rejects after its timeout, and goes on where it can', async () => {
    const { sink, memory } = faultySink(() => new Promise(() => {}));
    const recorder = recorderOn(sink, { timeout: 30 });
    await expect(recorder.record(permitEvent())).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    expect((await recorder.record(permitEvent())).sequence).toBe(1);
    expect(await verdictOn(memory)).toMatchObject({ verdict: 'intact', events: 1 });
  });

  test('Z01: by answering late, after the lines of the next group: they are not written twice', async () => {
    let land: (() => unknown) | undefined;
    const { sink, memory } = faultySink((append) => {
      land = append;
      return new Promise(() => {});
    });
    const recorder = recorderOn(sink, { timeout: 30 });
    await expect(recorder.record(permitEvent())).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    expect(land?.()).toBe('appended');
    expect((await recorder.record(permitEvent())).sequence).toBe(2);
    expect(await verdictOn(memory)).toMatchObject({ verdict: 'intact', events: 2 });
  });

  test('R10: a sink that hangs for good does not gather events: what is over the bound is refused at once, all else at the timeout', async () => {
    const sink = {
      tip: () => new Promise(() => {}),
      append: () => new Promise(() => {}),
    } as unknown as AuditSink;
    const recorder = recorderOn(sink, { timeout: 50, maxPending: 10 });
    const settled = await Promise.allSettled(
      Array.from({ length: 30 }, () => recorder.record(permitEvent())),
    );
    expect(settled.every(({ status }) => status === 'rejected')).toBe(true);
    const pending = Array.from({ length: 10 }, () =>
      recorder.record(permitEvent()).catch(() => 'late'),
    );
    const refused = recorder.record(permitEvent()).catch(() => 'at once');
    const soonest = await Promise.race([refused, ...pending]);
    expect(soonest).toBe('at once');
    expect(await Promise.all(pending)).toEqual(pending.map(() => 'late'));
  });
});

describe('when the signer fails', () => {
  const other = testKey('another key');

  test.each<[string, () => Uint8Array | Promise<Uint8Array>]>([
    [
      'by throwing',
      () => {
        throw new Error('no token');
      },
    ],
    ['by rejecting', () => Promise.reject(new Error('no token'))],
    ['by too short a signature', () => new Uint8Array(63)],
    ['by never answering', () => new Promise(() => {})],
  ])('%s: rejects, writes nothing, and goes on', async (_, fail) => {
    const sink = createMemoryAuditSink();
    let failing = true;
    const signer = {
      publicKey: POINT.publicKey,
      sign: (input: Uint8Array) => (failing ? fail() : POINT.sign(input)),
    };
    const recorder = createAuditRecorder({ sink, signer, timeout: 50 });
    await expect(recorder.record(permitEvent())).rejects.toMatchObject({ code: 'signing_failed' });
    expect(sink.lines(EMITTER)).toEqual([]);
    failing = false;
    expect((await recorder.record(permitEvent())).sequence).toBe(1);
  });

  test('by signing with another key than it names: rejects, and writes nothing', async () => {
    const sink = createMemoryAuditSink();
    const signer = { publicKey: POINT.publicKey, sign: other.sign };
    const recorder = createAuditRecorder({ sink, signer });
    await expect(recorder.record(permitEvent())).rejects.toMatchObject({ code: 'signing_failed' });
    expect(sink.lines(EMITTER)).toEqual([]);
  });

  test('not at all: a signer may take its time, and use P-256', async () => {
    const key = testKey('enforcement point', 'ES256');
    const sink = createMemoryAuditSink();
    const signer = {
      publicKey: key.publicKey,
      sign: async (input: Uint8Array) => {
        await new Promise((resolve) => setTimeout(resolve, 2));
        return key.sign(input);
      },
    };
    const recorder = createAuditRecorder({ sink, signer });
    await Promise.all([1, 2, 3].map(() => recorder.record(permitEvent())));
    expect(
      await verifyAuditLog(entriesOf(sink.lines(recorder.emitter)), { key: key.publicKey }),
    ).toMatchObject({ verdict: 'intact', events: 3 });
  });
});

describe('an event', () => {
  test.each<[string, Partial<AuditEventInit>]>([
    ['L13: that permits a call of nobody', { chains: [] }],
    [
      'L13: that permits a call under a chain without holders',
      { chains: [{ issuer: 'x', holders: [], tokens: [] }] },
    ],
    ['L13: of a call that ran for nobody', { type: 'outcome', decision: 'executed', chains: [] }],
    ['of a session that says what became of a call', { type: 'session', decision: 'executed' }],
    ['of an outcome that permits', { type: 'outcome' }],
    ['without a time', { time: Number.NaN }],
    ['at a time that is no whole second', { time: 1.5 }],
    ['whose arguments JSON cannot hold', { arguments: { a: undefined } as never }],
  ])('%s is refused, and the next is written', async (_, changes) => {
    const sink = createMemoryAuditSink();
    const recorder = recorderOn(sink);
    await expect(recorder.record(permitEvent(changes))).rejects.toMatchObject({
      code: expect.stringMatching(/^(option|json)_invalid$/),
    });
    expect((await recorder.record(permitEvent())).sequence).toBe(1);
  });

  test('of a denial needs no chain', async () => {
    const sink = createMemoryAuditSink();
    await recorderOn(sink).record(denyEvent());
    expect(readLine(sink.lines(EMITTER)[0]?.line ?? '')?.event).toMatchObject({
      decision: 'deny',
      denial_code: 'signature_invalid',
      denial_hop: 1,
    });
  });

  test('longer than a reader accepts is refused', async () => {
    const purposes = Array.from({ length: 5000 }, () => 'x'.repeat(256));
    const recorder = recorderOn(createMemoryAuditSink());
    await expect(recorder.record(permitEvent({ purposes }))).rejects.toMatchObject({
      code: 'json_invalid',
    });
  });
});

describe('a recorder is not made', () => {
  test.each<[string, object]>([
    ['for an emitter without a name', { emitter: '' }],
    ['for an emitter whose name breaks lines', { emitter: 'a\nb' }],
    [
      'with a look-alike of a key',
      { signer: { publicKey: { ...POINT.publicKey }, sign: POINT.sign } },
    ],
    ['without time to wait', { timeout: 0 }],
    ['without room to wait', { maxPending: 0.5 }],
  ])('%s', (_, options) => {
    expect(() => recorderOn(createMemoryAuditSink(), options)).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });
});
