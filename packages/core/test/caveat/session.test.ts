import { describe, expect, test } from 'vitest';
import {
  createAsyncVerifier,
  createVerifier,
  derive,
  generateKeyPair,
  isPermit,
  type JsonObject,
  type SessionInvocation,
  type VerifiedChain,
} from '../../src/index.ts';
import {
  AUDIENCE,
  alice,
  anchors,
  childToken,
  exact,
  NOW,
  outcome,
  place,
  rootToken,
  type Token,
  verifier,
} from '../attack/attacker.ts';
import { chainOf, markedRoot, understanding, verified } from './caveated.ts';

// A call inside a session: no proof, everything else as always.

const tools = { read: { path: exact('/a') } };
const root = rootToken(tools);
const chain = verified([root], verifier);
const call: SessionInvocation = { chain, tool: 'read', args: { path: '/a' }, now: NOW };

describe('a call in a session', () => {
  test('is permitted without a proof, and the permit says so', () => {
    const decision = verifier.authorizeInSession(call);
    expect(isPermit(decision)).toBe(true);
    expect(decision).toMatchObject({ verdict: 'permit', proof: undefined, tool: 'read', chain });
  });

  test('is judged by a copy of its arguments, frozen', () => {
    const args = { path: '/a' };
    const decision = verifier.authorizeInSession({ ...call, args });
    args.path = '/b';
    if (decision.verdict !== 'permit') throw new Error(decision.denial.code);
    expect(decision.args).toEqual({ path: '/a' });
    expect(Object.isFrozen(decision.args)).toBe(true);
  });

  test.each<[string, Partial<SessionInvocation>, string]>([
    ['another tool', { tool: 'write' }, 'tool_not_granted 6b 0'],
    ['a tool that is no text', { tool: ['read'] as unknown as string }, 'tool_not_granted 6b 0'],
    ['another value', { args: { path: '/b' } }, 'argument_refused 6b 0'],
    ['an argument too many', { args: { path: '/a', mode: 1 } }, 'argument_unexpected 6b 0'],
    ['an argument too few', { args: {} }, 'argument_missing 6b 0'],
    ['an argument twice', { args: '{"path":"/b","path":"/a"}' }, 'arguments_malformed 6b'],
    ['text that is no JSON', { args: '{' }, 'arguments_malformed 6b'],
    ['arguments that are a list', { args: '[]' }, 'arguments_malformed 6b'],
    ['no arguments', { args: undefined as unknown as string }, 'arguments_malformed 6b'],
    ['a time past the expiry', { now: NOW + 3600 }, 'token_expired 3e 0'],
    ['a time before the issue', { now: NOW - 31 }, 'token_issued_in_future 3f 0'],
    ['a time that is no whole number', { now: NOW + 0.5 }, 'clock_unavailable'],
    ['no time', { now: Number.NaN }, 'clock_unavailable'],
  ])('is refused with %s', (_what, change, denied) => {
    expect(place(verifier.authorizeInSession({ ...call, ...change }))).toBe(denied);
  });

  test.each<[string, Partial<SessionInvocation>]>([
    ['the same as text', { args: '{"path":"/a"}' }],
    ['the last second before expiry', { now: NOW + 3599 }],
    ['the first second of the skew', { now: NOW - 30 }],
  ])('is permitted with %s', (_what, change) => {
    expect(outcome(verifier.authorizeInSession({ ...call, ...change }))).toBe('permit');
  });

  test('is refused once any token of the chain has expired, whatever the leaf says', () => {
    const late = rootToken(tools, { claims: { exp: NOW + 100 } });
    const leaf = childToken(late, tools, { claims: { exp: NOW + 100 } });
    const two = verified([late, leaf], verifier);
    const at = (now: number) => place(verifier.authorizeInSession({ ...call, chain: two, now }));
    expect(at(NOW + 99)).toBe('permit');
    expect(at(NOW + 100)).toBe('token_expired 3e 0');
  });

  test('is refused where a token names another audience', () => {
    const elsewhere = verified(
      [rootToken(tools, { claims: { aud: 'https://else.example' } })],
      verifier,
    );
    const here = verified([rootToken(tools, { claims: { aud: AUDIENCE } })], verifier);
    expect(place(verifier.authorizeInSession({ ...call, chain: elsewhere }))).toBe(
      'audience_mismatch 6c 0',
    );
    expect(outcome(verifier.authorizeInSession({ ...call, chain: here }))).toBe('permit');
    const strict = createVerifier({ anchors, audience: AUDIENCE, requireChainAudience: true });
    const unnamed = verified([root], strict);
    expect(place(strict.authorizeInSession({ ...call, chain: unnamed }))).toBe(
      'audience_required 6c',
    );
  });

  test('is refused where the leaf grants nothing', () => {
    const bare = rootToken(tools);
    const empty = childToken(bare, {}, { claims: { authorization_details: [] } });
    const two = verified([bare, empty], verifier);
    expect(place(verifier.authorizeInSession({ ...call, chain: two }))).toBe(
      'leaf_without_capabilities 6a 1',
    );
  });
});

describe('the chain of a session', () => {
  const other = createVerifier({ anchors, audience: AUDIENCE });

  test.each<[string, () => unknown]>([
    ['another verifier has verified', () => verified([root], other)],
    ['a copy is', () => ({ ...chain })],
    ['looks like one', () => Object.create(chain)],
    ['has its texts', () => chain.tokens.map(({ compact }) => compact)],
    ['is not there', () => undefined],
  ])('X06 is one that this verifier has verified, not one that %s', (_what, make) => {
    const decision = verifier.authorizeInSession({ ...call, chain: make() as VerifiedChain });
    expect(outcome(decision)).toBe('internal_error');
  });

  test('is none that was only derived here: it has not been presented', async () => {
    const derived = await derive(chain, {
      signer: alice.signer,
      holder: generateKeyPair().publicKey,
      tools: tools as unknown as { read: { path: JsonObject } },
      now: NOW,
      id: 'derived',
    });
    expect(outcome(verifier.authorizeInSession({ ...call, chain: derived }))).toBe(
      'internal_error',
    );
    const compacts = derived.tokens.map(({ compact }) => compact);
    const verdict = verifier.verifyChain(compacts, NOW);
    if (verdict.verdict === 'deny') throw new Error(verdict.denial.code);
    expect(outcome(verifier.authorizeInSession({ ...call, chain: verdict.chain }))).toBe('permit');
  });

  test('Z05 with caveats never passes a verifier that does not know the profile', () => {
    const on = understanding();
    const marked = verified([markedRoot({ purpose: 'p' })], on);
    const inSession = { chain: marked, tool: 'read', args: {}, now: NOW };
    expect(outcome(on.authorizeInSession(inSession))).toBe('permit');
    expect(outcome(verifier.authorizeInSession(inSession))).toBe('internal_error');
  });
});

test('a verifier with asynchronous signatures judges calls in sessions alike, and at once', async () => {
  const by = createAsyncVerifier({ anchors, audience: AUDIENCE, profile: { tenant: 't' } });
  const tokens: Token[] = chainOf({ tenant: 't' });
  const verdict = await by.verifyChain(
    tokens.map(({ compact }) => compact),
    NOW,
  );
  if (verdict.verdict === 'deny') throw new Error(verdict.denial.code);
  const inSession = { chain: verdict.chain, tool: 'read', args: {}, now: NOW };
  expect(outcome(by.authorizeInSession(inSession))).toBe('permit');
  expect(outcome(by.authorizeInSession({ ...inSession, tool: 'write' }))).toBe('tool_not_granted');
  expect(by.checkPlace(verdict.chain)).toBeUndefined();
});
