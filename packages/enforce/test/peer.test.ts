import { TEST_TIME, testKey } from '@taper/testkit';
import { expect, test } from 'vitest';
import {
  type AgentDirectory,
  type DirectoryAnswer,
  type MeetPeerOptions,
  meetPeer,
  type RevocationVerdict,
  type RevocationView,
} from '../src/index.ts';

const ID = 'spiffe://example.org/acme/agent/desk';
const key = testKey('peer').publicKey;

/** What is asked of the other one, with changes. */
function meeting(changes: Partial<MeetPeerOptions> = {}): MeetPeerOptions {
  return {
    document: 'document',
    identify: () => ({ spiffeId: ID, key, expiresAt: TEST_TIME + 60 }),
    directory: saying({ state: 'active' }),
    revocation: knowing({ verdict: 'good', asOf: TEST_TIME }),
    tenant: 'acme',
    peers: 'enrolled',
    now: TEST_TIME,
    ...changes,
  };
}

function saying({
  state = 'active',
  standing = 'unlisted',
  id = ID,
  asOf = TEST_TIME,
}): AgentDirectory {
  return {
    find: () => ({ verdict: 'known', agent: { id, state }, standing, asOf }) as DirectoryAnswer,
  };
}

function knowing(verdict: unknown): RevocationView {
  return { check: () => verdict as RevocationVerdict };
}

const codeOf = async (changes: Partial<MeetPeerOptions>): Promise<string> => {
  const met = await meetPeer(meeting(changes));
  return 'code' in met ? met.code : 'fine';
};

test('a peer is met whose key is neither revoked nor replaced, by its own key alone', async () => {
  const asked: unknown[] = [];
  const revocation: RevocationView = {
    check(query) {
      asked.push([query.keys, query.acting, query.tokens]);
      return { verdict: 'good', asOf: TEST_TIME };
    },
  };
  expect(await meetPeer(meeting({ revocation }))).toMatchObject({ id: ID, key });
  expect(asked).toEqual([[[key.thumbprint], [{ key: key.thumbprint, at: undefined }], []]]);
});

test.each([
  ['revoked', { verdict: 'revoked', what: 'key', index: 0 }],
  ['key_rotated', { verdict: 'rotated', index: 0 }],
  ['revocation_stale', { verdict: 'good', asOf: TEST_TIME - 61 }],
  ['revocation_unavailable', { verdict: 'good', asOf: TEST_TIME + 61 }],
  ['revocation_unavailable', { verdict: 'good', asOf: Number.NaN }],
  ['revocation_unavailable', { verdict: 'fine' }],
  ['revocation_unavailable', undefined],
  ['fine', { verdict: 'good', asOf: TEST_TIME - 60 }],
])(
  'a document outlives its key, and does not stand in for it: %s (M03, Q01)',
  async (code, verdict) => {
    expect(await codeOf({ revocation: knowing(verdict) })).toBe(code);
  },
);

test('a port that fails refuses the peer (Z01)', async () => {
  const fail = (): never => {
    throw new Error('down');
  };
  expect(await codeOf({ revocation: { check: fail } })).toBe('revocation_unavailable');
  expect(await codeOf({ directory: { find: fail } })).toBe('agents_unavailable');
});

test.each([
  ['fine', { standing: 'unlisted' }],
  ['agents_unavailable', { standing: 'Blocked' }],
  ['agents_unavailable', { state: 'Active' }],
  ['agents_unavailable', { asOf: TEST_TIME - 61 }],
  ['agents_unavailable', { asOf: Number.NaN }],
  ['agent_blocked', { standing: 'blocked' }],
  ['agent_not_active', { state: 'suspended' }],
  ['agent_unknown', { id: `${ID}s` }],
])('what a directory says is taken by the word, or not at all: %s (X05)', async (code, answer) => {
  expect(await codeOf({ directory: saying(answer) })).toBe(code);
});

test('on the allow list, or not', async () => {
  const peers = 'allowed';
  expect(await codeOf({ peers })).toBe('agent_not_allowed');
  expect(await codeOf({ peers, directory: saying({ standing: 'allowed' }) })).toBe('fine');
});

test('a document that has expired, or that says nothing of a key, is nobody’s', async () => {
  const identify = (changes: object) => () => ({
    spiffeId: ID,
    key,
    expiresAt: TEST_TIME + 1,
    ...changes,
  });
  expect(await codeOf({ identify: identify({}) })).toBe('fine');
  expect(await codeOf({ identify: identify({ expiresAt: TEST_TIME }) })).toBe('agent_unknown');
  expect(await codeOf({ identify: identify({ key: { ...key } }) })).toBe('agent_unknown');
  expect(await codeOf({ identify: (async () => identify({})()) as never })).toBe('agent_unknown');
});
