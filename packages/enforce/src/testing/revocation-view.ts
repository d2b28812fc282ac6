import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import type { RevocationQuery, RevocationView } from '../port/revocation-view.ts';
import type { Revocation } from '../revocation/entry.ts';
import {
  type ContractTest,
  identifier,
  type OpenedPort,
  CONTRACT_TIME as T,
  withPort,
} from './contract.ts';

/** A view, and how a test has something revoked in it; done when the view must know it. */
export interface RevocableView extends RevocationView {
  revoke(revocation: Revocation, now: number): void | Promise<void>;
}

export interface RevocationViewContract {
  readonly test: ContractTest;
  /** @param options.logs origins of the logs that the view must follow, and no other. */
  open(options: { readonly logs: readonly string[] }): Promise<OpenedPort<RevocableView>>;
}

const LOG = 'log.example.com/authority';

function query(changes: Partial<RevocationQuery> = {}): RevocationQuery {
  const all = {
    tokens: ['root', 'middle', 'leaf'].map(identifier),
    keys: ['anchor', 'first holder', 'second holder', 'third holder'].map(identifier),
    acting: [],
    tenant: 'acme',
    oldestIssuedAt: T - 100,
    logs: [LOG],
    epochs: new Map(),
    evidence: undefined,
    ...changes,
  };
  return { chains: [{ tokens: all.tokens, keys: all.keys }], ...all };
}

/** Tests that a driver of {@link RevocationView} keeps what the port promises. */
export function revocationViewContract({ test, open }: RevocationViewContract): void {
  const check = withPort(test, open);
  const options = { logs: [LOG] };

  async function verdictOf(view: RevocationView, changes = {}, now: number = T): Promise<string> {
    return (await view.check(query(changes), now)).verdict;
  }

  check('finds nothing revoked where nothing is', options, async (view, peer) => {
    strictEqual(await verdictOf(view), 'good');
    strictEqual(await verdictOf(peer, { tenant: undefined, logs: [] }), 'good');
  });

  check('finds a revoked token, wherever it is on the chain', options, async (view, peer) => {
    await view.revoke({ token: identifier('middle'), expiresAt: T + 900 }, T);
    for (const each of [view, peer]) {
      deepStrictEqual(await each.check(query(), T), {
        verdict: 'revoked',
        what: 'token',
        index: 1,
      });
      strictEqual(await verdictOf(each, { tokens: [identifier('root')] }), 'good');
      strictEqual(await verdictOf(each, { keys: [identifier('middle')], tokens: [] }), 'good');
    }
  });

  check('finds a revoked key, an anchor as well as a holder', options, async (view, peer) => {
    await view.revoke({ key: identifier('anchor') }, T);
    deepStrictEqual(await peer.check(query(), T), { verdict: 'revoked', what: 'key', index: 0 });
    const keys = [identifier('other anchor'), identifier('third holder')];
    strictEqual(await verdictOf(peer, { keys }), 'good');
    await peer.revoke({ key: identifier('third holder') }, T);
    const found = await view.check(query({ keys }), T);
    deepStrictEqual(found, { verdict: 'revoked', what: 'key', index: 1 });
  });

  check('revokes what a tenant issued before a time, and nothing else', options, async (view) => {
    await view.revoke({ tenant: 'acme', issuedBefore: T }, T);
    const found = await view.check(query({ oldestIssuedAt: T - 1 }), T);
    deepStrictEqual(found, { verdict: 'revoked', what: 'tenant', index: 0 });
    strictEqual(await verdictOf(view, { oldestIssuedAt: T }), 'good');
    strictEqual(await verdictOf(view, { tenant: 'other' }), 'good');
    strictEqual(await verdictOf(view, { tenant: undefined }), 'good');
    strictEqual(await verdictOf(view, { tenant: '__proto__' }), 'good');
  });

  check('keeps revoked what was, until it has expired', options, async (view, peer) => {
    await view.revoke({ token: identifier('leaf'), expiresAt: T + 900 }, T);
    await view.revoke({ key: identifier('first holder') }, T);
    await view.revoke({ tenant: 'acme', issuedBefore: T }, T);
    await view.revoke({ token: identifier('leaf'), expiresAt: T + 1 }, T);
    await view.revoke({ tenant: 'acme', issuedBefore: T - 1000 }, T);
    await peer.revoke({ key: identifier('other'), expiresAt: T + 5 }, T + 900);
    for (const each of [view, peer]) {
      strictEqual(await verdictOf(each, { keys: [], tenant: undefined }, T + 900), 'revoked');
      strictEqual(await verdictOf(each, { tokens: [], tenant: undefined }, T + 1e9), 'revoked');
      strictEqual(await verdictOf(each, { tokens: [], keys: [] }, T + 1e9), 'revoked');
    }
  });

  check('tells who listens of what is new, where it tells of that', options, async (view) => {
    let told = 0;
    const listen = (): void => {
      told += 1;
    };
    const ends = [view.onRevoked?.(listen), view.onRevoked?.(listen)];
    const times = ends[0] === undefined ? 0 : 1;
    await view.revoke({ key: identifier('one') }, T);
    strictEqual(told, 2 * times);
    ends[0]?.();
    await view.revoke({ key: identifier('two') }, T);
    strictEqual(told, 3 * times);
    ends[1]?.();
    await view.revoke({ key: identifier('three') }, T);
    strictEqual(told, 3 * times);
  });

  check('says up to when it knows, and never a later time', options, async (view) => {
    const verdict = await view.check(query(), T);
    strictEqual(verdict.verdict === 'good' && verdict.asOf <= T, true);
  });

  check('says so when it does not follow a log that is asked for', options, async (view) => {
    strictEqual(await verdictOf(view, { logs: ['other.example.com/log'] }), 'unknown_log');
    strictEqual(await verdictOf(view, { logs: [LOG, 'other.example.com/log'] }), 'unknown_log');
    strictEqual(await verdictOf(view, { logs: [LOG] }), 'good');
  });
}
