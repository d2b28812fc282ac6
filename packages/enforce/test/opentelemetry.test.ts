import { SpanStatusCode } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { importPublicKey, type JsonObject } from '@taper/core';
import { CAST, createTestClock, present, type Scenario, TEST_TIME } from '@taper/testkit';
import { beforeEach, describe, expect, test } from 'vitest';
import { createEnforcementPoint, type EnforcementPoint } from '../src/enforcement-point.ts';
import { traced } from '../src/opentelemetry.ts';

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = provider.getTracer('test');

function newPoint(now = TEST_TIME): EnforcementPoint {
  return createEnforcementPoint({
    audience: CAST.audience,
    anchors: CAST.anchors.map(({ issuer, key }) => ({
      issuer,
      key: importPublicKey(key.publicKey.jwk),
    })),
    clock: createTestClock(now),
  });
}

function call(
  point: EnforcementPoint,
  scenario: Scenario = {},
  tool?: string,
): ReturnType<EnforcementPoint['authorize']> {
  const { chain, pop, args_json, ...presented } = present(scenario);
  return point.authorize({ aat_chain: chain, aat_pop: pop }, tool ?? presented.tool, args_json);
}

beforeEach(() => exporter.reset());

describe('a traced enforcement point', () => {
  test('makes one span for each decision, with its verdict and what it is about', async () => {
    const point = traced(newPoint(), tracer);
    expect((await call(point)).verdict).toBe('permit');
    expect((await call(point)).verdict).toBe('deny');
    expect(
      exporter
        .getFinishedSpans()
        .map(({ name, attributes, status }) => ({ name, attributes, status })),
    ).toEqual([
      {
        name: 'taper.authorize',
        attributes: {
          'taper.verdict': 'permit',
          'taper.tool': 'read_file',
          'taper.agent': CAST.holders[1]?.publicKey.thumbprint,
          'taper.chain.length': 2,
        },
        status: { code: SpanStatusCode.UNSET },
      },
      {
        name: 'taper.authorize',
        attributes: {
          'taper.verdict': 'deny',
          'taper.tool': 'read_file',
          'taper.denial.code': 'proof_replayed',
        },
        status: { code: SpanStatusCode.UNSET },
      },
    ]);
  });

  test('says which hop was at fault', async () => {
    const point = traced(newPoint(), tracer);
    await call(point, { hops: [{}, { claims: { exp: TEST_TIME } }] });
    expect(exporter.getFinishedSpans()[0]?.attributes).toMatchObject({ 'taper.denial.hop': 1 });
  });

  test('has an error for its status only where the enforcement point failed', async () => {
    const point = traced(newPoint(Number.NaN), tracer);
    expect(await call(point)).toMatchObject({ denial: { code: 'clock_unavailable' } });
    expect(exporter.getFinishedSpans()[0]?.status.code).toBe(SpanStatusCode.ERROR);
  });

  test('decides and answers as the one that it stands before', async () => {
    const plain = newPoint();
    const point = traced(newPoint(), tracer);
    expect(Object.keys(point).toSorted()).toEqual(Object.keys(plain).toSorted());
    for (const scenario of [{}, { args: { path: '/other' } }] satisfies Scenario[])
      expect((await call(point, scenario)).verdict).toBe((await call(plain, scenario)).verdict);
  });

  test('changes no decision when the tracer fails', async () => {
    const fail = (): never => {
      throw new Error('tracer');
    };
    const span = { setAttributes: fail, setStatus: fail, end: fail };
    for (const startActiveSpan of [
      fail,
      (_: string, work: (each: unknown) => unknown) => work(span),
      (_: string, work: (each: unknown) => unknown) => {
        work(span);
        fail();
      },
    ]) {
      const point = traced(newPoint(), { startSpan: fail, startActiveSpan } as never);
      expect((await call(point)).verdict).toBe('permit');
      expect((await call(point)).verdict).toBe('deny');
    }
  });

  test('T01: has no token, proof, argument or key in any span, also where a token stands for a tool', async () => {
    const point = traced(newPoint(), tracer);
    const secret = 'canary-7f3a9';
    const { chain, pop } = present();
    const wire = { aat_chain: chain, aat_pop: pop };
    await call(point, { args: { path: secret } });
    await point.authorize(wire, chain[0] as string, { path: secret } satisfies JsonObject);
    await point.authorize(wire, `read ${pop} file`, '{}');
    await point.authorize({ aat_chain: [secret], aat_pop: secret }, 'read_file', secret);
    await point.authorize(secret, 'x'.repeat(100_000), secret);
    const spans = JSON.stringify(
      exporter.getFinishedSpans().map(({ name, attributes, events, status, links }) => ({
        name,
        attributes,
        events,
        status,
        links,
      })),
    );
    expect(exporter.getFinishedSpans()).toHaveLength(5);
    expect(spans.includes(secret)).toBe(false);
    for (const token of [...chain, pop]) {
      expect(spans.includes(token)).toBe(false);
      for (const segment of token.split('.')) expect(spans.includes(segment)).toBe(false);
    }
    expect(spans.length).toBeLessThan(5000);
  });
});
