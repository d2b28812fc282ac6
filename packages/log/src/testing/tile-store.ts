import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import type { TileStore } from '../port/tile-store.ts';
import {
  bytesOf,
  type ContractTest,
  type OpenedStore,
  rejectsWith,
  withStore,
} from './contract.ts';

export interface TileStoreContract {
  readonly test: ContractTest;
  open(): Promise<OpenedStore<TileStore>>;
  /** Whether what is written outlives the process: then `open` gives `reopen`. */
  readonly durable: boolean;
}

/** Tests that a driver of {@link TileStore} keeps what the port promises. */
export function tileStoreContract({ test, open, durable }: TileStoreContract): void {
  const check = withStore(test, open);

  check('is empty at first', async (store) => {
    strictEqual(await store.read('tile/0/000'), undefined);
    deepStrictEqual(await store.staged(), { records: [], unreadable: 0 });
  });

  check('reads what was written at a path, and nothing at the others', async (store) => {
    await store.write([file('tile/0/000'), file('tile/entries/x001/234.p/7', 70_000)]);
    deepStrictEqual(await read(store, 'tile/0/000'), bytesOf('tile/0/000'));
    deepStrictEqual(
      await read(store, 'tile/entries/x001/234.p/7'),
      bytesOf('tile/entries/x001/234.p/7', 70_000),
    );
    for (const path of ['tile/0/001', 'tile/0/000.p/7', 'tile/1/000', 'tile/entries/x001/234'])
      strictEqual(await store.read(path), undefined);
  });

  check('keeps a full tile and its partial forms apart', async (store) => {
    const files = ['tile/0/000.p/1', 'tile/0/000.p/255', 'tile/0/000'].map((path) => file(path));
    for (const each of files) await store.write([each]);
    for (const { path, bytes } of files) deepStrictEqual(await read(store, path), bytes);
  });

  check('takes the same bytes again', async (store) => {
    await store.write([file('tile/0/000')]);
    await store.write([file('tile/0/000'), file('tile/0/001')]);
    deepStrictEqual(await read(store, 'tile/0/001'), bytesOf('tile/0/001'));
  });

  check('refuses other bytes with log_forked, and keeps what it has', async (store) => {
    await store.write([file('tile/0/000')]);
    for (const bytes of [bytesOf('other'), bytesOf('tile/0/000').subarray(1), new Uint8Array(0)])
      await rejectsWith('log_forked', () => store.write([{ path: 'tile/0/000', bytes }]));
    deepStrictEqual(await read(store, 'tile/0/000'), bytesOf('tile/0/000'));
  });

  check('keeps bytes of its own, whatever becomes of those it was given or gave', async (store) => {
    const given = bytesOf('tile/0/000');
    const record = bytesOf('record');
    await store.write([{ path: 'tile/0/000', bytes: given }]);
    await store.restage(record);
    given.fill(0);
    record.fill(0);
    (await store.read('tile/0/000'))?.fill(1);
    (await store.staged()).records[0]?.fill(1);
    deepStrictEqual(await read(store, 'tile/0/000'), bytesOf('tile/0/000'));
    deepStrictEqual(await staged(store), [bytesOf('record')]);
  });

  check('drops no full tile, and no partial one of another tile', async (store) => {
    const files = ['tile/0/000.p/9', 'tile/0/000', 'tile/0/001.p/9', 'tile/1/000.p/9'];
    await store.write(files.map((path) => file(path)));
    await store.dropPartials(['tile/0/000', 'tile/0/002']);
    for (const path of files.slice(1)) deepStrictEqual(await read(store, path), bytesOf(path));
    await store.write([file('tile/0/001.p/10')]);
    await store.write([file('tile/0/000.p/9')]);
    deepStrictEqual(await read(store, 'tile/0/000.p/9'), bytesOf('tile/0/000.p/9'));
  });

  check('keeps staged records in order, whatever their length', async (store) => {
    const records = [bytesOf('a'), new Uint8Array(0), bytesOf('b', 300_000), bytesOf('c', 1)];
    await store.restage(bytesOf('first'));
    for (const record of records) await store.stage(record);
    deepStrictEqual(await staged(store), [bytesOf('first'), ...records]);
  });

  check('stages nothing where there is nothing to go on from', async (store) => {
    await rejectsWith('log_forked', () => store.stage(bytesOf('a')));
    deepStrictEqual(await staged(store), []);
  });

  check('has one record in place of all after restage, and goes on behind it', async (store) => {
    await store.restage(bytesOf('first'));
    await store.stage(bytesOf('second'));
    await store.restage(bytesOf('third'));
    deepStrictEqual(await staged(store), [bytesOf('third')]);
    await store.stage(bytesOf('fourth'));
    deepStrictEqual(await staged(store), [bytesOf('third'), bytesOf('fourth')]);
  });

  if (!durable) return;

  check('has after a restart all that it had acknowledged', async (store, reopen) => {
    await store.write([file('tile/0/000'), file('tile/0/001.p/3')]);
    await store.restage(bytesOf('first'));
    await store.stage(bytesOf('second'));
    const again = await reopen();
    deepStrictEqual(await read(again, 'tile/0/000'), bytesOf('tile/0/000'));
    deepStrictEqual(await read(again, 'tile/0/001.p/3'), bytesOf('tile/0/001.p/3'));
    await again.stage(bytesOf('third'));
    deepStrictEqual(
      await staged(again),
      ['first', 'second', 'third'].map((name) => bytesOf(name)),
    );
    await rejectsWith('log_forked', () =>
      again.write([{ path: 'tile/0/000', bytes: bytesOf('other') }]),
    );
  });

  function file(path: string, length?: number): { path: string; bytes: Uint8Array } {
    return { path, bytes: bytesOf(path, length) };
  }
}

/** As plain bytes: a driver may answer with a Buffer. */
async function read(store: TileStore, path: string): Promise<Uint8Array | undefined> {
  const bytes = await store.read(path);
  return bytes && new Uint8Array(bytes);
}

async function staged(store: TileStore): Promise<readonly Uint8Array[]> {
  const { records, unreadable } = await store.staged();
  strictEqual(unreadable, 0);
  return records.map((record) => new Uint8Array(record));
}
