import {
  createSigner,
  createVerifier,
  generateKeyPair,
  auditHeadSigningInput as headSigningInput,
  readAuditLine as readLine,
  verifyApproval,
} from '@taper/core';
import { CAST, createTestClock, present, TEST_TIME, type TestKey, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { type AuditReceipt, createAuditRecorder } from '../../src/audit/recorder.ts';
import { createMemoryAuditSink } from '../../src/memory/audit-sink.ts';
import type { AuditLine, AuditSink } from '../../src/port/audit-sink.ts';
import { denyEvent, hashed, POINT, permitEvent, recordLines } from './events.ts';

/** Everything that can be seen of a value: its own members, hidden ones too, and those of its causes. */
function seen(value: unknown, depth = 0): string {
  if (typeof value !== 'object' || value === null || depth > 6) return String(value);
  return Object.getOwnPropertyNames(value)
    .map((name) => `${name}=${seen((value as Record<string, unknown>)[name], depth + 1)}`)
    .join('\n');
}

describe('T01, T02: nothing secret is in an event, a receipt or an error', () => {
  const { privateJwk } = generateKeyPair();
  const { chain, pop } = present();
  const secret = 'canary-5e1f';
  const tokens = [...chain, pop];

  /** Events in which secrets stand wherever a caller could put them. */
  const events = [
    permitEvent({
      arguments: { amount: '1.00', card: secret, nested: { token: tokens[0] as string } },
    }),
    permitEvent({ tool: tokens[0], resource: tokens[1], action: `call ${pop}` }),
    permitEvent({ arguments: { amount: tokens[0] as string, [secret]: secret } }),
    denyEvent({ tool: `x${pop}`, arguments: { amount: { deep: [pop] }, pin: secret } }),
    denyEvent({ session: pop, policy: { id: pop, version: pop }, policyDecisionId: pop }),
  ];

  function expectClean(text: string): void {
    expect(text.includes(secret)).toBe(false);
    expect(text.includes(privateJwk.d)).toBe(false);
    for (const token of tokens)
      for (const part of [token, ...token.split('.')]) expect(text.includes(part)).toBe(false);
  }

  test('when all is well', async () => {
    const sink = createMemoryAuditSink();
    const recorder = createAuditRecorder({
      sink,
      signer: createSigner(privateJwk),
      recordedArguments: { refund: ['amount'] },
    });
    const receipts: AuditReceipt[] = [];
    for (const event of events) receipts.push(await recorder.record(event));
    const lines = sink.lines(recorder.emitter);
    expect(lines).toHaveLength(events.length);
    expectClean(lines.map(({ line }) => line).join('\n'));
    expectClean(seen(receipts) + seen(recorder));
    for (const { line, salt } of lines) expect(line.includes(salt)).toBe(false);
    expect(lines[0]?.line).toContain('"arguments":{"amount":"1.00"}');
  });

  test('when sink and signer fail, with whatever they throw', async () => {
    const failing: readonly { readonly sink: AuditSink; readonly signs: boolean }[] = [
      {
        signs: true,
        sink: { tip: () => undefined, append: () => Promise.reject(new Error('full')) },
      },
      {
        signs: true,
        sink: { tip: () => Promise.reject(new Error('gone')), append: () => 'appended' },
      },
      { signs: false, sink: createMemoryAuditSink() },
    ];
    for (const { sink, signs } of failing) {
      const signer = createSigner(privateJwk);
      const broken = { publicKey: signer.publicKey, sign: () => new Uint8Array(3) };
      const recorder = createAuditRecorder({ sink, signer: signs ? signer : broken });
      for (const event of events) {
        const error: unknown = await recorder.record(event).catch((cause: unknown) => cause);
        expect(error).toBeInstanceOf(Error);
        expectClean(`${seen(error)} ${String(error)}`);
      }
    }
  });

  test('when an event is refused', async () => {
    const recorder = createAuditRecorder({
      sink: createMemoryAuditSink(),
      signer: createSigner(privateJwk),
    });
    const refused = permitEvent({ arguments: { [secret]: Number.NaN }, time: TEST_TIME });
    const error: unknown = await recorder.record(refused).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(Error);
    expectClean(`${seen(error)} ${String(error)}`);
  });
});

test('T02: arguments are in an event only where the resource owner lists them, for that tool', async () => {
  const lines = await recordLines(
    [
      permitEvent({ arguments: { amount: '1.00', iban: 'DE00' } }),
      permitEvent({ tool: 'other', arguments: { amount: '1.00' } }),
      permitEvent({ arguments: { amount: 'x'.repeat(5000), iban: 'DE00' } }),
      permitEvent({ tool: 'constructor', arguments: { name: 'x' } }),
    ],
    { recordedArguments: { refund: ['amount', 'toString'] } },
  );
  const events = lines.map(({ line }) => readLine(line)?.event);
  expect(events.map((event) => event?.arguments)).toEqual([
    { amount: '1.00' },
    undefined,
    undefined,
    undefined,
  ]);
  expect(events.every((event) => event?.arguments_hash !== undefined)).toBe(true);
});

test('S16: the hashes of the same arguments differ, so that nobody finds them by trying', async () => {
  const lines = await recordLines([permitEvent(), permitEvent()]);
  const hashes = lines.map(({ line }) => readLine(line)?.event.arguments_hash);
  expect(hashes[0]).not.toBe(hashes[1]);
  expect(new Set(lines.map(({ salt }) => salt)).size).toBe(2);
});

test('S12: control characters, line breaks and spreadsheet formulas in a name stay inside one line of JSON', async () => {
  const names = ['a\nb', '\u001b[2J', '\r\n{"event":1}', '=cmd()', '\u202e', '"},{"'];
  const lines = await recordLines(names.map((tool) => denyEvent({ tool })));
  expect(lines.map(({ line }) => readLine(line)?.event.tool)).toEqual(names);
  for (const { line } of lines) expect(/\p{Cc}/u.test(line)).toBe(false);
});

test('S13: agent, delegator and tokens are those of the chain, and of each chain that was joined', async () => {
  const joined = {
    issuer: 'https://b.example',
    holders: [hashed('carol')],
    tokens: [hashed('other')],
  };
  const { chains } = permitEvent();
  const [line] = (await recordLines([permitEvent({ chains: [...chains, joined] })])) as [AuditLine];
  expect(readLine(line.line)?.event).toMatchObject({
    agent_id: hashed('bob'),
    delegated_by: hashed('alice'),
    delegation_chain: ['https://auth.example.com', hashed('alice'), hashed('bob')],
    token_hashes: [hashed('root'), hashed('leaf')],
    joined_chains: [
      {
        agent_id: hashed('carol'),
        delegated_by: 'https://b.example',
        delegation_chain: ['https://b.example', hashed('carol')],
        token_hashes: [hashed('other')],
      },
    ],
  });
});

describe('A10: a signature over an event is one over nothing else', () => {
  const key: TestKey = POINT;
  const clock = createTestClock();

  test('the bytes that are signed can be no signing input of a JWS, no note and no JSON', async () => {
    const [line] = (await recordLines([permitEvent()])) as [AuditLine];
    const { event, hash } = readLine(line.line) as NonNullable<ReturnType<typeof readLine>>;
    const input = Buffer.from(headSigningInput({ ...event, hash })).toString();
    expect(input).toMatch(/^taper-audit-event-v1:\{.*\}$/);
    expect(input).not.toMatch(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/);
    expect(input.endsWith('\n')).toBe(false);
    expect(() => JSON.parse(input)).toThrow();
  });

  test('E19: an event, or its signature, in the place of an approval, a proof or a token is refused', async () => {
    const [line] = (await recordLines([permitEvent()])) as [AuditLine];
    const { signature } = readLine(line.line)?.event ?? {};
    const { chain, pop, tool, args_json, now } = present({
      hops: [{ signer: key, holder: key }],
      proof: { signer: key },
    });
    const segment = (text: string): string => Buffer.from(text).toString('base64url');
    const action = {
      tool: 'refund',
      arguments: {},
      tokens: [hashed('leaf')],
      enforcementPoint: 'https://pay.example',
      nonce: 'n'.repeat(22),
      issuedAt: clock.now(),
      expiresAt: clock.now() + 60,
    };
    for (const compact of [
      line.line,
      `${segment('{"alg":"Ed25519","typ":"taper-approval+jwt"}')}.${segment(line.line)}.${signature}`,
      `${segment(line.line)}.${segment(line.line)}.${signature}`,
    ])
      expect(
        verifyApproval(compact, { action, approver: key.publicKey, now: clock.now() }),
      ).toHaveProperty('code');
    const verifier = createVerifier({
      anchors: [{ issuer: 'https://auth.example.com', key: key.publicKey }],
      audience: [CAST.audience],
    });
    for (const presentation of [
      { aat_chain: chain, aat_pop: line.line },
      { aat_chain: chain, aat_pop: `${pop.slice(0, pop.lastIndexOf('.'))}.${signature}` },
      { aat_chain: [line.line], aat_pop: pop },
    ]) {
      const decision = verifier.authorize({ presentation, tool, args: args_json, now });
      expect(decision.verdict).toBe('deny');
    }
    const honest = { presentation: { aat_chain: chain, aat_pop: pop }, tool, args: args_json, now };
    expect(verifier.authorize(honest).verdict).toBe('permit');
  });

  test('a signature over a token, or over an event without the domain, is none over an event', async () => {
    const [line] = (await recordLines([permitEvent()])) as [AuditLine];
    const { event, hash } = readLine(line.line) as NonNullable<ReturnType<typeof readLine>>;
    const { verifyAuditHead: verifyHead } = await import('@taper/core');
    const bare = headSigningInput({ ...event, hash }).subarray('taper-audit-event-v1:'.length);
    const head = { emitter: event.emitter, hash, sequence: event.sequence, time: event.time };
    const signed = (bytes: Uint8Array): string =>
      Buffer.from(key.sign(bytes)).toString('base64url');
    expect(verifyHead({ ...head, signature: event.signature }, key.publicKey)).toBe(true);
    expect(verifyHead({ ...head, signature: signed(bare) }, key.publicKey)).toBe(false);
    const token = present({ hops: [{ signer: testKey('enforcement point') }] }).chain[0] ?? '';
    const other = token.split('.')[2] ?? '';
    expect(verifyHead({ ...head, signature: other }, key.publicKey)).toBe(false);
  });
});
