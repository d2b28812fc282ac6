import { setTimeout as pause } from 'node:timers/promises';
import type { AuthorityStore } from '@taper/authority';
import {
  type JsonValue,
  parseJson,
  type RevocationTarget,
  requestRevocation,
  type StapleSubject,
  TaperError,
  type TrustAnchor,
  uuidV7,
} from '@taper/core';
import {
  createHttpRevocationSource,
  createLogHandler,
  createRevocationService,
  createWitnessClient,
  openLog,
  openLoggedRegister,
  openRevocationAuthority,
  openRevocationFollower,
  type RevocationAuthority,
} from '@taper/log';
import {
  createPostgresCheckpointStore,
  createPostgresLease,
  createPostgresRevocationStateStore,
  createPostgresTileSource,
  createPostgresTileStore,
  type HeldLease,
  keepTenure,
  type PostgresDatabase,
  readPostgresCheckpoint,
  type Tenure,
} from '@taper/store-postgres';
import type { FetchHandler } from '../serve/listener.ts';
import { type AuthorityLog, type LogWitnessPlace, logKey, startPump } from './authority-log.ts';
import type { AuthorityConfig } from './config.ts';
import { endingWith } from './drain.ts';
import type { AuthorityKeys } from './keys.ts';
import { LOG_PREFIX } from './log-node.ts';
import { followPublishedEpoch } from './published-epoch.ts';

/** What one node does at a time. */
const LEASE = 'authority log';

/** Milliseconds for which a revocation is tried while the log changes hands, and between two attempts. */
const PATIENCE = 20_000;
const PAUSE = 250;

/** Milliseconds between two looks for entries that other nodes handed over: nothing tells the writer of them. */
const LOOK = 50;

/** Seconds by which the view of this node may lag behind where an exchange asks it. */
const MAX_STALENESS = 60;

/** Says that another node sent a request on: it is not sent on once more. */
const FORWARDED = 'taper-forwarded';

export interface SharedLogOptions {
  readonly database: PostgresDatabase;
  readonly store: AuthorityStore;
  readonly config: AuthorityConfig;
  readonly keys: AuthorityKeys;
  readonly anchors: readonly TrustAnchor[];
  readonly witnesses: readonly LogWitnessPlace[];
  /** Whether the log is still to be made; asked each time that this node comes to write it. */
  readonly isMissing: () => Promise<boolean>;
  readonly onMade: () => Promise<void>;
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
  readonly onFailure: (cause: unknown) => void;
}

/** What the node that writes has. */
interface Writing {
  readonly authority: RevocationAuthority;
  readonly service: (request: Request) => Promise<Response>;
  /** The last that was published. */
  epoch(): number;
  wake(): void;
}

/**
 * The log of an authority of several nodes, in their database: one of them writes it, the others send on to it what only it can do, and
 * follow it as any enforcement point does.
 */
export async function openSharedLog(options: SharedLogOptions): Promise<AuthorityLog> {
  const { database, config, keys, witnesses, clock, onFailure } = options;
  const origin = config.logOrigin;
  const lease = createPostgresLease(database, {
    name: LEASE,
    address: config.advertise ?? `http://${config.listen}`,
    patience: 5_000,
  });
  let writing: Writing | undefined;
  let { anchors } = options;
  const keeper = keepTenure(
    lease,
    async (held) => {
      const tenure = await beginTenure(held, { ...options, anchors });
      // They may have changed while the log was opened.
      tenure.authority.useAnchors(anchors);
      writing = tenure;
      return {
        ended: tenure.ended,
        async close() {
          writing = undefined;
          await tenure.close();
        },
      };
    },
    onFailure,
  );
  const tiles = createLogHandler({
    tiles: createPostgresTileSource(database, origin),
    checkpoint: async () => (await readPostgresCheckpoint(database, origin))?.note,
    prefix: LOG_PREFIX,
    onFailure,
  });

  const fetchLog: FetchHandler = async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === `${LOG_PREFIX}/checkpoint` || pathname.startsWith(`${LOG_PREFIX}/tile/`))
      return tiles(request);
    if (writing !== undefined) return writing.service(request);
    if (request.headers.has(FORWARDED)) return nobodyWrites();
    const holder = await lease.holder().catch(() => undefined);
    if (holder === undefined) return nobodyWrites();
    return sendOn(request, holder.address).catch(() => nobodyWrites());
  };

  const follower = await openRevocationFollower({
    source: createHttpRevocationSource(`http://127.0.0.1${LOG_PREFIX}`, {
      // Nothing but this ends an answer that never went over a connection.
      fetch: async (input, init) =>
        endingWith(
          await fetchLog(new Request(input as string, init), undefined),
          init?.signal ?? new AbortController().signal,
        ),
    }),
    trust: {
      origin,
      keys: [logKey(config, keys)],
      witnesses: witnesses.map(({ key }) => key),
      quorum: witnesses.length,
    },
    authority: [keys.authority.publicKey],
    clock: { now: clock },
    report: (problem) => onFailure(new Error(`the log cannot be followed: ${problem.code}`)),
  });

  async function submit(compact: string): Promise<Response> {
    return fetchLog(
      new Request(`http://127.0.0.1${LOG_PREFIX}/revocations`, {
        method: 'POST',
        headers: { 'content-type': 'application/jwt' },
        body: compact,
      }),
      undefined,
    );
  }

  return {
    log: origin,
    async revoke(target, given) {
      const compact = await sign(target, given, options);
      // The same request may be sent any number of times: it revokes once.
      for (const deadline = performance.now() + PATIENCE; ; ) {
        const answer = await submit(compact).catch(() => undefined);
        const parsed = parseJson((await answer?.text().catch(() => '')) ?? '');
        const body = (parsed.ok ? parsed.value : undefined) as
          | { readonly index?: JsonValue; readonly entry?: JsonValue; readonly code?: JsonValue }
          | undefined;
        const { index, entry, code } = body ?? {};
        if (answer?.ok === true && typeof index === 'number' && typeof entry === 'string') {
          await follower.poll();
          return { index, entry };
        }
        // The node that writes counts all that this one sends on as one client's: to be one too many is no refusal.
        if (answer !== undefined && answer.status < 500 && answer.status !== 429)
          throw new TaperError('revocation_refused', `Nothing was revoked: ${String(code)}.`);
        if (performance.now() > deadline)
          throw new TaperError('log_unavailable', 'No node writes the log now.');
        await pause(PAUSE);
      }
    },
    fetch: fetchLog,
    view: follower,
    async check(subject, now) {
      const verdict = follower.check(queryOf(subject), now);
      if (verdict.verdict === 'revoked') return 'revoked';
      if (verdict.verdict === 'good' && now - verdict.asOf <= MAX_STALENESS) return 'good';
      throw new TaperError('log_unavailable', 'What is revoked is not known well enough.');
    },
    useAnchors(known) {
      anchors = known;
      writing?.authority.useAnchors(known);
    },
    // What this node has followed, where another writes: less than that would let a view that was set back pass for a whole one.
    epoch: () => Math.max(writing?.epoch() ?? 0, follower.status().epoch),
    wake: () => writing?.wake(),
    witnesses,
    ownWitness: undefined,
    async problems() {
      // Before that nothing is fresh enough for the gate, on whichever node.
      if (follower.status().epoch === 0) return ['log'];
      if (writing !== undefined) return [];
      const holder = await lease.holder().catch(() => undefined);
      return holder === undefined ? ['log'] : [];
    },
    async close() {
      await follower.close();
      await keeper.close();
    },
  };
}

