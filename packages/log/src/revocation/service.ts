import {
  MAX_REVOCATION_REQUEST_SIZE,
  platform,
  requireKnownOptions,
  TaperError,
} from '@taper/core';
import type { LoggedRegister } from '../agent-directory/logged-register.ts';
import { COMMON } from '../http/answer.ts';
import { type BodyReader, createBodyReader } from '../http/body-reader.ts';
import type { Log } from '../writer/log.ts';
import { answerAgents } from './agents.ts';
import { HEADERS, jsonAnswer, refuse } from './answer.ts';
import type { RevocationAuthority, RevocationRefusalCode } from './authority.ts';
import { answerEvents } from './events.ts';
import { createSnapshotSource } from './snapshot.ts';
import { createStapleSource, MAX_QUERY_SIZE, readStapleQuery } from './staple-source.ts';
import { answerTail } from './tail.ts';

export interface RevocationServiceOptions {
  readonly log: Log;
  /** The authority of that log. */
  readonly authority: RevocationAuthority;
  /** The agents of that log, where they are to be served. */
  readonly agents?: LoggedRegister;
  /** Path under which the service is mounted, without a slash at its end. Default: none. */
  readonly prefix?: string;
  /** Connections to `events` at one time. Default 1024. */
  readonly maxConnections?: number;
  /** Milliseconds of silence after which a sign of life is sent. Default 10,000. */
  readonly heartbeat?: number;
  /** Milliseconds after which a connection to `events` is closed. Default 15 minutes. */
  readonly longest?: number;
  /** Milliseconds that a body may take to come. Default 10,000. */
  readonly patience?: number;
  /** Is told why a request was answered `log_unavailable`. What it throws is ignored. */
  readonly onFailure?: (cause: unknown) => void;
}

const OPTIONS: readonly (keyof RevocationServiceOptions)[] = [
  'log',
  'authority',
  'agents',
  'prefix',
  'maxConnections',
  'heartbeat',
  'longest',
  'patience',
  'onFailure',
];

const STATUS: Readonly<Record<RevocationRefusalCode, number>> = {
  request_malformed: 400,
  request_log_mismatch: 400,
  request_in_future: 400,
  request_target_mismatch: 400,
  request_chain_denied: 403,
  request_not_entitled: 403,
  request_signature_invalid: 403,
  request_chain_revoked: 409,
  request_too_large: 413,
  request_quota_exhausted: 429,
  request_busy: 503,
  log_unavailable: 503,
};

/** Snapshots that are sent, staples that are made, and bodies of either kind that are read at one time. */
const MAX_SNAPSHOTS = 256;
const MAX_STAPLES = 64;
const MAX_BODIES = 256;

/**
 * Serves a revocation log (spec/revocation.md section 9) as a fetch-style handler: `POST {prefix}/revocations`, `GET {prefix}/tail`, `events`,
 * `snapshot`, `POST {prefix}/staple`. Resolves whatever happens, and tells no one what went wrong but `onFailure`.
 * @throws {TaperError} `option_invalid`.
 */
