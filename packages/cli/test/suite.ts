import { createSigner, importPublicKey, issue, prove } from '@taper/core';
import { fixedKey, ISSUER, NOW } from './workspace.ts';

export interface TestVector {
  id: string;
  now?: number | null;
  tool: string;
  args_json: string;
  policy?: Record<string, unknown>;
  chain: readonly string[];
  pop: string | null;
  expected: { verdict: string; step?: string | null };
}

export interface TestSuite {
  params: Record<string, unknown>;
  trust_anchors: readonly object[];
  vectors: TestVector[];
}

/** A suite of our own: one call that is permitted, and its neighbours that are not. All expectations hold. */
export async function ownSuite(): Promise<TestSuite> {
  const { d: _, ...issuerKey } = fixedKey('issuer');
  const holder = createSigner(fixedKey('planner'));
  const chain = await issue({
    issuer: ISSUER,
    signer: createSigner(fixedKey('issuer')),
    holder: importPublicKey(holder.publicKey.jwk),
    tools: { read_file: { path: { constraint_type: 'exact', value: '/q1' } } },
    lifetime: 600,
    maxDepth: 0,
    now: NOW,
    id: 'root-1',
  });
  const { aat_chain, aat_pop } = await prove(chain, {
    signer: holder,
    tool: 'read_file',
    args: { path: '/q1' },
    now: NOW,
    id: 'proof-1',
    audience: 'https://files.example',
    nonce: 'n-1',
  });
  const call = { tool: 'read_file', args_json: '{"path":"/q1"}', chain: aat_chain, pop: aat_pop };
  const denied = (step: string): TestVector['expected'] => ({ verdict: 'DENY', step });
  return {
    params: { now: NOW, audience: 'https://files.example', pop_window: 30 },
    trust_anchors: [{ iss: ISSUER, jwk: issuerKey }],
    vectors: [
      { id: 'permitted', ...call, expected: { verdict: 'PERMIT', step: null } },
      { id: 'nonce', ...call, policy: { nonce: 'n-1' }, expected: { verdict: 'PERMIT' } },
      { id: 'other-nonce', ...call, policy: { nonce: 'n-2' }, expected: denied('7h') },
      { id: 'no-proof', ...call, pop: null, expected: denied('7') },
      { id: 'late', ...call, now: NOW + 31, expected: denied('7g') },
      { id: 'repeated', ...call, args_json: '{"path":"/x","path":"/q1"}', expected: denied('6b') },
      {
        id: 'chain-audience',
        ...call,
        policy: { require_chain_aud: true, require_pop_aud: true },
        expected: denied('6c'),
      },
    ],
  };
}
