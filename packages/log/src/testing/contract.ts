import { rejects } from 'node:assert/strict';

/** `test` of any runner. */
export type ContractTest = (title: string, body: () => Promise<void>) => void;

/** A store as a contract suite gets it: empty, and its own for each test. */
export interface OpenedStore<Store> {
  readonly store: Store;
  /** The same content as a restart finds it; the store before is not used any more. Left out where nothing outlives the process. */
  reopen?(): Promise<Store>;
  close(): Promise<void>;
}

/** `test` with a store of its own, which is closed at the end. */
export function withStore<Store>(
  test: ContractTest,
  open: () => Promise<OpenedStore<Store>>,
): (title: string, body: (store: Store, reopen: () => Promise<Store>) => Promise<void>) => void {
  return (title, body) =>
    test(title, async () => {
      const { store, reopen, close } = await open();
      try {
        await body(store, async () => (reopen === undefined ? store : reopen()));
      } finally {
        await close();
      }
    });
}

export async function rejectsWith(code: string, act: () => Promise<unknown>): Promise<void> {
  await rejects(act, (error: { readonly code?: unknown }) => error.code === code);
}

/** Bytes that differ with the name. */
export function bytesOf(name: string, length = 32): Uint8Array {
  const seed = new TextEncoder().encode(`${name}:`);
  return Uint8Array.from(
    { length },
    (_, place) => (seed[place % seed.length] as number) ^ (place >>> 3),
  );
}
