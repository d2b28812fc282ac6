import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSigner, generateKeyPair, noteKey, type Signer } from '@taper/core';
import {
  createMemoryCheckpointStore,
  createMemoryTileStore,
  createWitness,
  createWitnessClient,
  openLog,
  openRevocationAuthority,
} from '@taper/log';
import { openSqliteWitnessStore } from '@taper/log/sqlite';
import { expect, it } from 'vitest';
import { followPublishedEpoch } from '../../src/authority/published-epoch.ts';

const ORIGIN = 'authority.example/log';
const clock = (): number => Math.floor(Date.now() / 1000);
const key = (): Signer => createSigner(generateKeyPair().privateJwk);

it('what a root may ask for is an epoch that was published: none that waits for its witness (M06)', async () => {
  const [anchor, writer, signer, vouching] = [key(), key(), key(), key()];
  const folder = mkdtempSync(join(tmpdir(), 'taper-witness-'));
  const store = openSqliteWitnessStore(join(folder, 'witness.sqlite'));
  const witness = createWitness({
    name: 'witness.example',
    signer: vouching,
    logs: [{ origin: ORIGIN, keys: [noteKey(ORIGIN, writer.publicKey, 1)] }],
    store,
    clock: { now: clock },
  });
  let isThere = false;
  const client = createWitnessClient({
    key: noteKey('witness.example', vouching.publicKey, 4),
    url: 'http://127.0.0.1:1',
    fetch: async (input, init) => {
      if (!isThere) throw new Error('no witness');
      return witness.fetch(new Request(input as string, init));
    },
  });
  isThere = true;
  const log = await openLog({
    origin: ORIGIN,
    signer: writer,
    tiles: createMemoryTileStore(),
    checkpoints: createMemoryCheckpointStore(),
    create: true,
    witnesses: [client],
  });
  const anchors = [{ issuer: 'https://issuer.example', key: anchor.publicKey }];
  const authority = await openRevocationAuthority({ log, signer, anchors, clock });
  const published = followPublishedEpoch(authority);
  expect(published.epoch()).toBe(0);
  await authority.publishEpoch();
  expect(published.epoch()).toBe(1);

  isThere = false;
  await expect(authority.publishEpoch()).rejects.toMatchObject({ code: 'log_unavailable' });
  expect(authority.state.epoch?.record.epoch).toBe(2);
  expect(published.epoch()).toBe(1);
  expect(followPublishedEpoch(authority).epoch()).toBeLessThan(2);

  isThere = true;
  await authority.publishEpoch();
  expect(published.epoch()).toBe(3);
  expect(followPublishedEpoch(authority).epoch()).toBe(3);
  published.close();
  await authority.close();
  await log.close();
  store.close();
  rmSync(folder, { recursive: true });
});
