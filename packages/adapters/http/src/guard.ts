import {
  canonicalize,
  DEFAULT_LIMITS,
  DENIALS,
  type Denial,
  type DenialFacts,
  denial,
  isJsonObject,
  type JsonValue,
  TaperError,
} from '@taper/core';
import {
  type CallContext,
  type Clock,
  type EnforcementDecision,
  type EnforcementPoint,
  type PendingAction,
  systemClock,
} from '@taper/enforce';
import { CHAIN_HASH, ChainStore } from './chain-store.ts';
import { AdmittedCall } from './execution.ts';
import { failure, type Report } from './operator.ts';
import {
  DEFAULT_MAX_PRESENTATION,
  decodePresentation,
  STAPLE_HEADER,
} from './presentation-header.ts';
import { type Answer, approvalAnswer, closing, denialAnswer, jsonAnswer } from './problem.ts';
import { ownMember } from './record.ts';
import {
  announcesBody,
  type Headers,
  type HttpRequest,
  hasOverride,
  isPlainJson,
  readHeaders,
} from './request.ts';
import { readArguments, readJson } from './request-arguments.ts';
import { CHAINS_PATH, type Route } from './route.ts';
import { createOpenPaths, createRouteTable } from './route-table.ts';
import { type SessionStep, sessionStep } from './session-endpoint.ts';
import type { ArgumentsOf, SourceMap } from './source.ts';
import { parseTarget } from './target.ts';

export interface RouteGuardOptions {
  /** Make it once for the process: it remembers which proofs have been used. */
  readonly point: EnforcementPoint;
  /** Every route that may be reached with a presentation. */
  readonly routes: readonly Route[];
  /** What may be reached without one, as `METHOD /path`: `GET /health`, `POST /approvals/:nonce`. Default none. */
  readonly open?: readonly string[];
  /** For `WWW-Authenticate`. Default `taper`. */
  readonly realm?: string;
  /** Where a pending action can be approved: an absolute URL. It is the resource owner's to say, never the request's. */
  readonly approvalUrl?: (pending: PendingAction) => string;
  /** Characters of the presentation header. Default 16,384. */
  readonly maxPresentation?: number;
  /** Characters of token text that stored chains may take together; 0 stores none. Default 8 Mi. */
  readonly maxStoredChains?: number;
  /** Milliseconds in which a body must have come in. Default 30,000. */
  readonly bodyTimeout?: number;
  /** Says when stored chains are forgotten. Default: the clock of this machine. */
  readonly clock?: Clock;
  /** Told what the operator has to mend; the client only hears `internal_error`. Default: printed to standard error. */
  readonly report?: Report;
}

const STAPLE_NAME = STAPLE_HEADER.toLowerCase();

/** What becomes of a request: it is answered at once, it needs no presentation, or it may run its handler. */
export type Admission =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'open' }
  | { readonly kind: 'call'; readonly call: AdmittedCall };

/** Judges requests by their declared routes. The adapters put it in front of a framework. */
export interface RouteGuard {
  /** Never rejects. */
  admit(request: HttpRequest): Promise<Admission>;
}

/**
 * Makes the guard of an application's routes.
 * @throws {TaperError} `option_invalid`: two routes for one tool or one request, an option out of range.
 */