async function beginTenure(
  lease: HeldLease,
  {
    database,
    store,
    config,
    keys,
    anchors,
    witnesses,
    clock,
    onFailure,
    ...rest
  }: SharedLogOptions,
): Promise<Tenure & Writing> {
  const place = { log: config.logOrigin, lease };
  const undo: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const each of undo.splice(0).reverse()) await Promise.resolve(each()).catch(onFailure);
  };
  try {
    const log = await openLog({
      origin: config.logOrigin,
      signer: keys.log,
      tiles: createPostgresTileStore(database, place),
      checkpoints: createPostgresCheckpointStore(database, place),
      create: await rest.isMissing(),
      witnesses: witnesses.map((each) => createWitnessClient(each)),
    });
    undo.push(() => log.close());
    await rest.onMade();
    const authority = await openRevocationAuthority({
      log,
      signer: keys.authority,
      anchors,
      clock,
      state: createPostgresRevocationStateStore(database, place),
      onFailure,
    });
    undo.push(() => authority.close());
    const agents = await openLoggedRegister({
      authority,
      signer: keys.authority,
      state: createPostgresRevocationStateStore(database, {
        log: `${config.logOrigin} agents`,
        lease,
      }),
      onFailure,
    });
    undo.push(() => agents.close());
    const service = createRevocationService({
      log,
      authority,
      agents,
      prefix: LOG_PREFIX,
      onFailure,
    });
    const pump = await startPump(store, authority, keys, onFailure, LOOK);
    undo.push(() => pump.close());
    const published = followPublishedEpoch(authority);
    undo.push(() => published.close());
    authority.start();
    return {
      authority,
      service,
      epoch: () => published.epoch(),
      wake: () => pump.wake(),
      ended: new Promise((resolve) => {
        const watching = setInterval(() => {
          if (pump.failure !== undefined) resolve(pump.failure);
        }, 1000);
        undo.push(() => clearInterval(watching));
      }),
      close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}

function sign(
  target: RevocationTarget,
  given: Parameters<AuthorityLog['revoke']>[1],
  { config, keys, clock, random }: SharedLogOptions,
): Promise<string> {
  const now = clock();
  return requestRevocation({
    log: config.logOrigin,
    target,
    signer: keys.authority,
    now,
    id: uuidV7(now * 1000, random(10)),
    ...given,
  });
}

/** A request as it came, to the node that writes; what comes back as it comes. */
async function sendOn(request: Request, address: string): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers = new Headers({ [FORWARDED]: '1' });
  for (const name of ['content-type', 'accept', 'last-event-id']) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  const {
    status,
    body,
    headers: answered,
  } = await fetch(address + pathname + search, {
    method: request.method,
    headers,
    redirect: 'manual',
    ...(request.body === null ? {} : { body: request.body, duplex: 'half' }),
    signal: request.signal,
  } as RequestInit);
  const kept = new Headers(answered);
  // The body was unpacked on the way.
  for (const name of ['content-encoding', 'content-length', 'transfer-encoding', 'connection'])
    kept.delete(name);
  return new Response(body, { status, headers: kept });
}

function nobodyWrites(): Response {
  return new Response('{"code":"log_unavailable"}', {
    status: 503,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'Access-Control-Allow-Origin': '*',
      'Retry-After': '1',
    },
  });
}

function queryOf({ chains, tenant, oldestIssuedAt }: StapleSubject) {
  return {
    tokens: chains.flatMap(({ tokens }) => tokens),
    keys: chains.flatMap(({ keys }) => keys),
    // Who presents it now is proved by DPoP, under a key that the store knows.
    acting: [],
    chains,
    tenant,
    oldestIssuedAt,
    logs: [],
    epochs: new Map<string, number>(),
    evidence: undefined,
  };
}
