import { createHash } from 'node:crypto';
import {
  advanceAnchors,
  announceAnchor,
  noteKey,
  pinAnchors,
  promoteAnchor,
  readAnchors,
  readAuthorityEntryBody,
  type Signer,
  type UnsafeAnchors,
  type VerifiedAnchors,
} from '@taper/core';
import { testKey } from '@taper/testkit';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  type AnchorsChange,
  type AnchorsPublisher,
  createAnchorsPublisher,
} from '../../src/keys/index.ts';
import { openSqliteAuthorityStore } from '../../src/sqlite/index.ts';

const T0 = 1_800_000_000;
const DAY = 86_400;
const BY = { kind: 'operator', id: 'test' } as const;
const root = testKey('publisher root');

let store: ReturnType<typeof openSqliteAuthorityStore>;
let now: number;
let publisher: AnchorsPublisher;

beforeEach(() => {
  store = openSqliteAuthorityStore({ path: ':memory:' });
  now = T0;
  publisher = createAnchorsPublisher({ store, clock: () => now });
});
afterEach(() => store.close());

function first(signer: Signer = root.signer): AnchorsChange {
  const origin = 'authority.example.com/log';
  return {
    content: {
      issuer: 'https://authority.example.com',
      issuedAt: now,
      expiresAt: now + 30 * DAY,
      anchors: [{ key: signer.publicKey, state: 'current', notBefore: T0 }],
      log: { origin, key: noteKey(origin, testKey('publisher log').publicKey, 1) },
      authorityKeys: [],
      identityKeys: [],
      witnesses: [],
      quorum: 0,
    },
    signers: [signer],
  };
}

function announcing(name: string): (latest: VerifiedAnchors | undefined) => AnchorsChange {
  return (latest) => {
    if (latest === undefined) throw new Error('nothing published');
    const key = { key: testKey(name).publicKey, notBefore: now };
    const content = { ...latest, issuedAt: now, anchors: announceAnchor(latest.anchors, key) };
    return { content, signers: [root.signer] };
  };
}

function pinAnchorsOf(document: UnsafeAnchors | undefined): VerifiedAnchors {
  const verdict = pinAnchors(document as UnsafeAnchors);
  if (!verdict.ok) throw new Error(verdict.problem);
  return verdict.anchors;
}

const documents = async (): Promise<readonly UnsafeAnchors[]> =>
  readAnchors((await publisher.text()) ?? '');