export function createRouteGuard(options: RouteGuardOptions): RouteGuard {
  const { point, routes, realm = 'taper', approvalUrl, clock = systemClock } = options;
  const { maxPresentation = DEFAULT_MAX_PRESENTATION, bodyTimeout = 30_000 } = options;
  const { report, maxStoredChains = 8 * 1024 * 1024 } = options;
  if (typeof point?.authorize !== 'function' || typeof point.conclude !== 'function')
    throw new TaperError('option_invalid', 'A guard needs an enforcement point.');
  for (const [name, value, least] of [
    ['maxPresentation', maxPresentation, 1],
    ['bodyTimeout', bodyTimeout, 1],
    ['maxStoredChains', maxStoredChains, 0],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < least)
      throw new TaperError(
        'option_invalid',
        `\`${name}\` must be a whole number, ${least} or more.`,
      );
  }
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(realm))
    throw new TaperError('option_invalid', '`realm` must be printable ASCII without quotes.');
  const find = createRouteTable(routes);
  const isOpen = createOpenPaths(options.open ?? [], routes);
  const chains = maxStoredChains === 0 ? undefined : new ChainStore(maxStoredChains);

  const refuse = (cause: Denial, unread: boolean): Admission => {
    const answer = denialAnswer(
      Object.hasOwn(DENIALS, cause.code) ? cause : denial('internal_error'),
      realm,
    );
    return { kind: 'answer', answer: unread ? closing(answer) : answer };
  };

  async function decide(request: HttpRequest): Promise<Admission> {
    const { method } = request;
    const headers = readHeaders(request.headers);
    const unread = request.body !== undefined || headers === undefined || announcesBody(headers);
    const no = (code: Denial['code'], facts: DenialFacts = {}) =>
      refuse(denial(code, {}, facts), unread);
    // Before all else: what comes after the guard may take even an open request for another one.
    if (headers === undefined) return no('request_malformed', { reason: 'header_repeated' });
    if (hasOverride(headers)) return no('request_input_undeclared', { reason: 'override' });
    if (isOpen(method, request.target)) return { kind: 'open' };
    const target = parseTarget(request.target);
    if (target === undefined) return no('request_malformed', { reason: 'target' });
    if (method === 'POST' && request.target === CHAINS_PATH && chains !== undefined)
      return storeChain(request, headers, chains);
    const step = sessionStep(method, request.target, point.sessions);
    if (step !== undefined) return openSession(request, headers, step);
    const match = find(method, target.segments);
    if (match === undefined) return no('route_not_declared');

    const presentation = readPresentation(headers);
    if ('code' in presentation) return refuse(presentation, unread);
    const read = await readArguments(request, headers, match, target.query, bodyTimeout);
    if ('denial' in read) return refuse(read.denial, read.unread);
    const { route } = match;
    const decision = await point.authorize(
      presentation.value,
      route.tool,
      canonicalize(read.args), // text, so that a session authenticates the very bytes
      { ...contextOf(route, read.args as ArgumentsOf<SourceMap>), ...evidenceOf(headers) },
    );
    return admission(decision, route, request);
  }

  async function admission(
    decision: EnforcementDecision,
    route: Route,
    request: HttpRequest,
  ): Promise<Admission> {
    switch (decision.verdict) {
      case 'permit': {
        const call = new AdmittedCall(route, decision, point, fail);
        if (request.gone()) await call.abandon();
        return { kind: 'call', call };
      }
      case 'approval_required': {
        return { kind: 'answer', answer: approvalAnswer(decision, placeOf(decision.pending)) };
      }
      case 'deny':
        return refuse(decision.denial, false);
    }
  }

  function placeOf(pending: PendingAction): string | undefined {
    const text = approvalUrl?.(pending);
    if (text === undefined) return undefined;
    const url = new URL(text);
    if (url.protocol === 'https:' || url.protocol === 'http:') return url.href;
    throw new TaperError(
      'option_invalid',
      '`approvalUrl` must give a URL that a browser can open.',
    );
  }

  /** The presentation, with chains in the place of their hashes. */
  function readPresentation(headers: Headers): { readonly value: JsonValue } | Denial {
    const text = headers.get('taper-presentation')?.[0];
    if (text === undefined) return denial('presentation_missing', { step: '1' });
    const malformed = denial('presentation_malformed', { step: '1' });
    if (text.length > maxPresentation) return { ...malformed, facts: { reason: 'too_large' } };
    const value = decodePresentation(text);
    if (value === undefined) return malformed;
    const joined = ownMember(value, 'taper_chains');
    if (!Array.isArray(joined)) return expand(value);
    const each: JsonValue[] = [];
    for (const one of joined as JsonValue[]) {
      const expanded = expand(one);
      if (!('value' in expanded)) return expanded;
      each.push(expanded.value);
    }
    return { value: { ...value, taper_chains: each } };
  }

  function expand(value: JsonValue): { readonly value: JsonValue } | Denial {
    const hash = ownMember(value, CHAIN_HASH);
    if (hash === undefined || !isJsonObject(value)) return { value };
    if (Object.hasOwn(value, 'aat_chain')) return denial('presentation_malformed', { step: '1' });
    const tokens = chains?.get(hash, clock.now());
    if (tokens === undefined) return denial('chain_not_stored', { step: '1' });
    const { [CHAIN_HASH]: _, ...rest } = value;
    return { value: { ...rest, aat_chain: tokens } };
  }

  /** Stores a chain that verifies. It takes no proof: tokens are no secret, and storing them permits nothing. */
  async function storeChain(
    request: HttpRequest,
    headers: Headers,
    store: ChainStore,
  ): Promise<Admission> {
    const read = await readMessage(request, headers, DEFAULT_LIMITS.maxChainSize + 1024);
    if ('kind' in read) return read;
    const tokens = ownMember(read.value, 'aat_chain');
    if (!Array.isArray(tokens) || Object.keys(read.value as object).length !== 1)
      return refuse(denial('presentation_malformed', { step: '1' }), false);
    const verdict = await point.inspect({ aat_chain: tokens }, evidenceOf(headers));
    if ('code' in verdict) return refuse(verdict, false);
    const [chain] = verdict;
    const hash = chain === undefined ? undefined : store.add(chain);
    if (chain === undefined || hash === undefined)
      return refuse(denial('chain_too_large', { step: '2b' }), false);
    const stored = { [CHAIN_HASH]: hash, expires_at: chain.leaf.claims.exp };
    return { kind: 'answer', answer: jsonAnswer(201, stored) };
  }

  /** A step of a handshake. It takes no proof, for it is made of them. */
  async function openSession(
    request: HttpRequest,
    headers: Headers,
    step: SessionStep,
  ): Promise<Admission> {
    const read = await readMessage(request, headers, step.most);
    if ('kind' in read) return read;
    const answer = await step.take(read.value, evidenceOf(headers).evidence);
    if ('code' in answer) return refuse(answer, false);
    return { kind: 'answer', answer: jsonAnswer(step.status, answer) };
  }

  /** A body for the guard itself. */
  async function readMessage(
    request: HttpRequest,
    headers: Headers,
    most: number,
  ): Promise<{ readonly value: JsonValue } | Admission> {
    if (!isPlainJson(headers))
      return refuse(denial('request_malformed', {}, { reason: 'content_type' }), true);
    const read = await readJson(request.body, most, bodyTimeout);
    if (!('code' in read)) return read;
    return refuse(denial(read.code, {}, { reason: read.reason }), read.unread);
  }

  const fail = (error: unknown): Answer => failure(error, report, realm);

  return Object.freeze<RouteGuard>({
    async admit(request) {
      try {
        return await decide(request);
      } catch (error) {
        return { kind: 'answer', answer: fail(error) };
      }
    },
  });
}

/** What a request carries along to show that its chains are not revoked. */
function evidenceOf(headers: Headers): Pick<CallContext, 'evidence'> {
  const evidence = headers.get(STAPLE_NAME)?.[0];
  return evidence === undefined ? {} : { evidence };
}

function contextOf(route: Route, args: ArgumentsOf<SourceMap>): CallContext {
  const { action, definition } = route;
  const resource = route.resource?.(args);
  return {
    ...(action === undefined ? {} : { action }),
    ...(definition === undefined ? {} : { definition }),
    ...(resource === undefined ? {} : { resource }),
  };
}
