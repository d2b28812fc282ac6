import { rejects } from 'node:assert/strict';
import type { AuthorityStore } from '../port/store.ts';

/** `test` of any runner. */
export type ContractTest = (title: string, body: () => Promise<void>) => void;

/** A store as the contract suite gets it: empty, and its own for each test. */
export interface OpenedAuthorityStore {
  readonly store: AuthorityStore;
  /** The same state as another process has it; the store itself where no other process can. */
  readonly peer: AuthorityStore;
  /** The same content as a restart finds it; neither store is used any more. Left out where nothing outlives the process. */
  reopen?(): Promise<AuthorityStore>;
  /**
   * Makes the next commit of `store` fail: `lost`, so that nothing of it is kept; `kept`, so that it is durable, and its answer is
   * lost. Left out where that cannot be brought about.
   */
  failCommit?(how: 'lost' | 'kept'): void | Promise<void>;
  close(): Promise<void>;
}

export interface AuthorityStoreContract {
  readonly test: ContractTest;
  open(): Promise<OpenedAuthorityStore>;
}

/** A test with a store of its own, which is closed at the end. */
export type StoreCheck = (
  title: string,
  body: (opened: OpenedAuthorityStore) => Promise<void>,
) => void;

export function withStore({ test, open }: AuthorityStoreContract): StoreCheck {
  return (title, body) =>
    test(title, async () => {
      const opened = await open();
      try {
        await body(opened);
      } finally {
        await opened.close();
      }
    });
}

export async function rejectsWith(
  code: string,
  act: () => Promise<unknown>,
  conflict?: string,
): Promise<void> {
  await rejects(
    async () => {
      await act();
    },
    (error: { readonly code?: unknown; readonly conflict?: unknown }) =>
      error.code === code && (conflict === undefined || error.conflict === conflict),
  );
}
