import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  type Authority,
  administrationAudience,
  createNonces,
  type FetchOptions,
  loadNonceSecret,
  notifyingStore,
} from '@taper/authority';
import {
  createLogger,
  createManagementHandler,
  createMetrics,
  createRateLimit,
} from '@taper/authority/http';
import type { NoteKey, PublicKey, TrustAnchor } from '@taper/core';
import { listen, parseAddress } from '../serve/listener.ts';
import { publishAnchors, readPublication } from './anchors-publication.ts';
import { type AuthorityLog, type LogWitnessPlace, logKey, openLocalLog } from './authority-log.ts';
import type { AuthorityConfig } from './config.ts';
import { endingWith } from './drain.ts';
import { openForwardClock } from './forward-clock.ts';
import { openGateAudit } from './gate-audit.ts';
import { HOME_FILES } from './home.ts';
import { lockFolder } from './instance-lock.ts';
import { type OpenKeysOptions, openKeys } from './keys.ts';
import { isLogMissing, markLogMade } from './log-made.ts';
import { createRootWatch } from './root-watch.ts';
import { anchorsOf, requireRoot } from './roots.ts';
import { createService } from './service.ts';
import { openSharedLog, type SharedLogOptions } from './shared-log.ts';
import { type OpenedStore, openStore } from './store.ts';
import { requireOwnApprovers, trustedIssuers, witnessPlaces } from './trusted.ts';

/** Milliseconds that requests have to end when the node stops. */
const GRACE = 10_000;

/** Milliseconds within which the store has to answer for the node to be ready. */
const PATIENCE = 2_000;

/** Milliseconds between two looks for what the store may forget. */
const SWEEP_INTERVAL = 60_000;

export interface StartOptions extends OpenKeysOptions {
  readonly folder: string;
  readonly config: AuthorityConfig;
  /** Seconds since the epoch. Default: the clock of this machine. */
  readonly clock?: () => number;
  /** How keys of trusted issuers are fetched. */
  readonly issuerFetch?: FetchOptions;
  /** Where the log of the node goes, a line at a time. Default: standard error. */
  readonly writeLog?: (line: string) => void;
}

const machineClock = (): number => Math.floor(Date.now() / 1000);

/** A node of the authority that takes requests. */
export interface RunningAuthority {
  /** Where it listens; clients use the issuer's URL. */
  readonly url: string;
  readonly managementUrl: string;
  readonly witnessUrl: string | undefined;
  readonly authority: Authority;
  readonly anchors: readonly TrustAnchor[];
  /** The root key that signs. */
  readonly root: PublicKey;
  /** Under which the audit log of the gate verifies. */
  readonly auditKey: PublicKey;
  /** Text of the trust-anchor document that is published. */
  readonly anchorsDocument: string;
  readonly log: { readonly key: NoteKey; readonly witnesses: readonly LogWitnessPlace[] };
  /** Takes up what was published elsewhere, a new root key above all. A node does so by itself once a minute. */
  refresh(): Promise<void>;
  /** Ends the requests that are being answered, has everything in the log, and gives the folder back. */
  close(): Promise<void>;
}

/**
 * Starts the authority in a folder that {@link makeHome} made.
 * @throws {Failure} `instance_running`, `port_taken`, `key_store_unusable`, `config_malformed`; {TaperError} what store and log have.
 */
