import {
  approvalActionHash,
  approvalSubject,
  type JsonObject,
  parseApprovalRequest,
  readApprovalAction,
  readApprovalRequest,
} from '@taper/core';
import { describe, expect, test } from 'vitest';
import { ACTION, actionWith, NOW } from './scene.ts';

const CHANGES = {
  tool: 'refund',
  arguments: { order: 'o-1', amount: '120.01' },
  tokens: ['i'.repeat(43)],
  enforcementPoint: 'https://tools.example.org',
  nonce: 'm'.repeat(22),
  issuedAt: NOW - 11,
  expiresAt: NOW + 889,
} as const;

describe('the hash of an action', () => {
  test.each(Object.entries(CHANGES))('changes with its %s', (member, value) => {
    expect(approvalActionHash(actionWith({ [member]: value }))).not.toBe(
      approvalActionHash(ACTION),
    );
  });

  test('does not depend on the order in which members are written', () => {
    const reordered = Object.fromEntries(Object.entries(ACTION).reverse());
    reordered['arguments'] = Object.fromEntries(Object.entries(ACTION.arguments).reverse());
    expect(approvalActionHash(reordered as unknown as typeof ACTION)).toBe(
      approvalActionHash(ACTION),
    );
  });

  test('is that of the canonical JSON, written out here', () => {
    const action = { ...ACTION, issuedAt: 1, expiresAt: 2 };
    const text =
      `{"arguments":{"amount":"120.00","order":"o-1"},"enforcementPoint":"https://tools.example.com",` +
      `"expiresAt":2,"issuedAt":1,"nonce":"${'n'.repeat(22)}","tokens":["${'h'.repeat(43)}"],"tool":"pay"}`;
    return crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)).then((digest) => {
      expect(approvalActionHash(action)).toBe(Buffer.from(digest).toString('base64url'));
    });
  });

  test.each<[string, object]>([
    ['a nonce with fewer than 128 bits', { nonce: 'n'.repeat(21) }],
    ['no nonce', { nonce: undefined }],
    ['no token', { tokens: [] }],
    ['one token twice', { tokens: ['h'.repeat(43), 'h'.repeat(43)] }],
    ['a token that is no hash', { tokens: ['h'] }],
    ['an empty tool', { tool: '' }],
    ['an expiry at its beginning', { expiresAt: ACTION.issuedAt }],
    ['a fraction of a second', { expiresAt: NOW + 0.5 }],
    ['arguments that are a list', { arguments: [] }],
    ['arguments that JSON cannot hold', { arguments: { amount: Number.NaN } }],
    ['a member that nobody knows', { comment: 'all is well' }],
  ])('is refused for %s', (_what, changes) => {
    const action = { ...ACTION, ...changes } as typeof ACTION;
    expect(readApprovalAction(action)).toBeUndefined();
    expect(() => approvalActionHash(action)).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
    expect(readApprovalAction(ACTION)).toEqual(ACTION);
  });
});

describe('arguments of an action', () => {
  test.each<[string, unknown]>([
    ['absent', undefined],
    ['null', null],
    ['a string', '{}'],
  ])('that are %s are no arguments, and match no call (P08)', (_what, args) => {
    expect(readApprovalAction({ ...ACTION, arguments: args })).toBeUndefined();
  });

  test('that are absent from its object are no action; the empty object stands for no argument and not for any (P07)', () => {
    const { arguments: _, ...rest } = ACTION;
    expect(readApprovalAction(rest)).toBeUndefined();
    const none = actionWith({ arguments: {} });
    expect(readApprovalAction(none)).toEqual(none);
    expect(approvalActionHash(none)).not.toBe(approvalActionHash(ACTION));
    expect(approvalSubject(none)).not.toBe(approvalSubject(ACTION));
  });
});

describe('the subject of an action', () => {
  test.each(Object.entries(CHANGES))('and its %s', (member, value) => {
    const changed = approvalSubject(actionWith({ [member]: value }));
    const again = ['nonce', 'issuedAt', 'expiresAt'].includes(member);
    if (again) expect(changed).toBe(approvalSubject(ACTION));
    else expect(changed).not.toBe(approvalSubject(ACTION));
  });

  test('is not the hash of the action', () => {
    expect(approvalSubject(ACTION)).not.toBe(approvalActionHash(ACTION));
  });
});

const REQUEST = {
  action: ACTION,
  requirements: [{ group: 'finance', count: 2 }],
  chains: [['a.b.c']],
  approvals: [],
};

describe('a request for approval', () => {
  test('is read as a frozen copy', () => {
    const request = readApprovalRequest(REQUEST);
    expect(request).toEqual(REQUEST);
    expect(request).not.toBe(REQUEST);
    expect(Object.isFrozen(request?.action.arguments)).toBe(true);
    expect(parseApprovalRequest(JSON.stringify(REQUEST))).toEqual(REQUEST);
  });

  test.each<[string, JsonObject | object]>([
    ['a threshold of 0', { requirements: [{ group: 'finance', count: 0 }] }],
    ['a negative threshold', { requirements: [{ group: 'finance', count: -1 }] }],
    ['a threshold of one and a half', { requirements: [{ group: 'finance', count: 1.5 }] }],
    ['a threshold that is text', { requirements: [{ group: 'finance', count: '1' }] }],
    ['a threshold above 16', { requirements: [{ group: 'finance', count: 17 }] }],
    ['no requirement', { requirements: [] }],
    ['a group without a name', { requirements: [{ group: '', count: 1 }] }],
    [
      'a group whose name hides characters',
      { requirements: [{ group: 'fi\u200bnance', count: 1 }] },
    ],
    ['a group whose name is reordered', { requirements: [{ group: 'fin\u202eance', count: 1 }] }],
    ['a chain too few', { chains: [] }],
    ['a chain too many', { chains: [['a.b.c'], ['d.e.f']] }],
    ['an empty chain', { chains: [[]] }],
    ['a member that nobody knows', { note: '' }],
  ])('with %s is none (P09)', (_what, changes) => {
    expect(readApprovalRequest({ ...REQUEST, ...changes })).toBeUndefined();
    expect(parseApprovalRequest(JSON.stringify({ ...REQUEST, ...changes }))).toBeUndefined();
  });

  test('is refused as text in which a member stands twice, or a number that is not what it says', () => {
    const text = JSON.stringify(REQUEST);
    expect(parseApprovalRequest(text.replace('"tool":', '"tool":"read","tool":'))).toBeUndefined();
    const odd = text.replace('"120.00"', '12345678901234567890');
    expect(parseApprovalRequest(odd)).toBeUndefined();
    expect(parseApprovalRequest(odd.replace('12345678901234567890', '123'))).toBeDefined();
  });
});
