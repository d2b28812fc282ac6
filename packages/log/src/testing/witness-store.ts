import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict';
import { hash } from 'node:crypto';
import type { WitnessedCheckpoint, WitnessStore } from '../witness/store.ts';

/** A driver as the contract suite gets it: empty, and its own for each test. */
export interface OpenedWitnessStore {
  readonly store: WitnessStore;
  /** The same state as another process has it; the store itself where no other process can. */
  readonly peer: WitnessStore;
  /** The state as it is after a restart; `undefined` where it does not survive one. */
  reopen?(): Promise<WitnessStore>;
  close(): Promise<void>;
}

export interface WitnessStoreContract {
  /** `test` of any runner. */
  readonly test: (title: string, body: () => Promise<void>) => void;
  open(): Promise<OpenedWitnessStore>;
}

function tree(size: number, history = 'one', origin = 'log.example'): WitnessedCheckpoint {
  const root = new Uint8Array(hash('sha256', `${history} ${size}`, 'buffer'));
  const base64 = Buffer.from(root).toString('base64');
  const note = `${origin}\n${size}\n${base64}\n\n— log.example c2lnbmF0dXJlIG9mIHRoZSBsb2c=\n`;
  return { origin, size, root, note };
}

/** Tests that a driver of {@link WitnessStore} keeps what the port promises. */
export function witnessStoreContract({ test, open }: WitnessStoreContract): void {
  const check = (title: string, body: (opened: OpenedWitnessStore) => Promise<void>): void =>
    test(title, async () => {
      const opened = await open();
      try {
        await body(opened);
      } finally {
        await opened.close();
      }
    });
  const refuses = (act: () => unknown): Promise<void> => rejects(async () => void (await act()));

  check('knows nothing of a log that was never cosigned', async ({ store }) => {
    strictEqual(await store.read('log.example'), undefined);
  });

  check('gives back the record that was written last, to every process', async (opened) => {
    const { store, peer } = opened;
    strictEqual(await store.replace(0, tree(3)), 'replaced');
    deepStrictEqual(await store.read('log.example'), tree(3));
    deepStrictEqual(await peer.read('log.example'), tree(3));
    strictEqual(await peer.replace(3, tree(7)), 'replaced');
    deepStrictEqual(await store.read('log.example'), tree(7));
  });

  check('keeps a record for each log', async ({ store }) => {
    const other = tree(5, 'two', 'other.example/log with a space');
    strictEqual(await store.replace(0, tree(3)), 'replaced');
    strictEqual(await store.replace(0, other), 'replaced');
    deepStrictEqual(await store.read('log.example'), tree(3));
    deepStrictEqual(await store.read(other.origin), other);
    strictEqual(await store.read('other.example'), undefined);
  });

  check('changes nothing when another size is on record than was expected', async (opened) => {
    const { store, peer } = opened;
    strictEqual(await store.replace(4, tree(5)), 'conflict');
    strictEqual(await store.read('log.example'), undefined);
    strictEqual(await store.replace(0, tree(3)), 'replaced');
    for (const expected of [0, 2, 4])
      strictEqual(await peer.replace(expected, tree(9)), 'conflict', String(expected));
    deepStrictEqual(await store.read('log.example'), tree(3));
  });

  check('takes the same tree again, with other signatures', async ({ store }) => {
    const again = { ...tree(3), note: `${tree(3).note}— witness.example c2lnbmF0dXJl\n` };
    strictEqual(await store.replace(0, tree(3)), 'replaced');
    strictEqual(await store.replace(3, again), 'replaced');
    deepStrictEqual(await store.read('log.example'), again);
  });

  check('holds the empty tree as a record of size 0', async ({ store }) => {
    strictEqual(await store.replace(0, tree(0)), 'replaced');
    deepStrictEqual(await store.read('log.example'), tree(0));
    strictEqual(await store.replace(0, tree(2)), 'replaced');
    deepStrictEqual(await store.read('log.example'), tree(2));
  });

  check('holds sizes up to 2^53 - 1 and texts of every script', async ({ store }) => {
    const large = tree(Number.MAX_SAFE_INTEGER, 'one', 'журнал.example/日志');
    strictEqual(
      await store.replace(0, tree(Number.MAX_SAFE_INTEGER - 1, 'one', large.origin)),
      'replaced',
    );
    strictEqual(await store.replace(Number.MAX_SAFE_INTEGER - 1, large), 'replaced');
    deepStrictEqual(await store.read(large.origin), large);
  });

  check('N02 never goes back to a smaller tree', async ({ store, peer }) => {
    strictEqual(await store.replace(0, tree(7)), 'replaced');
    await refuses(() => peer.replace(7, tree(3)));
    strictEqual(await peer.replace(0, tree(3)), 'conflict');
    deepStrictEqual(await store.read('log.example'), tree(7));
  });

  check('N01 never replaces a tree by another one of the same size', async ({ store, peer }) => {
    strictEqual(await store.replace(0, tree(7)), 'replaced');
    await refuses(() => peer.replace(7, tree(7, 'another')));
    strictEqual(await peer.replace(0, tree(7, 'another')), 'conflict');
    deepStrictEqual(await store.read('log.example'), tree(7));
  });

  check('lets exactly one of several writers succeed that race from one size', async (opened) => {
    const { store, peer } = opened;
    strictEqual(await store.replace(0, tree(1)), 'replaced');
    const answers = await Promise.all(
      Array.from({ length: 30 }, async (_, index) =>
        (index % 2 === 0 ? store : peer).replace(1, tree(index + 2, `history ${index}`)),
      ),
    );
    strictEqual(answers.filter((each) => each === 'replaced').length, 1);
    strictEqual(answers.filter((each) => each === 'conflict').length, 29);
    const winner = answers.indexOf('replaced');
    deepStrictEqual(await peer.read('log.example'), tree(winner + 2, `history ${winner}`));
  });

  check('refuses what is no checkpoint', async ({ store }) => {
    const wrong: unknown[] = [
      { ...tree(3), size: -1 },
      { ...tree(3), size: 1.5 },
      { ...tree(3), size: 2 ** 53 },
      { ...tree(3), size: '3' },
      { ...tree(3), origin: '' },
      { ...tree(3), root: new Uint8Array(31) },
      { ...tree(3), root: tree(3).note },
      { ...tree(3), note: '' },
    ];
    for (const next of wrong) await refuses(() => store.replace(0, next as WitnessedCheckpoint));
    for (const size of [-1, Number.NaN, undefined])
      await refuses(() => store.replace(size as number, tree(3)));
    strictEqual(await store.read('log.example'), undefined);
  });

  check('still knows after a restart what it had acknowledged', async ({ store, reopen }) => {
    if (reopen === undefined) return;
    strictEqual(await store.replace(0, tree(3)), 'replaced');
    strictEqual(await store.replace(3, tree(8)), 'replaced');
    const again = await reopen();
    deepStrictEqual(await again.read('log.example'), tree(8));
    strictEqual(await again.replace(3, tree(9)), 'conflict');
  });
}
