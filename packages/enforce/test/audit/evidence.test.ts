import { type JsonObject, opensArguments, parseJson, readAuditLine } from '@taper/core';
import { describe, expect, test } from 'vitest';
import {
  type AuditLine,
  createAuditRecorder,
  createMemoryAuditSink,
  type EnforcementPoint,
} from '../../src/index.ts';
import { chainOf, newSigner, PAYMENT, pointWith, present } from '../judge/scene.ts';
import { open, sessionPoint, TEXT, tableWith } from '../session/parties.ts';
import { permitEvent, recordLines } from './events.ts';

interface Scene {
  readonly point: EnforcementPoint;
  readonly lines: () => readonly AuditLine[];
}

function scene(keepEvidence: boolean): Scene {
  const sink = createMemoryAuditSink();
  const audit = createAuditRecorder({ sink, signer: newSigner(), keepEvidence });
  const point = pointWith({ audit, sessions: tableWith() });
  return { point, lines: () => sink.lines(audit.emitter) };
}

function objectOf(text: string | undefined): JsonObject {
  const parsed = parseJson(text ?? '');
  return parsed.ok ? (parsed.value as JsonObject) : {};
}

describe('evidence beside an event', () => {
  test('is arguments, tokens and proof of a permitted call, and opens the event', async () => {
    const { point, lines } = scene(true);
    const given = await present(await chainOf());
    expect((await point.authorize(given, 'pay', PAYMENT)).verdict).toBe('permit');
    const [kept] = lines();
    const evidence = objectOf(kept?.evidence);
    expect(evidence).toEqual({
      arguments: '{"amount":"120.00","order":"o-1"}',
      chains: [given.aat_chain],
      proofs: [given.aat_pop],
    });
    const hash = readAuditLine(kept?.line ?? '')?.event.arguments_hash ?? '';
    const opened = objectOf(evidence['arguments'] as string);
    expect(opensArguments(hash, opened, kept?.salt ?? '')).toBe(true);
    expect(opensArguments(hash, { ...opened, order: 'o-2' }, kept?.salt ?? '')).toBe(false);
  });

  test('T01, T02: is never in the line, nor any part of it', async () => {
    const { point, lines } = scene(true);
    const chain = await chainOf();
    const given = await present(chain);
    await point.authorize(given, 'pay', PAYMENT);
    await point.authorize(given, 'pay', PAYMENT); // a replay: refused after it was authenticated
    expect(lines().map(({ evidence }) => evidence?.includes('120.00'))).toEqual([true, true]);
    for (const { line, salt } of lines()) {
      expect(line.includes('120.00')).toBe(false);
      expect(line.includes(salt)).toBe(false);
      for (const token of [...given.aat_chain, given.aat_pop])
        for (const part of token.split('.')) expect(line.includes(part)).toBe(false);
    }
  });

  test('is not kept unless the recorder is asked to', async () => {
    const { point, lines } = scene(false);
    await point.authorize(await present(await chainOf()), 'pay', PAYMENT);
    expect(lines().map((line) => 'evidence' in line)).toEqual([false]);
  });

  test('of a refused call holds no proof: it may still serve', async () => {
    const { point, lines } = scene(true);
    const given = await present(await chainOf());
    await point.authorize(given, 'pay', PAYMENT);
    await point.authorize(given, 'pay', PAYMENT);
    expect(objectOf(lines()[0]?.evidence)['proofs']).toEqual([given.aat_pop]);
    const refused = objectOf(lines()[1]?.evidence);
    expect(Object.keys(refused)).toEqual(['arguments', 'chains']);
  });

  test('is nothing for a call of which nobody proved that it comes from the holder', async () => {
    const { point, lines } = scene(true);
    const given = await present(await chainOf());
    await point.authorize({ ...given, aat_pop: `${given.aat_pop}A` }, 'pay', PAYMENT);
    await point.authorize(given, 'pay', { ...PAYMENT, amount: '120.01' });
    await point.authorize('nothing', 'pay', PAYMENT);
    expect(lines().map(({ evidence }) => evidence)).toEqual([undefined, undefined, undefined]);
  });

  test('of a session and of its requests has chains and no proof', async () => {
    const sink = createMemoryAuditSink();
    const audit = createAuditRecorder({ sink, signer: newSigner(), keepEvidence: true });
    const point = sessionPoint({ audit });
    const session = await open(point);
    const decision = await point.authorize(session.request('pay', TEXT), 'pay', TEXT);
    expect(decision.verdict).toBe('permit');
    const [opened, call] = sink.lines(audit.emitter).map(({ evidence }) => objectOf(evidence));
    expect(Object.keys(opened ?? {})).toEqual(['chains']);
    expect(Object.keys(call ?? {})).toEqual(['arguments', 'chains']);
    expect(call?.['chains']).toEqual(opened?.['chains']);
  });

  test('is dropped where it is longer than is kept, and the event is not', async () => {
    const chains = [{ tokens: [{ compact: 'x'.repeat(5_000_000) }] }];
    const [line] = await recordLines([permitEvent({ evidence: { chains, proofs: [] } })], {
      keepEvidence: true,
    });
    expect(readAuditLine(line?.line ?? '')?.event.decision).toBe('permit');
    expect(line?.evidence).toBe(undefined);
  });
});

describe('a sink that takes lines of a bounded length', () => {
  test('S08: gets the event without the arguments that would be recorded in full', async () => {
    const sink = { ...createMemoryAuditSink(), maxLineBytes: 4000 };
    const recorder = createAuditRecorder({
      sink,
      signer: newSigner(),
      recordedArguments: { refund: ['note'] },
    });
    await recorder.record(permitEvent({ arguments: { note: '€'.repeat(1200) } }));
    const [line] = sink.lines(recorder.emitter);
    const event = readAuditLine(line?.line ?? '')?.event;
    expect(event?.arguments).toBe(undefined);
    expect(event?.arguments_hash).toBeDefined();
    expect(Buffer.byteLength(line?.line ?? '')).toBeLessThanOrEqual(4000);
  });

  test('refuses what is too long in any case, and nothing that is recorded with it', async () => {
    const sink = { ...createMemoryAuditSink(), maxLineBytes: 4000 };
    const recorder = createAuditRecorder({ sink, signer: newSigner() });
    const verdicts = await Promise.allSettled([
      recorder.record(permitEvent()),
      recorder.record(permitEvent({ purposes: ['x'.repeat(4000)] })),
      recorder.record(permitEvent()),
    ]);
    expect(verdicts.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(sink.lines(recorder.emitter)).toHaveLength(2);
  });
});
