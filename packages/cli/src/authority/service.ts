import { readFileSync } from 'node:fs';
import {
  type Authority,
  type AuthorityStore,
  createAuthority,
  createForeignDomains,
  createIssuance,
  createTokenEndpoint,
  createTokenExchange,
  type Nonces,
  type TrustedIssuers,
  verifyIdentityDocument,
} from '@taper/authority';
import {
  administrativeTools,
  createAuthorityHandler,
  createIssuanceDesk,
  ENDPOINTS,
} from '@taper/authority/http';
import type { PublicKey, TrustAnchor } from '@taper/core';
import type { AuditRecorder } from '@taper/enforce';
import type { FetchHandler } from '../serve/listener.ts';
import { createAdministration } from './administration.ts';
import type { AuthorityLog } from './authority-log.ts';
import type { AuthorityConfig } from './config.ts';
import type { AuthorityKeys, RootKey } from './keys.ts';
import { LOG_PREFIX } from './log-writer.ts';
import { publicDocuments, TOKEN_PATH } from './public-documents.ts';
import { approverGroups, approverKeys, foreignDomains } from './trusted.ts';

type HandlerOptions = Parameters<typeof createAuthorityHandler>[0];

/** What stays the same when the root key changes. */
export interface ServiceOptions
  extends Pick<HandlerOptions, 'rateLimit' | 'connection' | 'logger' | 'metrics'> {
  readonly config: AuthorityConfig;
  readonly store: AuthorityStore;
  readonly log: AuthorityLog;
  readonly keys: AuthorityKeys;
  /** Where the gate writes its decisions. */
  readonly audit: AuditRecorder;
  readonly nonces: Nonces;
  readonly trusted: TrustedIssuers;
  /** The trust-anchor documents, as they are now. */
  readonly anchorsHistory: () => string;
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
  readonly onFailure: (cause: unknown) => void;
}

/** The root key that signs, and what is verified under: what a rotation changes. */
export interface RootState {
  readonly root: RootKey;
  /** Those that count now. */
  readonly anchors: readonly TrustAnchor[];
  /** All keys of the authority: nobody else may have one of them. */
  readonly ownKeys: readonly PublicKey[];
}

/** All that answers requests. It keeps nothing in memory that matters: another one can take its place between two requests. */
export interface AuthorityService extends RootState {
  readonly authority: Authority;
  readonly handler: FetchHandler;
}

/** @throws {Failure} `config_malformed`; {TaperError} `option_invalid`. */
export function createService(options: ServiceOptions, state: RootState): AuthorityService {
  const { config, store, log, keys, nonces, trusted, clock, random, onFailure } = options;
  const { root, anchors, ownKeys } = state;
  const hybrid = root.hybrid === undefined ? {} : { hybrid: root.hybrid };
  const issuance = createIssuance({
    store,
    issuer: config.issuer,
    root: root.signer,
    ...hybrid,
    clock,
    random,
    approvers: approverGroups(config),
    epoch: (origin) => (origin === config.logOrigin ? log.epoch() : 0),
  });
  const authority = createAuthority({
    issuer: config.issuer,
    trustDomain: config.trustDomain,
    store,
    root: root.signer,
    ...hybrid,
    identity: keys.identity,
    ownKeys: [...ownKeys, ...approverKeys(config)],
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
          audit: options.audit,
          onFailure,
        }),
      },
      ...publicDocuments({
        issuer: config.issuer,
        identityKeys: [keys.identity.publicKey],
        version: packageVersion(),
        anchors: options.anchorsHistory,
      }),
    ],
    rateLimit: options.rateLimit,
    ...(log.sentOnFor === undefined ? {} : { sentOnFor: log.sentOnFor }),
    trustedProxies: config.trustedProxies,
    connection: options.connection,
    logger: options.logger,
    metrics: options.metrics,
  });
  return { ...state, authority, handler };
}

function packageVersion(): string {
  const manifest: { readonly version: string } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  return manifest.version;
}
