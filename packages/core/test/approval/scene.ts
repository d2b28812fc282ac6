import { type ApprovalAction, approve, type Signer } from '@taper/core';
import { forge, type Part, TEST_TIME, type TestKey, testKey } from '@taper/testkit';

export const NOW = TEST_TIME;
export const ada: TestKey = testKey('ada');
export const paula: TestKey = testKey('paula', 'ES256');

export const ACTION: ApprovalAction = {
  tool: 'pay',
  arguments: { order: 'o-1', amount: '120.00' },
  tokens: ['h'.repeat(43)],
  enforcementPoint: 'https://tools.example.com',
  nonce: 'n'.repeat(22),
  issuedAt: NOW - 10,
  expiresAt: NOW + 890,
};

/** An action that differs in what is said. */
export function actionWith(changes: Partial<ApprovalAction>): ApprovalAction {
  return { ...ACTION, ...changes };
}

export function approvalOf(
  action: ApprovalAction = ACTION,
  signer: Signer = ada.signer,
  group = 'finance',
): Promise<string> {
  return approve({ action, group, signer, now: NOW, id: 'approval-1' });
}

/** Replaces members of the protected header or the claims of an approval, and signs what comes out. */
export async function forged(changes: {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
  /** What is signed, made from the canonical text of the claims. */
  readonly payload?: (text: string) => Part;
  readonly signer?: TestKey;
}): Promise<string> {
  const [header = '', payload = ''] = (await approvalOf()).split('.');
  const text = (segment: string): string => Buffer.from(segment, 'base64url').toString();
  const changed = (segment: string, changes: object = {}): string =>
    JSON.stringify({ ...JSON.parse(text(segment)), ...changes });
  const claims = changed(payload, changes.claims);
  return forge({
    header: changed(header, changes.header),
    payload: changes.payload?.(claims) ?? claims,
    signature: changes.signer ?? ada,
  });
}
