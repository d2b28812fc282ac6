import { type StapleSubject, TaperError } from '@taper/core';
import { createHttpRevocationSource, createLogHandler, openRevocationFollower } from '@taper/log';
import {
  createPostgresLease,
  createPostgresTileSource,
  keepTenure,
  readPostgresCheckpoint,
} from '@taper/store-postgres';
import { type AuthorityLog, logKey } from './authority-log.ts';
import { endingWith } from './drain.ts';
import { nobodyWrites, sendOn } from './forwarding.ts';
import { createForwardingMarks, FORWARDED } from './forwarding-mark.ts';
import { isOfTiles, LOG_PREFIX } from './log-writer.ts';
import { createSharedRevocation } from './shared-revocation.ts';
import { beginTenure, type WriterTenure, type WriterTenureOptions } from './writer-tenure.ts';

/** What one node does at a time. */
const LEASE = 'authority log';

/** Milliseconds from the start of a node in which one of them comes to write the log. */
const BEGINNING = 10_000;

/** Seconds by which the view of this node may lag behind where an exchange asks it. */
const MAX_STALENESS = 60;

export interface SharedLogOptions extends WriterTenureOptions {
  /** Random bytes that all nodes share: they know by them what one of them has sent on. */
  readonly secret: Uint8Array;
  readonly random: (length: number) => Uint8Array;
}

/**
 * The log of an authority of several nodes, in their database: one of them writes it, the others send on to it what only it can do, and
 * follow it as any enforcement point does.
 */
export async function openSharedLog(options: SharedLogOptions): Promise<AuthorityLog> {
  const { database, config, keys, witnesses, clock, random, onFailure } = options;
  const origin = config.logOrigin;
  const self = config.advertise ?? `http://${config.listen}`;
  const marks = createForwardingMarks({ secret: options.secret, self, clock, random });
  const lease = createPostgresLease(database, {
    name: LEASE,
    address: self,
    patience: 5_000,
  });
  let writing: WriterTenure | undefined;
  /** What this node follows may have been nobody's a moment ago. */
  let follow: () => unknown = () => undefined;
  let { anchors } = options;
  const keeper = keepTenure(
    lease,
    async (held) => {
      const tenure = await beginTenure(held, { ...options, anchors });
      // They may have changed while the log was opened.
      tenure.authority.useAnchors(anchors);
      writing = tenure;
      void follow();
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

  const fetchLog: AuthorityLog['fetch'] = async (request, _bindings, client = `node ${self}`) => {
    if (isOfTiles(request)) return tiles(request);
    if (writing !== undefined) return writing.service(request);
    // Once is enough: two nodes that each take the other for the writer would send it to and fro.
    if (request.headers.has(FORWARDED)) return nobodyWrites();
    const holder = await lease.holder().catch(() => undefined);
    if (holder === undefined) return nobodyWrites();
    const mark = marks.make(request, holder.address, client);
    return sendOn(request, holder.address, mark).catch(() => nobodyWrites());
  };

  const begun = performance.now();
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
    report({ code }) {
      // At first nobody writes, and nothing is wrong.
      if (code === 'source_unavailable' && performance.now() - begun < BEGINNING) return;
      onFailure(new Error(`the log cannot be followed: ${code}`));
    },
  });
  follow = () => follower.poll();

  return {
    log: origin,
    revoke: createSharedRevocation({
      log: origin,
      signer: keys.authority,
      fetch: (request) => fetchLog(request, undefined),
      follow: () => follower.poll(),
      clock,
      random,
    }),
    fetch: fetchLog,
    sentOnFor: (request) => marks.take(request),
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
