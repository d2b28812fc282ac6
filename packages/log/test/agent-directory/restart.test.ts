import {
  createSigner,
  generateKeyPair,
  type Signer,
  signAuthorityEntry,
  writeAuthorityEntryBody,
} from '@taper/core';
import { expect, test } from 'vitest';
import {
  createMemoryCheckpointStore,
  createMemoryRevocationStateStore,
  createMemoryTileStore,
  openLog,
  openLoggedRegister,
  openRevocationAuthority,
} from '../../src/index.ts';

const ORIGIN = 'authority.example/log';
const now = (): number => Math.floor(Date.now() / 1000);
const key = (): Signer => createSigner(generateKeyPair().privateJwk);

/** How many entries were saved after a start that found so many, and never ended. */
async function savedAfter(count: number): Promise<number | undefined> {
  const [anchor, writer, signer] = [key(), key(), key()];
  const log = await openLog({
    origin: ORIGIN,
    signer: writer,
    tiles: createMemoryTileStore(),
    checkpoints: createMemoryCheckpointStore(),
    create: true,
  });
  const anchors = [{ issuer: 'https://issuer.example', key: anchor.publicKey }];
  const authority = await openRevocationAuthority({ log, signer, anchors, clock: now });
  const texts = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      signAuthorityEntry(
        writeAuthorityEntryBody({
          time: now(),
          event: 'agent.enrolled',
          tenant: 'acme',
          by: { kind: 'operator', id: 'ops' },
          subject: { spiffe_id: `spiffe://example.org/acme/agent/a${index}` },
          details: { key: String(index).padEnd(43, 'A') },
        }),
        { log: ORIGIN, sequence: index + 1, signer },
      ),
    ),
  );
  await authority.appendAll(texts);
  const state = createMemoryRevocationStateStore();
  const { register } = await openLoggedRegister({ authority, signer, state });
  expect(register.agents).toBe(count);
  for await (const line of (await state.load()) ?? []) return JSON.parse(line).size;
  return undefined;
}

test('what a start had to read is saved at once, so that a process that is killed again need not read it again', async () => {
  expect(await savedAfter(1000)).toBe(1000);
});

test('a start that had little to read saves nothing', async () => {
  expect(await savedAfter(10)).toBeUndefined();
});
