import { readFileSync } from 'node:fs';
import type { JsonObject, JsonValue } from '@taper/core';
import { schemaProblem } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { readDecisionDocument } from '../../../src/policy/opa/decision-document.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../../../../spec/policy-decision.schema.json', import.meta.url), 'utf8'),
) as JsonObject;

const finance = { group: 'finance', count: 1 };

const ACCEPTED: readonly [JsonValue, string][] = [
  [true, 'permit'],
  [false, 'deny'],
  [{ verdict: 'permit' }, 'permit'],
  [{ verdict: 'deny', approvals: [], reasons: [] }, 'deny'],
  [{ verdict: 'permit', reasons: ['a', 'b'] }, 'permit'],
  [{ verdict: 'approval_required', approvals: [finance] }, 'approval_required'],
  [{ verdict: 'deny', policy: { id: 'refunds', version: '3' } }, 'deny'],
];

const REFUSED: readonly JsonValue[] = [
  null,
  0,
  1,
  'permit',
  'true',
  [],
  [true],
  {},
  { allow: true },
  { verdict: true },
  { verdict: 'Permit' },
  { verdict: 'allow' },
  { verdict: ['permit'] },
  { verdict: 'permit', deny: true },
  { verdict: 'permit', approvals: [finance] },
  { verdict: 'deny', approvals: [finance] },
  { verdict: 'permit', approvals: null },
  { verdict: 'permit', approvals: {} },
  { verdict: 'approval_required' },
  { verdict: 'approval_required', approvals: [] },
  { verdict: 'approval_required', approvals: ['finance'] },
  { verdict: 'approval_required', approvals: [finance, null] },
  { verdict: 'approval_required', approvals: [{ group: 'finance' }] },
  { verdict: 'approval_required', approvals: [{ count: 1 }] },
  { verdict: 'approval_required', approvals: [{ ...finance, count: 0 }] },
  { verdict: 'approval_required', approvals: [{ ...finance, count: 1.5 }] },
  { verdict: 'approval_required', approvals: [{ ...finance, count: 17 }] },
  { verdict: 'approval_required', approvals: [{ ...finance, count: '1' }] },
  { verdict: 'approval_required', approvals: [{ ...finance, group: '' }] },
  { verdict: 'approval_required', approvals: [{ ...finance, group: 'a\u0000' }] },
  { verdict: 'approval_required', approvals: [{ ...finance, unless: 'x' }] },
  { verdict: 'approval_required', approvals: Array(65).fill(finance) },
  { verdict: 'permit', reasons: 'a' },
  { verdict: 'permit', reasons: [1] },
  { verdict: 'permit', reasons: [''] },
  { verdict: 'permit', reasons: ['a\nb'] },
  { verdict: 'permit', reasons: ['a'.repeat(257)] },
  { verdict: 'permit', reasons: Array(65).fill('a') },
  { verdict: 'permit', policy: 'refunds' },
  { verdict: 'permit', policy: { id: 'refunds' } },
  { verdict: 'permit', policy: { id: 'refunds', version: 3 } },
  { verdict: 'permit', policy: { id: '', version: '3' } },
  { verdict: 'permit', policy: { id: 'refunds', version: '3', until: 1 } },
];

describe('the document that a Rego policy gives', () => {
  test.each(ACCEPTED)('%j is %s, and fits the schema', (document, verdict) => {
    expect(readDecisionDocument(document).verdict).toBe(verdict);
    expect(schemaProblem(document, schema, schema)).toBe(undefined);
  });

  test.each(REFUSED.map((document) => [document]))(
    'Y02 %j is no decision, nor does it fit the schema',
    (document) => {
      expect(() => readDecisionDocument(document)).toThrow(
        expect.objectContaining({ code: 'policy_unavailable' }),
      );
      expect(schemaProblem(document, schema, schema)).not.toBe(undefined);
    },
  );

  test('Y02 undefined is no document: who asks has to say what it means', () => {
    expect(() => readDecisionDocument(undefined)).toThrow(
      expect.objectContaining({ code: 'policy_unavailable' }),
    );
  });

  test('asks of a group that stands there twice for the higher count', () => {
    const approvals = [finance, { group: 'board', count: 1 }, { group: 'finance', count: 2 }];
    expect(readDecisionDocument({ verdict: 'approval_required', approvals }).approvals).toEqual([
      { group: 'board', count: 1 },
      { group: 'finance', count: 2 },
    ]);
  });

  test('is not quoted in an error', () => {
    for (const document of [{ canary: 1 }, 'canary', { verdict: 'canary' }]) {
      let said = '';
      try {
        readDecisionDocument(document);
      } catch (error) {
        said = String((error as Error).stack);
      }
      expect(said).not.toBe('');
      expect(said).not.toContain('canary');
    }
  });
});