export function createRevocationService(
  options: RevocationServiceOptions,
): (request: Request) => Promise<Response> {
  requireKnownOptions(options, OPTIONS);
  const { log, authority, prefix = '', onFailure } = options;
  const { maxConnections = 1024, heartbeat = 10_000, longest = 900_000 } = options;
  const { patience = 10_000 } = options;
  if (prefix !== '' && !/^(?:\/[A-Za-z0-9._~-]+)+$/.test(prefix))
    throw new TaperError('option_invalid', 'The prefix is a path without a slash at its end.');
  if (authority.log !== log.origin)
    throw new TaperError('option_invalid', 'The authority writes another log.');
  const snapshots = createSnapshotSource(log, authority, () => performance.now());
  const staples = createStapleSource(log, authority);
  /** Who asks for staples takes no place of those who revoke. */
  const bodies = {
    revocations: createBodyReader(MAX_BODIES, patience),
    staples: createBodyReader(MAX_BODIES, patience),
  };
  const places = {
    connections: createPlaces(maxConnections),
    snapshots: createPlaces(MAX_SNAPSHOTS),
    staples: createPlaces(MAX_STAPLES),
  };

  const routes: Readonly<
    Record<string, { readonly method: 'GET' | 'POST'; answer(request: Request): Promise<Response> }>
  > = {
    revocations: {
      method: 'POST',
      async answer(request) {
        if (mediaType(request) !== 'application/jwt') return refuse(415, 'media_type_unsupported');
        const text = await bodyText(request, MAX_REVOCATION_REQUEST_SIZE, bodies.revocations);
        if (text === BUSY) return refuse(503, 'request_busy', {}, RETRY);
        if (text === TOO_LARGE) return refuse(413, 'request_too_large');
        if (text === undefined) return refuse(400, 'request_malformed');
        const answer = await authority.request(text);
        if (answer.ok) {
          const { index, entry, direct, added } = answer;
          return jsonAnswer(added ? 201 : 200, { index, entry, direct });
        }
        const { code, ok: _, ...members } = answer;
        const status = STATUS[code];
        return refuse(status, code, members, status === 503 ? RETRY : {});
      },
    },
    agents: {
      method: 'GET',
      async answer(request) {
        if (options.agents === undefined) return refuse(404, 'not_found');
        if (!places.snapshots.take()) return refuse(503, 'request_busy', {}, RETRY);
        return answerAgents(options.agents, new URL(request.url), places.snapshots.give);
      },
    },
    tail: { method: 'GET', answer: (request) => answerTail(authority.feed, new URL(request.url)) },
    events: {
      method: 'GET',
      async answer(request) {
        if (!places.connections.take()) return refuse(503, 'request_busy', {}, RETRY);
        return answerEvents(
          authority.feed,
          request,
          { heartbeat, longest },
          places.connections.give,
        );
      },
    },
    snapshot: {
      method: 'GET',
      async answer() {
        if (!places.snapshots.take()) return refuse(503, 'request_busy', {}, RETRY);
        return snapshots.answer(places.snapshots.give);
      },
    },
    staple: {
      method: 'POST',
      async answer(request) {
        if (mediaType(request) !== 'application/json') return refuse(415, 'media_type_unsupported');
        const text = await bodyText(request, MAX_QUERY_SIZE, bodies.staples);
        if (text === BUSY) return refuse(503, 'request_busy', {}, RETRY);
        if (text === TOO_LARGE) return refuse(413, 'request_too_large');
        const query = text === undefined ? undefined : readStapleQuery(text);
        if (query === undefined) return refuse(400, 'request_malformed');
        const staple = await places.staples
          .within(() => staples.make(query))
          .catch((cause) => {
            if ((cause as { code?: unknown }).code === 'option_invalid') return undefined;
            throw cause;
          });
        if (staple === undefined) return refuse(400, 'request_malformed');
        if (staple === BUSY) return refuse(503, 'request_busy', {}, RETRY);
        return new Response(new Uint8Array(staple), {
          headers: { ...HEADERS, 'Content-Type': 'application/octet-stream' },
        });
      },
    },
  };

  return async (request) => {
    try {
      const { pathname } = new URL(request.url);
      const name = pathname.startsWith(`${prefix}/`) ? pathname.slice(prefix.length + 1) : '';
      const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
      if (route === undefined) return refuse(404, 'not_found');
      if (request.method === 'OPTIONS') return preflight(route.method);
      if (request.method !== route.method)
        return refuse(405, 'method_not_allowed', {}, { Allow: route.method });
      return await route.answer(request);
    } catch (cause) {
      try {
        onFailure?.(cause);
      } catch {
        // The answer is the same.
      }
      return refuse(503, 'log_unavailable', {}, RETRY);
    }
  };
}

const RETRY = { 'Retry-After': '1' } as const;
const BUSY: unique symbol = Symbol('busy');
const TOO_LARGE: unique symbol = Symbol('too large');

/** A body as text; `undefined` when it is not UTF-8, or does not come. */
async function bodyText(
  request: Request,
  most: number,
  reader: BodyReader,
): Promise<string | undefined | typeof TOO_LARGE | typeof BUSY> {
  if (Number(request.headers.get('content-length') ?? 0) > most) return TOO_LARGE;
  const bytes = await reader.read(request, most);
  if (typeof bytes !== 'string') return platform.decodeUtf8(bytes);
  if (bytes === 'too_long') return TOO_LARGE;
  return bytes === 'crowded_out' ? BUSY : undefined;
}

function mediaType(request: Request): string {
  return (request.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function preflight(method: string): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...COMMON,
      'Access-Control-Allow-Methods': method,
      'Access-Control-Allow-Headers': 'content-type, last-event-id',
    },
  });
}

interface Places {
  take(): boolean;
  give(): void;
  /** Runs in a place of its own, or not at all. */
  within<Result>(run: () => Promise<Result>): Promise<Result | typeof BUSY>;
}

function createPlaces(most: number): Places {
  let taken = 0;
  const take = (): boolean => {
    if (taken >= most) return false;
    taken += 1;
    return true;
  };
  const give = (): void => {
    taken -= 1;
  };
  return {
    take,
    give,
    async within(run) {
      if (!take()) return BUSY;
      try {
        return await run();
      } finally {
        give();
      }
    },
  };
}
