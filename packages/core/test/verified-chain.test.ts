import { describe, expect, test } from 'vitest';
import {
  type Constraint,
  constraint as c,
  createSigner,
  createVerifier,
  derive,
  generateKeyPair,
  issue,
  isVerifiedChain,
  prove,
  type ToolGrant,
} from '../src/index.ts';

const NOW = 1_800_000_000;
const authority = generateKeyPair();
const agent = generateKeyPair();

const root = await issue({
  issuer: 'https://auth.example.com',
  signer: createSigner(authority.privateJwk),
  holder: agent.publicKey,
  tools: { read: { path: c.oneOf('/a', '/b') } },
  audience: ['https://tools.example.com'],
  now: NOW,
  id: 'root',
  lifetime: 600,
  maxDepth: 1,
});
const verifier = createVerifier({ anchors: [root.anchor], audience: 'https://tools.example.com' });

describe('what verification hands out (X06, X07)', () => {
  const verdict = verifier.verifyChain([root.leaf.compact], NOW);
  if (verdict.verdict !== 'verified') throw new Error(verdict.denial.code);
  const { chain } = verdict;
  const { claims } = chain.leaf;
  const grant = claims.capabilities.get('read') as ToolGrant;
  const path = grant.named.get('path') as Constraint;

  test('is the same object from the cache, so it must not be changeable', () => {
    const again = verifier.verifyChain([root.leaf.compact], NOW);
    expect(again.verdict === 'verified' && again.chain).toBe(chain);
  });

  test.each<[string, () => unknown]>([
    ['the chain', () => Object.assign(chain, { leaf: undefined })],
    ['its tokens', () => (chain.tokens as unknown[]).push(chain.leaf)],
    ['a token', () => Object.assign(chain.leaf, { hash: 'x' })],
    ['the claims', () => Object.assign(claims, { exp: NOW + 1e6 })],
    ['the audience', () => (claims.aud as string[]).push('https://evil.example')],
    ['the tools', () => (claims.capabilities as Map<string, unknown>).set('write', {})],
    ['a grant', () => Object.assign(claims.capabilities.get('read') as object, { open: true })],
    ['its arguments', () => (grant.named as Map<string, unknown>).delete('path')],
    [
      'a constraint',
      () =>
        Object.assign(claims.capabilities.get('read')?.named.get('path') as object, {
          constraint_type: 'wildcard',
        }),
    ],
    ['a list in a constraint', () => (path['values'] as string[]).push('/c')],
    ['the holder', () => Object.assign(claims.holder, { thumbprint: 'x' })],
    ['the anchor', () => Object.assign(chain.anchor, { issuer: 'x' })],
  ])('cannot be changed: %s', (_what, change) => {
    expect(change).toThrow(TypeError);
  });

  test('gives a copy of the key bytes', () => {
    const before = Buffer.from(claims.holder.raw).toString('hex');
    claims.holder.raw.fill(0);
    expect(Buffer.from(claims.holder.raw).toString('hex')).toBe(before);
  });

  test('cannot be imitated: a copy of a verified chain is not one', async () => {
    expect(isVerifiedChain(chain)).toBe(true);
    const imitation = { ...chain };
    expect(isVerifiedChain(imitation)).toBe(false);
    const options = { signer: createSigner(agent.privateJwk), now: NOW, id: 'x' };
    await expect(
      prove(imitation, { ...options, tool: 'read', args: { path: '/a' } }),
    ).rejects.toMatchObject({ code: 'not_verified' });
    await expect(
      derive(imitation, { ...options, holder: agent.publicKey, tools: {} }),
    ).rejects.toMatchObject({ code: 'not_verified' });
  });
});

test('the arguments of a permit are a copy that later changes do not reach (X06)', async () => {
  const args: Record<string, string> = { path: '/a' };
  const presentation = await prove(root, {
    signer: createSigner(agent.privateJwk),
    tool: 'read',
    args,
    now: NOW,
    id: 'proof',
  });
  const decision = verifier.authorize({ presentation, tool: 'read', args, now: NOW });
  args['path'] = '/etc/passwd';
  expect(decision).toMatchObject({ verdict: 'permit', args: { path: '/a' } });
  expect(() => Object.assign((decision as { args: object }).args, { path: '/b' })).toThrow(
    TypeError,
  );
});

test.each([{ audience: '' }, { nonce: '' }, { audience: 5 }, { nonce: null }])(
  'a proof that no enforcement point could accept is not made: %j',
  async (options) => {
    const call = {
      signer: createSigner(agent.privateJwk),
      tool: 'read',
      args: { path: '/a' },
      now: NOW,
      id: 'unusable',
    };
    await expect(prove(root, { ...call, ...(options as object) })).rejects.toMatchObject({
      code: 'option_invalid',
    });
  },
);
