import type { AuditHead } from '@taper/core';
import { auditHeadSigningInput as headSigningInput, readAuditLine as readLine } from '@taper/core';
import { TEST_TIME, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { type AuditVerdict, MAX_FINDINGS, verifyAuditLog } from '../../src/audit/verify.ts';
import type { AuditLine } from '../../src/port/audit-sink.ts';
import { entriesOf, POINT, permitEvent, recordLines, recordMany } from './events.ts';

const key = POINT.publicKey;

const LINES = (await recordMany(6)).map(({ line }) => line);
/** What the same emitter wrote in another history. */
const OTHER = (await recordMany(6)).map(({ line }) => line);

function verify(
  lines: readonly string[],
  more: { emitter?: string; head?: AuditHead } = {},
): Promise<AuditVerdict> {
  return verifyAuditLog(entriesOf(lines), { key, ...more });
}

function headAt(sequence: number, lines: readonly string[] = LINES): AuditHead {
  const { event, hash } = readLine(lines[sequence - 1] ?? '') as NonNullable<
    ReturnType<typeof readLine>
  >;
  return { emitter: event.emitter, hash, sequence, signature: event.signature, time: event.time };
}

/** The lines with those from `at` on replaced. */
function replaced(at: number, count: number, ...by: readonly string[]): string[] {
  return LINES.toSpliced(at - 1, count, ...by);
}

describe('a log as it was written', () => {
  test('is intact, and its end is not proved without a head', async () => {
    expect(await verify(LINES)).toEqual({
      verdict: 'intact',
      emitter: key.thumbprint,
      lines: 6,
      events: 6,
      last: headAt(6),
      provedThrough: undefined,
      problems: [],
      problemCount: 0,
      clockSteps: [],
      clockStepCount: 0,
    });
  });

  test.each([1, 3, 6])('is intact, and proved up to the head at %i', async (sequence) => {
    const head = headAt(sequence);
    expect(await verify(LINES, { head })).toMatchObject({
      verdict: 'intact',
      provedThrough: sequence,
    });
  });

  test('S06: is verified with a key or not at all', async () => {
    for (const none of [undefined, null, { ...key }, key.jwk]) {
      await expect(verifyAuditLog(entriesOf(LINES), { key: none as never })).rejects.toMatchObject({
        code: 'option_invalid',
      });
    }
  });
});

describe('finds, and names the first bad line of', () => {
  test('S11: a change to any member, and to any byte of a line', async () => {
    const line = LINES[2] as string;
    for (let at = 0; at < line.length; at += 1) {
      const changed = line.slice(0, at) + (line[at] === 'x' ? 'y' : 'x') + line.slice(at + 1);
      const verdict = await verify(replaced(3, 1, changed));
      expect(verdict.verdict, `byte ${at}`).toBe('broken');
      expect(verdict.problems[0]?.line).toBe(3);
    }
  });

  test('S11: a member that is added, in its place or out of it, and white space', async () => {
    const line = LINES[2] as string;
    for (const changed of [
      line.replace('"tool"', '"toll":"x","tool"'),
      line.replace('"tool"', '"tenant":"x","tool"'),
      line.replace('"tool"', '"tool":"other","tool"'),
      line.replace('{', '{ '),
      `${line} `,
      `\ufeff${line}`,
      line.replace(/,"tool":"refund"/, ''),
      line.replace(/"time":(\d+)/, '"time":$1.0'),
    ]) {
      expect(changed).not.toBe(line);
      expect(await verify(replaced(3, 1, changed))).toMatchObject({
        verdict: 'broken',
        problems: [{ line: 3 }],
      });
    }
  });

  test('S10: one flipped bit, and still checks all other lines', async () => {
    const line = LINES[2] as string;
    const flipped = line.replace('"decision":"permit"', '"decision":"qermit"');
    expect(await verify(replaced(3, 1, flipped))).toMatchObject({
      events: 5,
      problems: [{ code: 'line_malformed', line: 3 }],
      problemCount: 1,
    });
    const changed = line.replace('"tool":"refund"', '"tool":"refune"');
    const again = (LINES[4] as string).replace('"tool":"refund"', '"tool":"refune"');
    expect(await verify(replaced(3, 1, changed).with(4, again))).toMatchObject({
      events: 4,
      problems: [
        { code: 'signature_invalid', line: 3, sequence: 3 },
        { code: 'signature_invalid', line: 5, sequence: 5 },
      ],
      problemCount: 2,
    });
  });

  test('S03: events dropped from the middle', async () => {
    expect(await verify(replaced(3, 2))).toMatchObject({
      verdict: 'broken',
      problems: [{ code: 'sequence_gap', line: 3, sequence: 5, expected: 3 }],
      problemCount: 1,
    });
  });

  test('S03: events dropped from the middle, with the next linked to what is left', async () => {
    const { hash } = headAt(2);
    const relinked = (LINES[4] as string)
      .replace('"sequence":5', '"sequence":3')
      .replace(/"previous_hash":"[^"]*"/, `"previous_hash":"${hash}"`);
    expect(await verify(replaced(3, 3, relinked))).toMatchObject({
      verdict: 'broken',
      problems: [
        { code: 'signature_invalid', line: 3 },
        { code: 'sequence_gap', line: 4 },
      ],
    });
  });

  test('S02: the oldest events dropped', async () => {
    expect(await verify(LINES.slice(1))).toMatchObject({
      problems: [{ code: 'sequence_gap', line: 1, sequence: 2, expected: 1 }],
    });
  });

  test('events in another order', async () => {
    const [, second, third] = LINES as [string, string, string];
    expect(await verify(replaced(2, 2, third, second))).toMatchObject({
      problems: [
        { code: 'sequence_gap', line: 2, sequence: 3, expected: 2 },
        { code: 'sequence_repeated', line: 3, sequence: 2, expected: 4 },
      ],
      problemCount: 2,
    });
  });

  test('an event that stands twice', async () => {
    expect(await verify(replaced(3, 0, LINES[1] as string))).toMatchObject({
      problems: [{ code: 'sequence_repeated', line: 3, sequence: 2, expected: 3 }],
      problemCount: 1,
    });
  });

  test('a line that was put in', async () => {
    for (const line of ['', '{}', 'null', 'not json', '[1]'])
      expect(await verify(replaced(3, 0, line))).toMatchObject({
        events: 6,
        problems: [{ code: 'line_malformed', line: 3 }],
        problemCount: 1,
      });
  });

  test("another emitter's event, with the same key or another", async () => {
    for (const options of [{ emitter: 'other' }, { signer: testKey('mallory').signer }]) {
      const [foreign] = (await recordLines([permitEvent()], options)) as [AuditLine];
      expect(await verify(replaced(3, 0, foreign.line))).toMatchObject({
        problems: [{ code: 'emitter_mismatch', line: 3 }],
        problemCount: 1,
      });
      expect(await verify([foreign.line], { emitter: key.thumbprint })).toMatchObject({
        problems: [{ code: 'emitter_mismatch', line: 1 }],
      });
    }
  });

  test("an event in the emitter's name under another key", async () => {
    const forged = await recordMany(6, {
      signer: testKey('mallory').signer,
      emitter: key.thumbprint,
    });
    expect(await verify(replaced(3, 1, (forged[2] as AuditLine).line))).toMatchObject({
      problems: [{ code: 'signature_invalid', line: 3 }],
    });
  });

  test('S05: a suffix written anew by somebody without the key', async () => {
    const forged = await recordMany(6, {
      signer: testKey('mallory').signer,
      emitter: key.thumbprint,
    });
    const suffix = forged.slice(3).map(({ line }) => line);
    expect(await verify(replaced(4, 3, ...suffix))).toMatchObject({
      events: 3,
      problems: [{ code: 'signature_invalid', line: 4 }, { line: 5 }, { line: 6 }],
    });
  });

  test('S07: two histories of one emitter, joined', async () => {
    expect(await verify(replaced(4, 3, ...OTHER.slice(3)))).toMatchObject({
      problems: [{ code: 'chain_broken', line: 4, sequence: 4 }],
      problemCount: 1,
    });
  });

  test('S05: another history as a whole, through a head that was kept', async () => {
    expect((await verify(OTHER)).verdict).toBe('intact');
    expect(await verify(OTHER, { head: headAt(4) })).toMatchObject({
      verdict: 'broken',
      problems: [{ code: 'head_mismatch', line: 4, sequence: 4 }],
    });
  });

  test('a wrong key', async () => {
    const wrong = testKey('mallory').publicKey;
    expect(await verifyAuditLog(entriesOf(LINES), { key: wrong })).toMatchObject({
      verdict: 'broken',
      events: 0,
      last: undefined,
      problems: LINES.map((_, index) => ({ code: 'signature_invalid', line: index + 1 })),
    });
  });

  test('a last line without its end', async () => {
    const entries = [...entriesOf(LINES), { problem: 'line_incomplete' } as const];
    expect(await verifyAuditLog(entries, { key })).toMatchObject({
      problems: [{ code: 'line_incomplete', line: 7 }],
    });
  });
});

describe('the end of a log', () => {
  test('S01: cut off is not seen without a head, and the verdict says that the end is not proved', async () => {
    expect(await verify(LINES.slice(0, 4))).toMatchObject({
      verdict: 'intact',
      provedThrough: undefined,
    });
  });

  test('S01: cut off before the head is found', async () => {
    expect(await verify(LINES.slice(0, 4), { head: headAt(5) })).toMatchObject({
      verdict: 'broken',
      provedThrough: undefined,
      problems: [{ code: 'cut_off', line: 5, sequence: 5, expected: 5 }],
    });
    expect((await verify(LINES.slice(0, 5), { head: headAt(5) })).verdict).toBe('intact');
  });

  test('S04: a log without any event is never intact', async () => {
    expect(await verify([])).toMatchObject({
      verdict: 'broken',
      problems: [{ code: 'log_empty' }],
    });
    expect(await verify([], { head: headAt(2) })).toMatchObject({
      problems: [{ code: 'log_empty' }, { code: 'cut_off', sequence: 2 }],
    });
  });

  test('is not proved by a head that somebody else signed, that was changed, or that is another emitter’s', async () => {
    const other = testKey('mallory');
    const honest = headAt(6);
    const resigned = Buffer.from(other.sign(headSigningInput(honest))).toString('base64url');
    const [foreign] = (await recordLines([permitEvent()], { emitter: 'other' })) as [AuditLine];
    for (const head of [
      { ...honest, signature: resigned },
      { ...honest, sequence: 5 },
      { ...honest, time: honest.time + 1 },
      { ...honest, hash: headAt(5).hash },
      { ...honest, signature: '' },
      { ...honest, more: 1 },
    ])
      expect(await verify(LINES, { head })).toMatchObject({
        provedThrough: undefined,
        problems: [{ code: 'head_invalid' }],
      });
    expect(
      await verify(LINES, { head: headAt(1, [foreign.line]), emitter: key.thumbprint }),
    ).toMatchObject({ verdict: 'broken', problems: [{ code: 'head_invalid' }] });
  });
});

describe('time', () => {
  test('S15: that runs backwards is reported, by line, and is no break', async () => {
    const lines = await recordLines(
      [0, 10, 4, 4, 20].map((seconds) => permitEvent({ time: TEST_TIME + seconds })),
    );
    expect(await verify(lines.map(({ line }) => line))).toMatchObject({
      verdict: 'intact',
      clockSteps: [{ line: 3, from: TEST_TIME + 10, to: TEST_TIME + 4 }],
      clockStepCount: 1,
    });
  });
});

test('findings are counted all, and listed up to a bound', async () => {
  const bad = Array.from({ length: 3 * MAX_FINDINGS }, () => '{}');
  const verdict = await verify(bad);
  expect(verdict.problemCount).toBe(3 * MAX_FINDINGS);
  expect(verdict.problems).toHaveLength(MAX_FINDINGS);
});
