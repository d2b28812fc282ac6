import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import { createRandom, createTestClock } from '@taper/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { createNonces, loadNonceSecret, NONCE_LIFETIME } from '../../src/token/nonce.ts';

const random = createRandom('nonces');
const bytes = (length: number): Uint8Array => random.bytes(length);
const secret = bytes(32);

function nodeAt(clock = createTestClock(), own = secret) {
  return { clock, nonces: createNonces({ secret: own, clock: clock.now, random: bytes }) };
}

test('a nonce is accepted as often as a client likes, for five minutes', () => {
  const { clock, nonces } = nodeAt();
  const nonce = nonces.issue();
  expect([nonces.accepts(nonce), nonces.accepts(nonce)]).toEqual([true, true]);
  clock.advance(NONCE_LIFETIME - 1);
  expect(nonces.accepts(nonce)).toBe(true);
  clock.advance(1);
  expect(nonces.accepts(nonce)).toBe(false);
});

test('two nonces of one second differ', () => {
  const { nonces } = nodeAt();
  expect(nonces.issue()).not.toBe(nonces.issue());
});

test('every node accepts the nonces of every other, and of a clock that is half a minute ahead', () => {
  const [one, other] = [nodeAt(), nodeAt()];
  one.clock.advance(30);
  expect(other.nonces.accepts(one.nonces.issue())).toBe(true);
  one.clock.advance(1);
  expect(other.nonces.accepts(one.nonces.issue())).toBe(false);
});

test('a nonce under another secret is refused', () => {
  expect(nodeAt().nonces.accepts(nodeAt(createTestClock(), bytes(32)).nonces.issue())).toBe(false);
});

test('a nonce with any one bit changed is refused', () => {
  const { nonces } = nodeAt();
  const nonce = Buffer.from(nonces.issue(), 'base64url');
  for (let bit = 0; bit < nonce.length * 8; bit += 1) {
    const changed = Buffer.from(nonce);
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(nonces.accepts(changed.toString('base64url'))).toBe(false);
  }
});

test('what is no nonce is refused', () => {
  const { nonces } = nodeAt();
  for (const text of [
    '',
    'n',
    '=',
    'x'.repeat(100_000),
    `${nonces.issue()}=`,
    ` ${nonces.issue()}`,
  ])
    expect(nonces.accepts(text)).toBe(false);
});

test('all nodes on a store have one secret, which is made once', async () => {
  const store = openSqliteAuthorityStore({ path: ':memory:' });
  onTestFinished(() => store.close());
  const [one, other] = [await loadNonceSecret(store, bytes), await loadNonceSecret(store, bytes)];
  expect(one).toHaveLength(32);
  expect(other).toEqual(one);
});

test('a secret that was damaged stops the start, and is not replaced in silence', async () => {
  const store = openSqliteAuthorityStore({ path: ':memory:' });
  onTestFinished(() => store.close());
  await store.transaction((tx) => tx.putSetting('nonce_key', 'AAAA'));
  await expect(loadNonceSecret(store, bytes)).rejects.toMatchObject({ code: 'store_unusable' });
});

test('a secret of another length is refused', () => {
  expect(() => nodeAt(createTestClock(), bytes(16))).toThrow(
    expect.objectContaining({ code: 'option_invalid' }),
  );
});
