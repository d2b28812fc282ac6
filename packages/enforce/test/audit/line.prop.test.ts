import { canonicalize, type JsonObject, parseJson, readAuditLine as readLine } from '@taper/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AuditEventInit } from '../../src/audit/event.ts';
import { hashed, POINT, permitEvent, recordLines } from './events.ts';

const name = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 600 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom(
    '"',
    '\\',
    '\\ud800',
    '\ud800',
    '\u2028\n\u001b[2J',
    ',"signature":"x"',
    '__proto__',
  ),
);
const text = name.map((each) => each.toWellFormed());
const optional = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(value, { nil: undefined });
const chain = fc.record({
  issuer: text,
  holders: fc.array(fc.constantFrom(hashed('a'), hashed('b')), { minLength: 1, maxLength: 4 }),
  tokens: fc.array(fc.constantFrom(hashed('t'), hashed('u')), { minLength: 1, maxLength: 4 }),
});
const args = fc
  .dictionary(text, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4, noNullPrototype: true })
  .map((each) => ({ signature: 'x', ...each }) as JsonObject)
  .filter((each) => {
    try {
      canonicalize(each);
      return true;
    } catch {
      return false;
    }
  });

const event: fc.Arbitrary<AuditEventInit> = fc
  .record({
    chains: fc.array(chain, { minLength: 1, maxLength: 3 }),
    tool: optional(fc.oneof(name, fc.constant('refund'))),
    resource: optional(name),
    action: optional(name),
    arguments: optional(args),
    policy: optional(fc.record({ id: name, version: name })),
    policyDecisionId: optional(name),
    approvals: optional(
      fc.array(
        fc.record({ group: name, approver: name, id: name, thumbprint: fc.constant(hashed('k')) }),
        { maxLength: 2 },
      ),
    ),
    budget: optional(
      fc.array(fc.record({ meter: text, amount: fc.constant('1.50') }), { maxLength: 2 }),
    ),
    tenant: optional(text),
    purposes: optional(fc.array(text, { maxLength: 2 })),
    session: optional(name),
  })
  .chain((changes) =>
    fc
      .constantFrom<Pick<AuditEventInit, 'type' | 'decision'>[]>(
        { type: 'decision', decision: 'permit' },
        { type: 'outcome', decision: 'executed' },
        { type: 'session', decision: 'opened' },
      )
      .map((kind) => permitEvent({ ...changes, ...kind })),
  );

test('whatever the names and arguments are, a line is the RFC 8785 text of an event that a reader accepts', async () => {
  await fc.assert(
    fc.asyncProperty(event, fc.array(text, { maxLength: 3 }), async (init, listed) => {
      const [line] = await recordLines([init], {
        recordedArguments: {
          refund: [...listed, 'signature', ...Object.keys(init.arguments ?? {})],
        },
      });
      const parsed = parseJson(line?.line ?? '');
      expect(parsed.ok && canonicalize(parsed.value)).toBe(line?.line);
      const read = readLine(line?.line ?? '');
      expect(read?.hash).toBe(line?.hash);
      expect(read?.event.emitter).toBe(POINT.publicKey.thumbprint);
      expect(line?.line.includes('\n')).toBe(false);
    }),
    { numRuns: 300 },
  );
});