describe('trust-anchor documents are published', () => {
  test('one after the other, so that whoever pinned the first gets to the last', async () => {
    expect(await publisher.text()).toBeUndefined();
    expect(await publisher.latest()).toBeUndefined();
    await publisher.publish(() => first(), BY);
    await publisher.publish(announcing('second'), BY);
    now += DAY;
    const { thumbprint } = testKey('second').publicKey;
    await publisher.publish((latest) => {
      const { anchors, ...rest } = latest as VerifiedAnchors;
      const content = { ...rest, issuedAt: now, anchors: promoteAnchor(anchors, thumbprint, now) };
      return { content, signers: [root.signer, testKey('second').signer] };
    }, BY);
    const history = await documents();
    expect(history.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    const pinned = pinAnchors(history[0] as UnsafeAnchors, root.publicKey.thumbprint);
    expect(pinned.ok && advanceAnchors(pinned.anchors, history, now).ok).toBe(true);
  });

  test('each with an entry for the log in the same transaction', async () => {
    await publisher.publish(() => first(), BY);
    await publisher.publish(announcing('second'), BY);
    const entries = await store.pendingEntries(10);
    const bodies = entries.map(({ body }) => readAuthorityEntryBody(body));
    expect(bodies).toMatchObject([
      { event: 'anchors.published', by: BY, subject: { sequence: 1 } },
      { event: 'anchors.published', by: BY, subject: { sequence: 2 } },
    ]);
    const hashes = (await documents()).map(({ canonical }) =>
      createHash('sha256').update(canonical).digest('base64url'),
    );
    expect(bodies.map((body) => body?.details['hash'])).toEqual(hashes);
  });

  test('Q03: and of ten that announce a key at once, none loses that of another', async () => {
    await publisher.publish(() => first(), BY);
    const names = Array.from({ length: 10 }, (_, index) => `key ${index}`);
    await Promise.all(names.map((name) => publisher.publish(announcing(name), BY)));
    const latest = await publisher.latest();
    expect(latest?.sequence).toBe(11);
    const kept = latest?.anchors.map(({ key }) => key.thumbprint).sort();
    const added = names.map((name) => testKey(name).publicKey.thumbprint);
    expect(kept).toEqual([root.publicKey.thumbprint, ...added].sort());
  });

  test('not at all when the keys that must sign do not', async () => {
    await publisher.publish(() => first(), BY);
    const stranger = testKey('stranger').signer;
    const before = await publisher.text();
    const change = (latest: VerifiedAnchors | undefined) => ({
      ...announcing('second')(latest),
      signers: [stranger],
    });
    await expect(publisher.publish(change, BY)).rejects.toMatchObject({ code: 'anchors_invalid' });
    expect(await publisher.text()).toBe(before);
    expect(await store.pendingEntries(10)).toHaveLength(1);
  });

  test('not when there is nothing to change by the time', async () => {
    await publisher.publish(() => first(), BY);
    expect((await publisher.publish(() => undefined, BY))?.sequence).toBe(1);
    expect(await documents()).toHaveLength(1);
  });

  test('again before they expire', async () => {
    expect(await publisher.isDue()).toBe(true);
    await publisher.publish(() => first(), BY);
    expect(await publisher.isDue()).toBe(false);
    now += 15 * DAY - 1;
    expect(await publisher.isDue()).toBe(false);
    now += 1;
    expect(await publisher.isDue()).toBe(true);
  });

  test('also when the authority was off until after they had expired', async () => {
    await publisher.publish(() => first(), BY);
    await publisher.publish(announcing('second'), BY);
    now += 400 * DAY;
    expect((await publisher.latest())?.sequence).toBe(2);
    const made = await publisher.publish((latest) => {
      const content = { ...(latest as VerifiedAnchors), issuedAt: now, expiresAt: now + DAY };
      return { content, signers: [root.signer] };
    }, BY);
    const [pinned, ...rest] = await documents();
    const verdict = advanceAnchors(pinAnchorsOf(pinned), rest, now);
    expect(verdict.ok && verdict.anchors.sequence).toBe(made?.sequence);
  });

  test('and one that was damaged in the store is not built upon', async () => {
    await publisher.publish(() => first(), BY);
    const text = (await publisher.text()) ?? '';
    await store.transaction((tx) =>
      tx.putSetting('anchors_history', text.replace('"quorum":0', '"quorum":0 ')),
    );
    expect((await publisher.latest())?.sequence).toBe(1);
    await store.transaction((tx) =>
      tx.putSetting('anchors_history', text.replace(`"not_before":${T0}`, '"not_before":0')),
    );
    await expect(publisher.latest()).rejects.toMatchObject({ code: 'anchors_invalid' });
    await expect(publisher.publish(announcing('second'), BY)).rejects.toMatchObject({
      code: 'anchors_invalid',
    });
  });

  test('takes back what was published last, into a store that has nothing, and goes on from it', async () => {
    await publisher.publish(() => first(), BY);
    const latest = await publisher.publish(announcing('second'), BY);
    const hash = createHash('sha256').update(String(latest?.canonical)).digest('base64url');
    const older = (await publisher.text()) as string;
    const fresh = openSqliteAuthorityStore({ path: ':memory:' });
    onTestFinished(() => fresh.close());
    const again = createAnchorsPublisher({ store: fresh, clock: () => now });
    await expect(again.restore(older, 'A'.repeat(43))).rejects.toMatchObject({
      code: 'anchors_invalid',
    });
    await expect(again.restore('{}', hash)).rejects.toMatchObject({ code: 'anchors_invalid' });
    expect(await again.latest()).toBeUndefined();
    expect((await again.restore(older, hash)).sequence).toBe(2);
    expect(await again.text()).toBe(older);
    await expect(again.restore(older, hash)).rejects.toMatchObject({ code: 'store_conflict' });
    expect((await again.publish(announcing('third'), BY))?.sequence).toBe(3);
  });
});
