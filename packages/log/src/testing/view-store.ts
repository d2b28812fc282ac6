import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import type { StoredView, ViewPosition, ViewStore } from '../port/view-store.ts';
import type { KnownRevocation } from '../revocation-view/revoked-table.ts';
import {
  bytesOf,
  type ContractTest,
  type OpenedStore,
  rejectsWith,
  withStore,
} from './contract.ts';

export interface ViewStoreContract {
  readonly test: ContractTest;
  open(): Promise<OpenedStore<ViewStore>>;
}

const T = 1_800_000_000;

function positionAt(size: number, changes: Partial<ViewPosition> = {}): ViewPosition {
  const ones = size.toString(2).replaceAll('0', '').length;
  return {
    log: 'log.example/authority',
    size,
    note: `log.example/authority\n${size}\n`,
    frontier: Array.from({ length: ones }, (_, at) => bytesOf(`${size} ${at}`)),
    epoch: size,
    nextUpdate: T + size + 1,
    time: T + size,
    asOf: T + size,
    ...changes,
  };
}

function identifier(name: string): string {
  return Buffer.from(bytesOf(name)).toString('base64url');
}

const TOKEN = { kind: 'token', token: identifier('token'), expiresAt: T + 600 } as const;
const KEY = { kind: 'key', key: identifier('key') } as const;
const REPLACED = { kind: 'replaced', key: identifier('old key'), oldUntil: T } as const;
const TENANT = { kind: 'tenant', tenant: 'Jürgen & Söhne', issuedBefore: T } as const;

function revokedIn(view: StoredView | undefined): string[] {
  return [...(view?.revoked ?? [])].map((each) => JSON.stringify(each)).sort();
}

function texts(...revoked: readonly KnownRevocation[]): string[] {
  return revoked.map((each) => JSON.stringify(each)).sort();
}

/** Tests that a driver of {@link ViewStore} keeps what the port promises. */
export function viewStoreContract({ test, open }: ViewStoreContract): void {
  const check = withStore(test, open);
  const save = async (
    store: ViewStore,
    position: ViewPosition,
    revoked: readonly KnownRevocation[] = [],
    forgetUntil = 0,
  ): Promise<void> => {
    await store.save({ position, revoked, forgetUntil });
  };

  check('knows nothing when it is new', async (store) => {
    strictEqual(await store.load(), undefined);
  });

  check('gives what was last saved, also after a restart', async (store, reopen) => {
    await save(store, positionAt(1), [TOKEN, KEY]);
    await save(store, positionAt(7), [TENANT, REPLACED]);
    const isKept = (view: StoredView | undefined): void => {
      deepStrictEqual(view?.position, positionAt(7));
      deepStrictEqual(revokedIn(view), texts(TOKEN, KEY, TENANT, REPLACED));
    };
    isKept(await store.load());
    isKept(await (await reopen()).load());
  });

  check('keeps the stronger of two revocations of one thing', async (store) => {
    await save(store, positionAt(1), [TOKEN, TENANT]);
    const earlier = { ...TOKEN, expiresAt: T + 1 };
    await save(store, positionAt(2), [earlier, { ...TENANT, issuedBefore: T - 50 }, KEY, KEY]);
    deepStrictEqual(revokedIn(await store.load()), texts(TOKEN, TENANT, KEY));
    const later = { ...TOKEN, expiresAt: T + 900 };
    await save(store, positionAt(3), [later, { ...TENANT, issuedBefore: T + 50 }]);
    deepStrictEqual(
      revokedIn(await store.load()),
      texts(later, { ...TENANT, issuedBefore: T + 50 }, KEY),
    );
  });

  check(
    'keeps the earlier of two ends of a key that was replaced, beside its revocation',
    async (store) => {
      await save(store, positionAt(1), [REPLACED, { kind: 'key', key: REPLACED.key }]);
      await save(store, positionAt(2), [{ ...REPLACED, oldUntil: T + 1 }], T + 10);
      const revoked = { kind: 'key', key: REPLACED.key } as const;
      deepStrictEqual(revokedIn(await store.load()), texts(revoked, REPLACED));
      await save(store, positionAt(3), [{ ...REPLACED, oldUntil: T - 1 }]);
      deepStrictEqual(
        revokedIn(await store.load()),
        texts(revoked, { ...REPLACED, oldUntil: T - 1 }),
      );
    },
  );

  check('forgets tokens up to the time that it is told, and nothing else', async (store) => {
    await save(store, positionAt(1), [TOKEN, KEY, TENANT]);
    await save(store, positionAt(2), [], TOKEN.expiresAt - 1);
    deepStrictEqual(revokedIn(await store.load()), texts(TOKEN, KEY, TENANT));
    await save(store, positionAt(3), [], TOKEN.expiresAt);
    deepStrictEqual(revokedIn(await store.load()), texts(KEY, TENANT));
  });

  check('takes the same position again', async (store) => {
    await save(store, positionAt(5), [KEY]);
    await save(store, positionAt(5, { note: 'the same, with more signatures' }), [TENANT]);
    deepStrictEqual(revokedIn(await store.load()), texts(KEY, TENANT));
  });

  for (const [title, next] of [
    ['N02 a smaller size', positionAt(4, { epoch: 6 })],
    ['M06 a lower epoch', positionAt(7, { epoch: 5 })],
    [
      'N01 another history of the same size',
      { ...positionAt(6), frontier: positionAt(5).frontier },
    ],
    ['F13 another log', positionAt(9, { log: 'staging.example/authority' })],
  ] as const) {
    check(`refuses ${title}, and changes nothing`, async (store, reopen) => {
      await save(store, positionAt(6), [KEY]);
      await rejectsWith('log_rolled_back', () => save(store, next, [TENANT]));
      const view = await (await reopen()).load();
      deepStrictEqual(view?.position, positionAt(6));
      deepStrictEqual(revokedIn(view), texts(KEY));
    });
  }

  check('holds sizes and times up to 2^53 - 1', async (store, reopen) => {
    const most = Number.MAX_SAFE_INTEGER;
    const position = positionAt(most, { time: most, nextUpdate: most, asOf: most });
    const token = { ...TOKEN, expiresAt: most };
    await save(store, position, [token]);
    const view = await (await reopen()).load();
    deepStrictEqual(view?.position, position);
    deepStrictEqual(revokedIn(view), texts(token));
  });
}
