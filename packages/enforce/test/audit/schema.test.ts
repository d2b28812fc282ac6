import { readFileSync } from 'node:fs';
import type { JsonObject, JsonValue } from '@taper/core';
import { readAuditLine as readLine } from '@taper/core';
import { schemaProblem } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import type { AuditLine } from '../../src/port/audit-sink.ts';
import { denyEvent, hashed, permitEvent, recordLines } from './events.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../../../spec/audit-event.schema.json', import.meta.url), 'utf8'),
) as JsonObject;

/** An event with every member that there is. */
const FULL = permitEvent({
  chains: [
    { issuer: 'https://a.example', holders: [hashed('a')], tokens: [hashed('t')] },
    { issuer: 'https://b.example', holders: [hashed('b')], tokens: [hashed('u')] },
  ],
  policy: { id: 'refunds', version: '3' },
  policyDecisionId: 'd-1',
  policyReasons: ['above-100'],
  approvals: [{ group: 'finance', approver: 'ada', thumbprint: hashed('ada'), id: 'approval-1' }],
  budget: [{ meter: 'EUR', amount: '12.50' }],
  tenant: 'acme',
  purposes: ['ticket-1'],
  session: 's-1',
  denial: { code: 'internal_error', hop: 0 },
  decisionEventId: '01a1f8d3-ea00-7b88-9afc-6cca7f7aa9fe',
});

const [FULL_LINE] = (await recordLines([FULL], { recordedArguments: { refund: ['amount'] } })) as [
  AuditLine,
];
const FULL_EVENT = JSON.parse(FULL_LINE.line) as Record<string, JsonValue>;

/** What was refused before it was proved who calls has the chain that was shown in the place of those that acted. */
const [SHOWN_LINE] = (await recordLines([
  denyEvent({
    presented: { issuer: 'https://a.example', holders: [hashed('a')], tokens: [hashed('t')] },
  }),
])) as [AuditLine];
const SHOWN_EVENT = JSON.parse(SHOWN_LINE.line) as Record<string, JsonValue>;

function fits(event: JsonValue): boolean {
  return schemaProblem(event, schema, schema) === undefined;
}

function accepted(event: object): boolean {
  const entries = Object.entries(event).sort(([a], [b]) => (a < b ? -1 : 1));
  return readLine(JSON.stringify(Object.fromEntries(entries))) !== undefined;
}

describe('spec/audit-event.schema.json', () => {
  test('describes every member that an event can have, and no other', () => {
    const members = new Set([...Object.keys(FULL_EVENT), ...Object.keys(SHOWN_EVENT)]);
    expect([...members].sort()).toEqual(Object.keys(schema['properties'] as object));
  });

  test('fits what a recorder writes', async () => {
    const lines = await recordLines([FULL, permitEvent(), denyEvent()]);
    for (const { line } of [...lines, SHOWN_LINE])
      expect(schemaProblem(JSON.parse(line), schema, schema)).toBe(undefined);
  });

  test('has a presented chain only where nobody is named, and only in a denial', () => {
    const { presented_chain } = SHOWN_EVENT;
    expect(accepted(SHOWN_EVENT)).toBe(true);
    expect(accepted({ ...FULL_EVENT, decision: 'deny', presented_chain })).toBe(false);
    expect(accepted({ ...SHOWN_EVENT, decision: 'approval_required' })).toBe(false);
    expect(accepted({ ...SHOWN_EVENT, presented_chain: { delegation_chain: ['a'] } })).toBe(false);
  });

  test('names somebody wherever somebody acted, and says what its type can say', () => {
    const {
      agent_id: _a,
      delegated_by: _b,
      delegation_chain: _c,
      token_hashes: _d,
      ...nobody
    } = FULL_EVENT;
    const { joined_chains: _e, ...alone } = nobody;
    expect(accepted({ ...alone, event_type: 'decision', decision: 'deny' })).toBe(true);
    expect(accepted({ ...nobody, event_type: 'decision', decision: 'deny' })).toBe(false);
    for (const [event_type, decision] of [
      ['decision', 'permit'],
      ['outcome', 'executed'],
      ['outcome', 'not_executed'],
      ['session', 'opened'],
    ] as const) {
      expect(accepted({ ...FULL_EVENT, event_type, decision }), decision).toBe(true);
      expect(accepted({ ...alone, event_type, decision }), decision).toBe(false);
      const other = event_type === 'decision' ? 'outcome' : 'decision';
      expect(accepted({ ...FULL_EVENT, event_type: other, decision }), decision).toBe(false);
    }
  });

  test('and the reader agree, member by member, on what is missing', () => {
    for (const member of Object.keys(FULL_EVENT)) {
      const { [member]: _, ...rest } = FULL_EVENT;
      const chain = ['agent_id', 'delegated_by', 'delegation_chain', 'token_hashes'].includes(
        member,
      );
      // That these four come together is beyond the schema.
      if (!chain) expect(accepted(rest), member).toBe(fits(rest));
      else expect(accepted(rest), member).toBe(false);
    }
  });

  test('and the reader agree, member by member, on what has the wrong shape', () => {
    const values: readonly JsonValue[] = [
      null,
      true,
      -1,
      1.5,
      'x',
      '',
      'a\nb',
      hashed('x'),
      [],
      [1],
      ['x'],
      {},
      [{}],
    ];
    for (const member of Object.keys(FULL_EVENT)) {
      for (const value of values) {
        if (member === 'arguments' && value !== null && typeof value === 'object') continue;
        const event = { ...FULL_EVENT, [member]: value };
        expect(accepted(event), `${member}: ${JSON.stringify(value)}`).toBe(fits(event));
      }
    }
  });

  test('and the reader refuse a member that is not defined', () => {
    const event = { ...FULL_EVENT, other: 1 };
    expect([fits(event), accepted(event)]).toEqual([false, false]);
    expect([fits(FULL_EVENT), accepted(FULL_EVENT)]).toEqual([true, true]);
  });
});
