import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Authority,
  type AuthorityStore,
  createAuthority,
  createForeignDomains,
  createIssuance,
  createNonces,
  createTokenEndpoint,
  createTokenExchange,
  type FetchOptions,
  loadNonceSecret,
  verifyIdentityDocument,
} from '@taper/authority';
import {
  administrativeTools,
  createAuthorityHandler,
  createIssuanceDesk,
  createLogger,
  createManagementHandler,
  createMetrics,
  createRateLimit,
  ENDPOINTS,
} from '@taper/authority/http';
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import type { NoteKey, TrustAnchor } from '@taper/core';
import { createPostgresAuthorityStore, openPostgres } from '@taper/store-postgres';
import { listen, parseAddress } from '../serve/listener.ts';
import { createAdministration } from './administration.ts';
import { publishAnchors } from './anchors-publication.ts';
import { type AuthorityLog, type LogWitnessPlace, logKey, openLocalLog } from './authority-log.ts';
import type { AuthorityConfig } from './config.ts';
import { endingWith } from './drain.ts';
import { HOME_FILES } from './home.ts';
import { lockFolder } from './instance-lock.ts';
import { openKeys } from './keys.ts';
import { LOG_PREFIX } from './log-node.ts';
import { publicDocuments, TOKEN_PATH } from './public-documents.ts';
import { openSharedLog, type SharedLogOptions } from './shared-log.ts';
import { approverGroups, foreignDomains, trustedIssuers, witnessPlaces } from './trusted.ts';

/** Milliseconds that requests have to end when the node stops. */
const GRACE = 10_000;

/** Milliseconds within which the store has to answer for the node to be ready. */
const PATIENCE = 2_000;

/** Milliseconds between two looks for what the store may forget. */
const SWEEP_INTERVAL = 60_000;

/** Which log is the authority's: set once it has been made, so that a log that is missing is never made anew. */
const LOG_MADE = 'log_origin';

export interface StartOptions {
  readonly folder: string;
  readonly config: AuthorityConfig;
  /** Seconds since the epoch. Default: the clock of this machine. */
  readonly clock?: () => number;
  /** How keys of trusted issuers are fetched. */
  readonly issuerFetch?: FetchOptions;
  /** Where the log of the node goes, a line at a time. Default: standard error. */
  readonly writeLog?: (line: string) => void;
}

/** A node of the authority that takes requests. */
export interface RunningAuthority {
  /** Where it listens; clients use the issuer's URL. */
  readonly url: string;
  readonly managementUrl: string;
  readonly witnessUrl: string | undefined;
  readonly authority: Authority;
  readonly anchors: readonly TrustAnchor[];
  /** Text of the trust-anchor document that is published. */
  readonly anchorsDocument: string;
  readonly log: { readonly key: NoteKey; readonly witnesses: readonly LogWitnessPlace[] };
  /** Ends the requests that are being answered, has everything in the log, and gives the folder back. */
  close(): Promise<void>;
}

/**
 * Starts the authority in a folder that {@link makeHome} made.
 * @throws {Failure} `instance_running`, `port_taken`, `key_store_unusable`, `config_malformed`; {TaperError} what store and log have.
 */
