import { readFileSync } from 'node:fs';
import type { JsonObject, JsonValue } from '@taper/core';
import { schemaProblem } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { readGrantSet } from '../../src/grant/read-grant-set.ts';
import { ANY_ARGUMENTS, documentOf, grantText } from './document.ts';

const path = new URL('../../../../spec/grants.schema.json', import.meta.url);
const schema: JsonObject = JSON.parse(readFileSync(path, 'utf8'));

/** Whether the schema has nothing against it, and whether it is read. */
function verdicts(text: string): readonly [fits: boolean, isRead: boolean] {
  const value: JsonValue = JSON.parse(text);
  let isRead = true;
  try {
    readGrantSet(text);
  } catch {
    isRead = false;
  }
  return [schemaProblem(value, schema, schema) === undefined, isRead];
}

type Changes = Readonly<Record<string, unknown>>;

const GOOD: readonly Changes[] = [
  {},
  { audience: 'any' },
  { max_depth: 0, lifetime: 1 },
  { max_depth: 8, lifetime: 86_400 },
  { approvals: [{ group: 'finance team', count: 16 }] },
  {
    caveats: {
      budget: { calls: '10', EUR: '9.50' },
      approvals: { refund: { finance: 1 } },
      definitions: { refund: 'A'.repeat(43) },
      purpose: 'case 7',
      revocation: { log: 'log.example/authority', max_staleness: 60 },
    },
  },
  { subject: { kind: 'chain' } },
  {
    subject: {
      kind: 'user',
      issuer: 'https://idp.example',
      scopes: { read: { lookup: ANY_ARGUMENTS } },
    },
  },
  { subject: { kind: 'foreign', issuer: 'https://partner.example', tools: { pay: 'refund' } } },
];

const BAD: readonly Changes[] = [
  ...Object.keys(grantText()).map((member) => ({ [member]: undefined })),
  { agents: [] },
  { agents: 'desk' },
  { agents: ['a b'] },
  { tools: {} },
  { tools: { refund: {} } },
  { tools: { refund: { amount: 5 } } },
  { audience: [] },
  { audience: 'https://shop.example' },
  { max_depth: 9 },
  { max_depth: -1 },
  { max_depth_reason: '' },
  { lifetime: 0 },
  { lifetime: 86_401 },
  { ends: 1_798_761_600 },
  { ends: '2027-01-01' },
  { approvals: [] },
  { approvals: [{ group: 'finance', count: 0 }] },
  { approvals: [{ group: 'finance' }] },
  { caveats: {} },
  { caveats: { tenant: 'acme' } },
  { caveats: { budget: { EUR: 5 } } },
  { caveats: { budget: { EUR: '-5' } } },
  { caveats: { revocation: { log: 'l', max_staleness: 60, epoch: 1 } } },
  { subject: { kind: 'anyone' } },
  { subject: { kind: 'chain', issuer: 'https://a.example' } },
  { subject: { kind: 'user', issuer: 'https://idp.example', scopes: {} } },
  { subject: { kind: 'foreign', issuer: 'https://partner.example' } },
  { owner: 'ada' },
];

describe('spec/grants.schema.json', () => {
  test.each(GOOD)('fits what is read: %j', (changes) => {
    expect(verdicts(documentOf(grantText(changes)))).toEqual([true, true]);
  });

  test.each(BAD)('does not fit what is refused: %j', (changes) => {
    expect(verdicts(documentOf(grantText(changes)))).toEqual([false, false]);
  });

  test('fits no other document', () => {
    for (const text of [
      '{}',
      '[]',
      'null',
      documentOf().replace('1', '2'),
      documentOf().replace('taper-', ''),
    ])
      expect(verdicts(text)).toEqual([false, false]);
    expect(verdicts(documentOf())).toEqual([true, true]);
  });
});
