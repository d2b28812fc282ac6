import { createPublicKey, hash, verify as verifyBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  auditHeadSigningInput as headSigningInput,
  importPublicKey,
  type JsonObject,
  parseJson,
  readAuditHead as readHead,
  readAuditLine as readLine,
} from '@taper/core';
import { TEST_TIME, type TestKey, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { verifyAuditLog } from '../../src/audit/verify.ts';
import type { AuditLine } from '../../src/port/audit-sink.ts';
import { denyEvent, entriesOf, permitEvent, recordLines } from './events.ts';

interface Log {
  readonly id: string;
  readonly title: string;
  readonly lines: readonly string[];
  /** Whether `head` is given to the verifier. */
  readonly with_head: boolean;
  readonly expected: {
    readonly verdict: 'intact' | 'broken';
    readonly proved_through: number | null;
    readonly problems: readonly { readonly code: string; readonly line: number | null }[];
  };
}

const ORIGINAL = { amount: '12.50', order: 17, 'naïve "\\': [null, 1e21, true] };

/** The vectors, made anew: the same every time. */
async function makeSuite(key: TestKey): Promise<object> {
  const written = await write(key, 6);
  const lines = written.map(({ line }) => line);
  const forged = (await write(testKey('mallory'), 6, key.publicKey.thumbprint)).map(
    ({ line }) => line,
  );
  const other = (await write(key, 6, undefined, 9)).map(({ line }) => line);
  const foreign = (await write(key, 1, 'another emitter')).map(({ line }) => line);
  const last = readLine(lines[5] ?? '') as NonNullable<ReturnType<typeof readLine>>;
  const { emitter, sequence, signature, time } = last.event;
  const changed = (lines[2] ?? '').replace('"decision":"permit"', '"decision":"deny"');
  const logs: readonly Log[] = [
    log('intact', 'as it was written', lines, true, []),
    log('end-not-proved', 'as it was written, without a head', lines, false, []),
    log(
      'cut-off-unseen',
      'the last event is gone, and no head says so',
      lines.slice(0, 5),
      false,
      [],
    ),
    log('cut-off', 'the last event is gone', lines.slice(0, 5), true, [['cut_off', 6]]),
    log('empty', 'no event at all', [], false, [['log_empty', 1]]),
    log('changed', 'a decision was changed', lines.with(2, changed), true, [
      ['signature_invalid', 3],
    ]),
    log('white-space', 'a space was put in', lines.with(2, `${lines[2]} `), true, [
      ['line_malformed', 3],
    ]),
    log('oldest-dropped', 'the first event is gone', lines.slice(1), true, [['sequence_gap', 1]]),
    log('dropped', 'two events are gone', lines.toSpliced(2, 2), true, [['sequence_gap', 3]]),
    log('repeated', 'an event stands twice', lines.toSpliced(2, 0, lines[1] ?? ''), true, [
      ['sequence_repeated', 3],
    ]),
    log(
      'swapped',
      'two events have changed places',
      lines.with(2, lines[3] ?? '').with(3, lines[2] ?? ''),
      true,
      [
        ['sequence_gap', 3],
        ['sequence_repeated', 4],
      ],
    ),
    log(
      'inserted',
      'an event of another emitter was put in',
      lines.toSpliced(3, 0, ...foreign),
      true,
      [['emitter_mismatch', 4]],
    ),
    log(
      'rewritten',
      'the end was written anew without the key',
      [...lines.slice(0, 4), ...forged.slice(4)],
      false,
      [
        ['signature_invalid', 5],
        ['signature_invalid', 6],
      ],
    ),
    log(
      'forked',
      'two histories of the emitter, joined',
      [...lines.slice(0, 4), ...other.slice(4)],
      false,
      [['chain_broken', 5]],
    ),
    log('other-history', 'another history of the emitter', other, true, [['head_mismatch', 6]]),
  ];
  return {
    title: `Audit logs signed with ${key.alg}; spec/audit.md`,
    key: key.publicKey.jwk,
    head: { emitter, hash: last.hash, sequence, signature, time },
    signing_input: Buffer.from(headSigningInput({ ...last.event, hash: last.hash })).toString(),
    arguments: { line: 1, salt: written[0]?.salt, original: ORIGINAL },
    logs,
  };
}

function log(
  id: string,
  title: string,
  lines: readonly string[],
  withHead: boolean,
  problems: readonly (readonly [string, number])[],
): Log {
  const intact = problems.length === 0;
  return {
    id,
    title,
    lines,
    with_head: withHead,
    expected: {
      verdict: intact ? 'intact' : 'broken',
      proved_through: intact && withHead ? 6 : null,
      problems: problems.map(([code, line]) => ({ code, line })),
    },
  };
}

function write(
  key: TestKey,
  count: number,
  emitter?: string,
  noise = 7,
): Promise<readonly AuditLine[]> {
  const events = Array.from({ length: count }, (_, index) =>
    index % 3 === 1
      ? denyEvent({ time: TEST_TIME + index, tool: 'line\nbreak \u202e "quoted"' })
      : permitEvent({ time: TEST_TIME + index, arguments: ORIGINAL }),
  );
  return recordLines(events, {
    signer: key.signer,
    recordedArguments: { refund: ['amount', 'naïve "\\'] },
    random: (bytes) => bytes.fill(noise),
    ...(emitter === undefined ? {} : { emitter }),
  });
}

describe.each(['Ed25519', 'ES256'] as const)('the vectors of audit logs with %s', (alg) => {
  const path = join(import.meta.dirname, `../../../../vectors/audit/${alg.toLowerCase()}.json`);
  const made = makeSuite(testKey('enforcement point', alg));

  test('are what this file makes', async () => {
    // Write them anew with: npx vitest run packages/enforce/test/audit/vectors.test.ts -u
    await expect(`${JSON.stringify(await made, null, 2)}\n`).toMatchFileSnapshot(path);
  });

  test('come to what they expect', async () => {
    const suite = (await made) as { key: JsonObject; head: object; logs: readonly Log[] };
    const head = readHead(JSON.stringify(suite.head));
    for (const { id, lines, with_head, expected } of suite.logs) {
      const verdict = await verifyAuditLog(entriesOf(lines), {
        key: importPublicKey(suite.key),
        ...(with_head && head !== undefined ? { head } : {}),
      });
      expect([id, verdict.verdict, verdict.provedThrough ?? null]).toEqual([
        id,
        expected.verdict,
        expected.proved_through,
      ]);
      expect(verdict.problems.map(({ code, line }) => ({ code, line: line ?? null }))).toEqual(
        expected.problems,
      );
    }
  });

  test('are signed and chained as the specification says, to whoever follows it with nothing but SHA-256 and a signature', async () => {
    const suite = (await made) as {
      key: JsonObject;
      arguments: { salt: string };
      logs: readonly [Log];
    };
    const key = createPublicKey({ key: suite.key as never, format: 'jwk' });
    let previous = 'A'.repeat(43);
    for (const [index, line] of suite.logs[0].lines.entries()) {
      const { signature, ...event } = JSON.parse(line);
      // Members are in canonical order already, so leaving one out leaves canonical text.
      const digest = hash('sha256', JSON.stringify(event), 'base64url');
      expect([event.sequence, event.previous_hash]).toEqual([index + 1, previous]);
      const signed = `taper-audit-event-v1:${JSON.stringify({ emitter: event.emitter, hash: digest, sequence: event.sequence, time: event.time })}`;
      const bytes = Buffer.from(signature, 'base64url');
      const valid =
        alg === 'Ed25519'
          ? verifyBytes(null, Buffer.from(signed), key, bytes)
          : verifyBytes('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }, bytes);
      expect(valid).toBe(true);
      previous = digest;
    }
    const first = parseJson(suite.logs[0].lines[0] ?? '');
    const salted = Buffer.concat([
      Buffer.from(suite.arguments.salt, 'base64url'),
      Buffer.from('{"amount":"12.50","naïve \\"\\\\":[null,1e+21,true],"order":17}'),
    ]);
    expect(first.ok && (first.value as JsonObject)['arguments_hash']).toBe(
      hash('sha256', salted, 'base64url'),
    );
  });
});
