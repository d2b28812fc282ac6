import {
  type ApprovalAction,
  approvalActionHash,
  approve,
  createSigner,
  generateKeyPair,
  type PublicKey,
  RefusedError,
  unsafeApprover,
  verifyApproval,
} from '@taper/core';
import { present, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { ACTION, actionWith, ada, approvalOf, forged, NOW, paula } from './scene.ts';

function codeOf(
  approval: string,
  action: ApprovalAction = ACTION,
  now = NOW,
  approver: PublicKey = ada.publicKey,
): string {
  const verdict = verifyApproval(approval, { action, approver, now });
  return 'code' in verdict ? verdict.code : 'verified';
}

describe('an approval', () => {
  test.each([ada, paula])('of $alg verifies for its action under its approver', async (key) => {
    const approval = await approvalOf(ACTION, key.signer);
    expect(verifyApproval(approval, { action: ACTION, approver: key.publicKey, now: NOW })).toEqual(
      {
        id: 'approval-1',
        group: 'finance',
        thumbprint: key.publicKey.thumbprint,
        issuedAt: NOW,
        expiresAt: ACTION.expiresAt,
      },
    );
  });

  test('says before it is verified whom to look up, and for which action', async () => {
    expect(unsafeApprover(await approvalOf())).toEqual({
      group: 'finance',
      thumbprint: ada.publicKey.thumbprint,
      actionHash: approvalActionHash(ACTION),
    });
  });

  test.each<[string, Partial<ApprovalAction>]>([
    ['other arguments', { arguments: { order: 'o-1', amount: '120.01' } }],
    ['more arguments', { arguments: { ...ACTION.arguments, note: '' } }],
    ['no arguments', { arguments: {} }],
    ['another tool', { tool: 'refund' }],
    ['another leaf', { tokens: ['i'.repeat(43)] }],
    ['another leaf besides', { tokens: ['h'.repeat(43), 'i'.repeat(43)] }],
    ['another enforcement point', { enforcementPoint: 'https://tools.example.org' }],
    ['another request', { nonce: 'm'.repeat(22) }],
  ])('does not count for %s (P01)', async (_what, changes) => {
    expect(codeOf(await approvalOf(), actionWith(changes))).toBe('approval_action_mismatch');
    expect(codeOf(await approvalOf(actionWith(changes)), actionWith(changes))).toBe('verified');
  });

  test('given for no arguments is not one for all arguments (P07)', async () => {
    const none = actionWith({ arguments: {} });
    expect(codeOf(await approvalOf(none), ACTION)).toBe('approval_action_mismatch');
    expect(codeOf(await approvalOf(none), none)).toBe('verified');
  });

  test('counts until the second before it expires, with no grace (P05)', async () => {
    const approval = await approvalOf();
    expect(codeOf(approval, ACTION, ACTION.expiresAt - 1)).toBe('verified');
    expect(codeOf(approval, ACTION, ACTION.expiresAt)).toBe('approval_expired');
    const options = { action: ACTION, group: 'finance', signer: ada.signer, now: NOW, id: 'short' };
    const short = await approve({ ...options, expiresAt: NOW + 60 });
    expect(codeOf(short, ACTION, NOW + 59)).toBe('verified');
    expect(codeOf(short, ACTION, NOW + 60)).toBe('approval_expired');
  });

  test.each<[string, number, string]>([
    ['30 seconds ahead', 30, 'verified'],
    ['31 seconds ahead', 31, 'approval_malformed'],
  ])('whose clock was %s', async (_what, ahead, code) => {
    expect(codeOf(await forged({ claims: { iat: NOW + ahead } }))).toBe(code);
  });
});

describe('an approval is malformed', () => {
  test.each<[string, Parameters<typeof forged>[0]]>([
    ['with the type of a proof', { header: { typ: 'aat-pop+jwt' } }],
    ['with the type of a token', { header: { typ: 'aat+jwt' } }],
    ['with no type', { header: { typ: undefined } }],
    ['with its type in other letters', { header: { typ: 'TAPER-APPROVAL+JWT' } }],
    ['with the algorithm none', { header: { alg: 'none' } }],
    ['with a polymorphic algorithm', { header: { alg: 'EdDSA' } }],
    ['with a key of its own', { header: { jwk: ada.publicKey.jwk } }],
    ['with the address of a key', { header: { jku: 'https://keys.example.com' } }],
    ['with something critical', { header: { crit: ['exp'] } }],
    ['with no key identifier', { header: { kid: undefined } }],
    ['with a key identifier that is a URI', { header: { kid: ada.publicKey.thumbprintUri } }],
    ['that outlives its action', { claims: { exp: ACTION.expiresAt + 1 } }],
    ['that expires before it begins', { claims: { exp: NOW } }],
    ['that never expires', { claims: { exp: undefined } }],
    ['with a time as text', { claims: { iat: String(NOW) } }],
    ['without identifier', { claims: { jti: undefined } }],
    ['with an empty identifier', { claims: { jti: '' } }],
    ['without group', { claims: { group: undefined } }],
    ['with a list of groups', { claims: { group: ['finance'] } }],
    ['without action', { claims: { action: undefined } }],
    ['with an action that is null', { claims: { action: null } }],
    ['with a member that nobody knows', { claims: { any_arguments: true } }],
    ['with a group named twice', { payload: (text) => text.replace('{', '{"group":"board",') }],
    [
      'with times that are not integers',
      { payload: (text) => text.replace(`:${NOW}`, `:${NOW}.0`) },
    ],
    ['that is no JSON', { payload: () => 'yes' }],
  ])('%s', async (_what, changes) => {
    expect(codeOf(await forged(changes))).toBe('approval_malformed');
    expect(codeOf(await forged({}))).toBe('verified');
  });

  test('when it is longer than 4096 characters', async () => {
    const id = 'x'.repeat(4000);
    expect(codeOf(await forged({ claims: { jti: id } }))).toBe('approval_malformed');
  });

  test('when it is no JWS at all', async () => {
    for (const text of [
      '',
      'approved',
      'a.b',
      'a.b.c.d',
      `${await approvalOf()}.`,
      `${await approvalOf()}\n.`,
    ])
      expect(codeOf(text), text).toBe('approval_malformed');
    for (const value of [undefined, null, true, 1, {}, []])
      expect(codeOf(value as unknown as string)).toBe('approval_malformed');
  });

  test('when it is a token, a proof or a receipt: none of them is offered as another (A10)', async () => {
    const { chain, pop } = present();
    for (const each of [...chain, pop, JSON.stringify({ status: 'verified' })])
      expect(codeOf(each)).toBe('approval_malformed');
  });
});

describe('the key of an approval', () => {
  test('is the one the verifier holds, whatever the approval names', async () => {
    const mallory = testKey('mallory');
    const own = await approvalOf(ACTION, mallory.signer);
    expect(codeOf(own)).toBe('approval_approver_unknown');
    const posing = await forged({ signer: mallory });
    expect(codeOf(posing)).toBe('approval_signature_invalid');
  });

  test('has one algorithm', async () => {
    const kid = ada.publicKey.thumbprint;
    const mixed = await forged({ header: { alg: 'ES256', kid }, signer: paula });
    expect(codeOf(mixed)).toBe('approval_signature_invalid');
  });

  test('signs nothing that was changed afterwards', async () => {
    const approval = await approvalOf();
    const other = await approvalOf(actionWith({ nonce: 'm'.repeat(22) }));
    const [header, , signature] = approval.split('.');
    const spliced = `${header}.${other.split('.')[1]}.${signature}`;
    expect(codeOf(spliced, actionWith({ nonce: 'm'.repeat(22) }))).toBe(
      'approval_signature_invalid',
    );
    expect(codeOf(`${approval.slice(0, -4)}AAAA`)).toBe('approval_signature_invalid');
    expect(codeOf(approval.slice(0, approval.lastIndexOf('.') + 1))).toBe(
      'approval_signature_invalid',
    );
  });
});

describe('approving', () => {
  const options = { action: ACTION, group: 'finance', signer: ada.signer, now: NOW, id: 'a' };

  test.each<[string, object, string]>([
    ['an action that has expired', { now: ACTION.expiresAt }, 'approval_expired'],
    ['for longer than the action lasts', { expiresAt: ACTION.expiresAt + 1 }, 'approval_malformed'],
    ['for no time', { expiresAt: NOW }, 'approval_malformed'],
  ])('refuses %s, as verification would', async (_what, changes, code) => {
    const refused = approve({ ...options, ...changes });
    await expect(refused).rejects.toBeInstanceOf(RefusedError);
    await expect(refused).rejects.toMatchObject({ denial: { code } });
  });

  test.each<[string, object]>([
    ['what is no action', { action: { ...ACTION, arguments: undefined } }],
    ['an action with more in it than is signed', { action: { ...ACTION, comment: 'harmless' } }],
    ['no group', { group: '' }],
    ['a group whose name hides characters', { group: 'finance\u200b' }],
    ['no identifier', { id: '' }],
    ['no time', { now: NOW + 0.5 }],
  ])('throws for %s', async (_what, changes) => {
    await expect(approve({ ...options, ...changes })).rejects.toMatchObject({
      code: 'option_invalid',
    });
  });

  test('signs a copy: changing the action afterwards changes nothing', async () => {
    const action = { ...ACTION, arguments: { ...ACTION.arguments } };
    const signing = approve({ ...options, action });
    (action.arguments as Record<string, string>)['amount'] = '9999.00';
    const approval = await signing;
    expect(codeOf(approval)).toBe('verified');
    expect(codeOf(approval, action)).toBe('approval_action_mismatch');
  });

  test('lets no signature out that does not verify', async () => {
    const { publicKey } = ada;
    const wrong = createSigner(generateKeyPair().privateJwk);
    const signer = { publicKey, sign: (input: Uint8Array) => wrong.sign(input) };
    await expect(approve({ ...options, signer })).rejects.toMatchObject({ code: 'signing_failed' });
  });
});