export async function startAuthority(options: StartOptions): Promise<RunningAuthority> {
  const { folder, config, writeLog } = options;
  const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
  const logger = createLogger(
    config.logLevel,
    writeLog === undefined ? undefined : { write: writeLog },
  );
  const onFailure = (cause: unknown): void => logger.error({ err: cause }, 'something failed');
  const undo: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const each of undo.splice(0).reverse()) await each();
  };
  try {
    undo.push(lockFolder(join(folder, HOME_FILES.lock)));
    const opened = await openKeys(folder, config, options);
    undo.push(() => opened.close());
    const { keys } = opened;
    const storage = await openStore(folder, config, undo);
    await requireOwnApprovers(config, storage.store);
    const forward = await openForwardClock(options.clock ?? machineClock, storage.store);
    const clock = forward.now;
    const known = (await readPublication(storage.store, clock))?.latest;
    const secret = await loadNonceSecret(storage.store, random);
    const log = await openLog(
      storage,
      {
        folder,
        config,
        keys,
        anchors: anchorsOf(config.issuer, requireRoot(opened.roots, known), known, 'ever'),
        witnesses: witnessPlaces(config),
        clock,
        secret,
        random,
        onFailure,
      },
      undo,
    );
    const store = notifyingStore(storage.store, () => log.wake());
    const metrics = createMetrics();
    const audit = await openGateAudit({
      folder,
      config,
      database: storage.database,
      signer: keys.audit,
      name: administrationAudience(config.issuer),
      clock,
      random,
      onDropped: () => metrics.unrecorded(),
    });
    undo.push(() => audit.close());
    const nonces = createNonces({ secret, clock, random });
    const trusted = trustedIssuers(config, clock, options.issuerFetch);
    const rateLimit = createRateLimit(config.requestsPerSecond);
    const publishing = { store, config, keys, witnesses: log.witnesses, clock };
    const watch = createRootWatch({
      folder,
      config,
      opened,
      log,
      clock,
      published: await publishAnchors({ ...publishing, roots: opened.roots }),
      read: () => readPublication(store, clock),
      publish: (roots) => publishAnchors({ ...publishing, roots }),
      serve: (state) =>
        createService(
          {
            config,
            store,
            log,
            keys,
            audit: audit.recorder,
            nonces,
            trusted,
            anchorsHistory: () => watch.published.history,
            rateLimit,
            connection: addressOf,
            logger,
            metrics,
            clock,
            random,
            onFailure,
          },
          state,
        ),
    });
    undo.push(() => watch.close());
    const sweeping = setInterval(() => {
      store.sweep(clock()).catch(onFailure);
      forward.keep().catch(onFailure);
      watch.refresh().catch(onFailure);
    }, SWEEP_INTERVAL);
    undo.push(() => clearInterval(sweeping));
    const stopping = new AbortController();
    const problems = async (): Promise<string[]> => [
      ...(stopping.signal.aborted ? ['draining'] : []),
      ...((await answers(() => store.ping())) ? [] : ['store']),
      ...(forward.isBehind() ? ['clock'] : []),
      ...((await answers(() => audit.ping())) ? [] : ['audit']),
      ...(await log.problems()),
      ...watch.problems(),
    ];
    const management = await listen({
      fetch: createManagementHandler({
        metrics,
        problems,
        pendingEntries: async () => (await store.pendingEntries(1000)).length,
      }),
      ...parseAddress(config.managementListen, 'management_listen', 'config_malformed'),
      field: 'management_listen',
    });
    undo.push(() => management.close(GRACE));
    const listener = await listen({
      fetch: async (request, bindings) =>
        endingWith(await watch.service.handler(request, bindings), stopping.signal),
      ...parseAddress(config.listen, 'listen', 'config_malformed'),
      field: 'listen',
    });
    undo.push(async () => {
      stopping.abort();
      await listener.close(GRACE);
    });
    return {
      url: listener.url,
      managementUrl: management.url,
      witnessUrl: log.ownWitness?.url,
      get authority() {
        return watch.service.authority;
      },
      get anchors() {
        return watch.service.anchors;
      },
      get root() {
        return watch.service.root.signer.publicKey;
      },
      auditKey: keys.audit.publicKey,
      get anchorsDocument() {
        return watch.published.text;
      },
      log: { key: logKey(config, keys), witnesses: log.witnesses },
      refresh: () => watch.refresh(),
      close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}

type LogOptions = Omit<SharedLogOptions, 'database' | 'store' | 'isMissing' | 'onMade'> & {
  readonly folder: string;
};

/** In the folder, or in the database that several nodes share. What is opened is closed by what comes into `undo`. */
async function openLog(
  { store, database }: OpenedStore,
  options: LogOptions,
  undo: (() => unknown)[],
): Promise<AuthorityLog> {
  const { logOrigin: origin } = options.config;
  if (database === undefined) {
    const create = await isLogMissing(store, origin);
    const log = await openLocalLog({ ...options, store, create });
    undo.push(() => log.close());
    if (create) await markLogMade(store, origin);
    return log;
  }
  const log = await openSharedLog({
    ...options,
    database,
    store,
    isMissing: () => isLogMissing(store, origin),
    onMade: async () => {
      if (await isLogMissing(store, origin)) await markLogMade(store, origin);
    },
  });
  undo.push(() => log.close());
  return log;
}

/** The peer of a connection, as the server of Node knows it. */
function addressOf(bindings: unknown): { readonly address: string | undefined } {
  const { incoming } = (bindings ?? {}) as {
    readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
  };
  return { address: incoming?.socket?.remoteAddress };
}

/** Whether something ends well, and in time. */
async function answers(work: () => Promise<void>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, PATIENCE, false);
  });
  try {
    return await Promise.race([
      work().then(
        () => true,
        () => false,
      ),
      late,
    ]);
  } finally {
    clearTimeout(timer);
  }
}
