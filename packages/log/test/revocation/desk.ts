import {
  type RevocationReason,
  type RevocationRequestOptions,
  type RevocationTarget,
  requestRevocation,
} from '@taper/core';
import {
  createMemoryCheckpointStore,
  createMemoryTileStore,
  type Log,
  type LogReader,
  openLog,
  openRevocationAuthority,
  type RevocationAuthority,
  type RevocationAuthorityOptions,
  type TileStore,
} from '@taper/log';
import {
  CAST,
  createTestClock,
  type Hop,
  present,
  TEST_TIME,
  type TestClock,
  type TestKey,
  testKey,
  tokenHash,
} from '@taper/testkit';

export const ORIGIN = 'log.example.com/revocations';
export const NOW: number = TEST_TIME;
export const LOG_KEY: TestKey = testKey('revocation log');
export const AUTHORITY: TestKey = testKey('authority');
export const ANCHORS = CAST.anchors.map(({ issuer, key }) => ({ issuer, key: key.publicKey }));
export const ANCHOR = CAST.anchors[0]?.key as TestKey;
const [A, B, C, D] = CAST.holders as unknown as [TestKey, TestKey, TestKey, TestKey];
export const [ALICE, BOB, CAROL, DAVE] = [A, B, C, D];

export interface Desk {
  readonly clock: TestClock;
  readonly tiles: TileStore;
  log: Log;
  authority: RevocationAuthority;
  /** What the authority was told of. */
  readonly failures: unknown[];
  /** Opens log and authority anew over what is stored. */
  reopen(options?: Partial<RevocationAuthorityOptions>): Promise<void>;
  /** Every entry that is durable, as text. */
  entries(): Promise<readonly string[]>;
}

/** A log in memory with its authority, whose clock stands still. */
export async function openDesk(
  options: Partial<RevocationAuthorityOptions> = {},
  tiles: TileStore = createMemoryTileStore(),
): Promise<Desk> {
  const checkpoints = createMemoryCheckpointStore();
  const clock = createTestClock(NOW);
  const failures: unknown[] = [];
  const open = (create: boolean): Promise<Log> =>
    openLog({ origin: ORIGIN, signer: LOG_KEY.signer, tiles, checkpoints, create });
  const authorityOf = (log: Log, more: Partial<RevocationAuthorityOptions> = {}) =>
    openRevocationAuthority({
      log,
      signer: AUTHORITY.signer,
      anchors: ANCHORS,
      clock: clock.now,
      onFailure: (cause) => failures.push(cause),
      ...options,
      ...more,
    });
  const log = await open(true);
  const desk: Desk = {
    clock,
    tiles,
    log,
    authority: await authorityOf(log),
    failures,
    async reopen(more) {
      await desk.log.close();
      desk.log = await open(false);
      desk.authority = await authorityOf(desk.log, more);
    },
    async entries() {
      await desk.log.publish();
      return textsOf(desk.log.reader);
    },
  };
  return desk;
}

async function textsOf(reader: LogReader): Promise<string[]> {
  const texts: string[] = [];
  for await (const { entry } of reader.entries()) texts.push(Buffer.from(entry).toString());
  return texts;
}

export function chainOf(...hops: readonly Hop[]): readonly string[] {
  return present({ hops }).chain;
}

/** alice, bob, carol. */
export const CHAIN: readonly string[] = chainOf({}, {}, {});

/** A chain to carol that shares nothing but its holders with another of another number. */
export function chainNumber(number: number, hops = 3): readonly string[] {
  const named = Array.from({ length: hops }, (_, hop) => ({ claims: { jti: `${number}-${hop}` } }));
  return chainOf(...named);
}

export function leafOf(chain: readonly string[]): Extract<RevocationTarget, { kind: 'token' }> {
  const [root, leaf] = [chain[0], chain.at(-1)] as [string, string];
  return { kind: 'token', token: tokenHash(leaf), root: tokenHash(root) };
}

export function keyOf({ publicKey }: TestKey): RevocationTarget {
  return { kind: 'key', key: publicKey.thumbprint };
}

let requests = 0;

/** A request for the last token of a chain, unless said otherwise. */
export function ask(
  by: TestKey,
  chain: readonly string[] = CHAIN,
  options: Partial<RevocationRequestOptions> = {},
): Promise<string> {
  requests += 1;
  return requestRevocation({
    log: ORIGIN,
    target: options.target ?? leafOf(chain),
    chain,
    signer: by.signer,
    now: NOW,
    id: `request-${requests}`,
    reason: 'unspecified' satisfies RevocationReason,
    ...options,
  });
}
