import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import type { CheckpointStore, StoredCheckpoint } from '../port/checkpoint-store.ts';
import {
  bytesOf,
  type ContractTest,
  type OpenedStore,
  rejectsWith,
  withStore,
} from './contract.ts';

export interface CheckpointStoreContract {
  readonly test: ContractTest;
  open(): Promise<OpenedStore<CheckpointStore>>;
  /** Whether what is stored outlives the process: then `open` gives `reopen`. */
  readonly durable: boolean;
}

/** Tests that a driver of {@link CheckpointStore} keeps what the port promises. */
export function checkpointStoreContract({ test, open, durable }: CheckpointStoreContract): void {
  const check = withStore(test, open);

  check('has nothing at first', async (store) => {
    strictEqual(await store.read(), undefined);
  });

  check('stores what replaces what is there, in every member', async (store) => {
    await replaces(store, undefined, EMPTY);
    await replaces(store, EMPTY, SIGNED);
    await replaces(store, SIGNED, GROWN);
  });

  check('takes the same again', async (store) => {
    await replaces(store, undefined, SIGNED);
    await replaces(store, SIGNED, SIGNED);
  });

  check('answers conflict when something else is there, and keeps it', async (store) => {
    strictEqual(await store.replace(SIGNED, GROWN), 'conflict');
    strictEqual(await store.read(), undefined);
    await replaces(store, undefined, SIGNED);
    const others: readonly (StoredCheckpoint | undefined)[] = [
      undefined,
      EMPTY,
      GROWN,
      { ...SIGNED, size: SIGNED.size - 1 },
      { ...SIGNED, root: bytesOf('other') },
      { ...SIGNED, note: undefined },
      { ...SIGNED, note: `${SIGNED.note}\n` },
      { ...SIGNED, origin: 'other.example/log' },
    ];
    for (const other of others) {
      strictEqual(await store.replace(other, { ...GROWN, size: 1000 }), 'conflict');
      deepStrictEqual(plain(await store.read()), SIGNED);
    }
  });

  check('lets exactly one of two through that race from the same place', async (store) => {
    await replaces(store, undefined, EMPTY);
    const other = { ...GROWN, root: bytesOf('other') };
    const verdicts = await Promise.all([store.replace(EMPTY, GROWN), store.replace(EMPTY, other)]);
    deepStrictEqual(verdicts.toSorted(), ['conflict', 'replaced']);
    deepStrictEqual(plain(await store.read()), verdicts[0] === 'replaced' ? GROWN : other);
  });

  check('N13: refuses to go back with log_rolled_back, and keeps what is there', async (store) => {
    await replaces(store, undefined, GROWN);
    const steps: readonly StoredCheckpoint[] = [
      SIGNED,
      { ...GROWN, size: GROWN.size - 1 },
      { ...GROWN, root: bytesOf('other') },
      { ...GROWN, size: GROWN.size + 1, origin: 'other.example/log' },
    ];
    for (const next of steps) {
      await rejectsWith('log_rolled_back', () => store.replace(GROWN, next));
      deepStrictEqual(plain(await store.read()), GROWN);
    }
  });

  check('keeps bytes of its own, whatever becomes of those it was given or gave', async (store) => {
    const given = { ...SIGNED, root: SIGNED.root.slice() };
    await store.replace(undefined, given);
    given.root.fill(0);
    (await store.read())?.root.fill(1);
    deepStrictEqual(plain(await store.read()), SIGNED);
  });

  if (!durable) return;

  check('has after a restart what it had acknowledged', async (store, reopen) => {
    await replaces(store, undefined, EMPTY);
    await replaces(store, EMPTY, SIGNED);
    const again = await reopen();
    deepStrictEqual(plain(await again.read()), SIGNED);
    strictEqual(await again.replace(EMPTY, GROWN), 'conflict');
    await replaces(again, SIGNED, GROWN);
  });
}

const ORIGIN = 'log.example/contract';

/** RFC 6962 root of the empty tree: SHA-256 of nothing. */
const EMPTY_ROOT = Uint8Array.from(
  Buffer.from('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'hex'),
);

const EMPTY: StoredCheckpoint = { origin: ORIGIN, size: 0, root: EMPTY_ROOT, note: undefined };

const SIGNED: StoredCheckpoint = {
  origin: ORIGIN,
  size: 300,
  root: bytesOf('root of 300'),
  note: `${ORIGIN}\n200\nn0DJGEW6hwsvNFiZblxx9aMKaXVbToK1fJ17gJQsKoA=\n\n— ${ORIGIN} Az3grlgtzPICa5OS\n— other.example TnKKVHLX\n`,
};

const GROWN: StoredCheckpoint = { ...SIGNED, size: 2 ** 40, root: bytesOf('root of many') };

async function replaces(
  store: CheckpointStore,
  expected: StoredCheckpoint | undefined,
  next: StoredCheckpoint,
): Promise<void> {
  strictEqual(await store.replace(expected, next), 'replaced');
  deepStrictEqual(plain(await store.read()), next);
}

function plain(stored: StoredCheckpoint | undefined): StoredCheckpoint | undefined {
  if (stored === undefined) return undefined;
  const { origin, size, root, note } = stored;
  return { origin, size, root: new Uint8Array(root), note };
}