export async function startAuthority(options: StartOptions): Promise<RunningAuthority> {
  const { folder, config, clock = () => Math.floor(Date.now() / 1000), writeLog } = options;
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
    const keys = await openKeys(folder, config);
    const anchors: readonly TrustAnchor[] = [{ issuer: config.issuer, key: keys.root.publicKey }];
    const witnesses = witnessPlaces(config);
    const { store, log } = await openStoreAndLog(
      { folder, config, keys, anchors, witnesses, clock, random, onFailure },
      undo,
    );
    const nonces = createNonces({ secret: await loadNonceSecret(store, random), clock, random });
    let published = await publishAnchors({ store, config, keys, witnesses: log.witnesses, clock });
    const trusted = trustedIssuers(config, clock, options.issuerFetch);
    const issuance = createIssuance({
      store,
      issuer: config.issuer,
      root: keys.root,
      clock,
      random,
      approvers: approverGroups(config),
      epoch: (origin) => (origin === config.logOrigin ? log.epoch() : 0),
    });
    const authority = createAuthority({
      issuer: config.issuer,
      trustDomain: config.trustDomain,
      store,
      root: keys.root,
      identity: keys.identity,
      ownKeys: Object.values(keys).map(({ publicKey }) => publicKey),
      revocations: log,
      issuance,
      workloads: trusted,
      administratorTools: (tenant) => administrativeTools(ENDPOINTS, tenant),
      clock,
      random,
    });
    const trust = {
      issuer: config.issuer,
      keys: [keys.identity.publicKey],
      trustDomain: config.trustDomain,
    };
    const verifyIdentity = async (compact: string, now: number) =>
      verifyIdentityDocument(compact, trust, now);
    const tokenEndpoint = createTokenEndpoint({
      issuer: config.issuer,
      url: config.issuer + TOKEN_PATH,
      store,
      nonces,
      verifyIdentity,
      issueRoot: (request) => authority.issuance.issueRoot(request),
      exchange: createTokenExchange({
        issuer: config.issuer,
        store,
        anchors,
        foreign: createForeignDomains(foreignDomains(config), config.issuer),
        revoked: log.check,
        verifyIdentity,
        verifyUserToken: (token) => trusted.verifyToken(token, 'subject'),
        issueRoot: (request) => authority.issuance.issueRoot(request),
      }),
      clock,
      onFailure,
    });
    const metrics = createMetrics();
    const handler = createAuthorityHandler({
      authority,
      endpoints: ENDPOINTS,
      nonces,
      mounted: [
        { prefix: TOKEN_PATH, name: 'token', fetch: (request) => tokenEndpoint(request) },
        { prefix: LOG_PREFIX, name: 'log', fetch: log.fetch },
        createIssuanceDesk(authority, onFailure),
        {
          prefix: '/admin',
          name: 'administration',
          fetch: createAdministration({
            authority,
            endpoints: ENDPOINTS,
            anchors,
            revocation: log.view,
            onFailure,
          }),
        },
        ...publicDocuments({
          issuer: config.issuer,
          identityKeys: [keys.identity.publicKey],
          version: packageVersion(),
          anchors: () => published.history,
        }),
      ],
      rateLimit: createRateLimit(config.requestsPerSecond),
      trustedProxies: config.trustedProxies,
      connection: addressOf,
      logger,
      metrics,
    });
    const sweeping = setInterval(() => {
      store.sweep(clock()).catch(onFailure);
      publishAnchors({ store, config, keys, witnesses: log.witnesses, clock }).then((next) => {
        published = next;
      }, onFailure);
    }, SWEEP_INTERVAL);
    undo.push(() => clearInterval(sweeping));
    const stopping = new AbortController();
    const problems = async (): Promise<string[]> => [
      ...(stopping.signal.aborted ? ['draining'] : []),
      ...((await answers(() => store.ping())) ? [] : ['store']),
      ...(await log.problems()),
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
        endingWith(await handler(request, bindings), stopping.signal),
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
      authority,
      anchors,
      anchorsDocument: published.text,
      log: { key: logKey(config, keys), witnesses: log.witnesses },
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
async function openStoreAndLog(
  options: LogOptions,
  undo: (() => unknown)[],
): Promise<{ readonly store: AuthorityStore; readonly log: AuthorityLog }> {
  const { folder, config } = options;
  const { logOrigin: origin } = config;
  if (config.database === undefined) {
    const store = openSqliteAuthorityStore({ path: join(folder, HOME_FILES.store) });
    undo.push(() => store.close());
    const create = await isLogMissing(store, origin);
    const log = await openLocalLog({ ...options, store, create });
    undo.push(() => log.close());
    if (create) await store.transaction((tx) => tx.putSetting(LOG_MADE, origin));
    return { store, log };
  }
  const database = await openPostgres({ url: config.database });
  undo.push(() => database.close());
  const store = createPostgresAuthorityStore(database);
  undo.push(() => store.close());
  const log = await openSharedLog({
    ...options,
    database,
    store,
    isMissing: () => isLogMissing(store, origin),
    onMade: async () => {
      if (await isLogMissing(store, origin))
        await store.transaction((tx) => tx.putSetting(LOG_MADE, origin));
    },
  });
  undo.push(() => log.close());
  return { store, log };
}

async function isLogMissing(store: AuthorityStore, origin: string): Promise<boolean> {
  return (await store.read((tx) => tx.findSetting(LOG_MADE))) !== origin;
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

function packageVersion(): string {
  const manifest: { readonly version: string } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  return manifest.version;
}
