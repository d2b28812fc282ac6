import {
  canonicalize,
  denial,
  isPublicKey,
  type JsonObject,
  type JsonValue,
  type PublicKey,
  prove,
  RefusedError,
  type Signer,
  TaperError,
  uuidV7,
  type VerifiedChain,
} from '@taper/core';
import { type Clock, systemClock } from '@taper/enforce';
import { CHAIN_HASH, chainHash } from './chain-store.ts';
import { encodePresentation, PRESENTATION_HEADER, STAPLE_HEADER } from './presentation-header.ts';
import { deniedProblem } from './problem.ts';
import { CHAINS_PATH, isRoute, parameterOf, type Route, segmentsOf } from './route.ts';
import { SessionKeeper, type SessionKeeperOptions } from './session-keeper.ts';
import { type ArgumentsOf, isOfType, type SourceMap } from './source.ts';
import { encodeQueryValue, encodeSegment } from './target.ts';

/** A chain and the key that its leaf is bound to. */
export interface Credential {
  readonly chain: VerifiedChain;
  /** Signs as the holder of the chain's leaf. */
  readonly signer: Signer;
  /** Where the holder's key was rotated since: the statements from the leaf's key to the signer's, oldest first (spec/rotation.md). */
  readonly rotation?: readonly string[];
}

export interface TaperFetchOptions extends Credential {
  /** The server: scheme, host and port, such as `https://desk.example`. */
  readonly origin: string;
  /** The identifier of the server's enforcement point. */
  readonly audience: string;
  /** Further chains, each of which must allow the call as well: 1 to 3. */
  readonly joined?: readonly Credential[];
  /** Default: the platform's. */
  readonly fetch?: typeof fetch;
  /** Default: the clock of this machine. */
  readonly clock?: Clock;
  /** That many fresh random bytes. Default: those of the platform. */
  readonly random?: (length: number) => Uint8Array;
  /** Open a session with the server and use it for the tools that the server lists; calls of all others are signed, and all calls where a credential has a `rotation`, since a new key opens no session under an old chain. `responderKey`: the enforcement point's key, known from elsewhere. Default: every call is signed. */
  readonly session?: { readonly responderKey: PublicKey };
  /** What to present in the place of signed proofs, such as a request in a session: its text is the canonical JSON of the arguments. Undefined: sign this call. */
  readonly presentWith?: (tool: string, args: JsonObject) => Promise<JsonObject | undefined>;
  /** Asked before each request for a staple for all of the chains (spec/revocation.md section 10; `revocationSubject` says what to ask for), for servers that cannot follow a revocation log. Default: none is sent. */
  readonly staple?: () => string | undefined | Promise<string | undefined>;
  /** Asked before each call, for enforcement points that hand out nonces. */
  readonly nonce?: () => string | Promise<string>;
  /** Characters of the header above which a chain is presented once and then named by its hash. Default 6,144. */
  readonly maxHeader?: number;
}

export interface CallOptions {
  /** Approvals of this very action, as their approvers signed them. */
  readonly approvals?: readonly string[];
  readonly signal?: AbortSignal;
}

/** What one call carries. */
export type PresentationHeaders = {
  readonly [PRESENTATION_HEADER]: string;
  readonly [STAPLE_HEADER]?: string;
};

/** Calls the routes of one server under one chain, with a fresh proof for every request. */
export interface TaperFetch {
  /**
   * Sends one call. A refusal by the server is a response; see `deniedProblem`. Redirects are never followed: the caller
   * gets them. Nothing is ever sent twice, but for a call whose chain or session the server did not hold any more, and so
   * did not judge.
   *
   * @throws {RefusedError} when the chain does not allow the call (in a session, the server says so), or the route cannot
   * carry the arguments; nothing has been sent then. Also what `fetch` throws.
   */
  call<Sources extends SourceMap>(
    route: Route<Sources>,
    args: ArgumentsOf<Sources>,
    options?: CallOptions,
  ): Promise<Response>;
  /** The headers for one call that something else makes: good for this tool with these arguments, once. @throws as `call`. */
  headersFor(
    tool: string,
    args: JsonObject,
    options?: Pick<CallOptions, 'approvals'>,
  ): Promise<PresentationHeaders>;
}

/**
 * Makes a client. It holds no key but that of a session: the signer does.
 * @throws {TaperError} `option_invalid` when `origin` is more or less than an origin, or `responderKey` is no key.
 */
export function createTaperFetch(options: TaperFetchOptions): TaperFetch {
  const { audience, clock = systemClock, nonce, joined = [], maxHeader = 6144 } = options;
  const send = options.fetch ?? fetch;
  const random = options.random ?? ((length) => crypto.getRandomValues(new Uint8Array(length)));
  const origin = originOf(options.origin);
  /** With the staple of the moment, where there is one. */
  const stapled: typeof fetch = async (input, init = {}) => {
    const staple = await options.staple?.();
    if (staple === undefined) return send(input, init);
    return send(input, { ...init, headers: { ...init.headers, [STAPLE_HEADER]: staple } });
  };
  const credentials: readonly Credential[] = [options, ...joined];
  const uploaded = new Set<string>();
  const keeper = keeperOf(
    { credentials, origin, audience, clock, random, fetch: stapled },
    options,
  );

  async function present(
    tool: string,
    args: JsonObject,
    approvals: readonly string[],
    named: boolean,
  ): Promise<string> {
    const other = await options.presentWith?.(tool, args);
    if (other !== undefined) return encodePresentation(other);
    const presentations: JsonObject[] = [];
    for (const { chain, signer, rotation } of credentials) {
      const given = await nonce?.();
      const now = clock.now();
      const { aat_chain, aat_pop } = await prove(chain, {
        signer,
        tool,
        args,
        now,
        id: uuidV7(now * 1000, random(10)),
        audience,
        ...(rotation === undefined ? {} : { rotation }),
        ...(given === undefined ? {} : { nonce: given }),
      });
      const chainMember = named ? { [CHAIN_HASH]: chainHash(aat_chain) } : { aat_chain };
      presentations.push({ ...chainMember, aat_pop });
    }
    const several = presentations.length > 1;
    return encodePresentation({
      ...(several ? { taper_chains: presentations } : presentations[0]),
      ...(approvals.length === 0 ? {} : { taper_approvals: approvals }),
    });
  }

  /** Stores every chain that the server is not known to hold; the response is its refusal. */
  async function upload(signal: AbortSignal | undefined): Promise<Response | undefined> {
    for (const { chain } of credentials) {
      const tokens = chain.tokens.map(({ compact }) => compact);
      const hash = chainHash(tokens);
      if (uploaded.has(hash)) continue;
      const response = await stapled(origin + CHAINS_PATH, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'Content-Type': 'application/json' },
        body: canonicalize({ aat_chain: tokens }),
        ...(signal === undefined ? {} : { signal }),
      });
      if (response.status !== 201) return response;
      await response.body?.cancel();
      uploaded.add(hash);
    }
    return undefined;
  }

  return Object.freeze<TaperFetch>({
    async headersFor(tool, args, { approvals = [] } = {}) {
      const staple = await options.staple?.();
      return {
        [PRESENTATION_HEADER]: await present(tool, args, approvals, false),
        ...(staple === undefined ? {} : { [STAPLE_HEADER]: staple }),
      };
    },
    async call(route, given, { approvals = [], signal } = {}) {
      const request = requestFor(route, given);
      const sendWith = (header: string): Promise<Response> =>
        stapled(origin + request.target, {
          method: route.method,
          redirect: 'manual',
          headers: {
            [PRESENTATION_HEADER]: header,
            ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }),
          },
          ...(request.body === undefined ? {} : { body: request.body }),
          ...(signal === undefined ? {} : { signal }),
        });
      const attempt = async (named: boolean): Promise<Response> => {
        const refused = named ? await upload(signal) : undefined;
        if (refused !== undefined) return refused;
        const header = await present(route.tool, request.args, approvals, named);
        if (!named && header.length > maxHeader) return attempt(true);
        return sendWith(header);
      };
      /** Undefined: to be signed. A session that the server has lost is opened anew, once. */
      const attemptInSession = async (): Promise<Response | undefined> => {
        for (const _ of ['first', 'reopened']) {
          const call = await keeper?.request(route.tool, request.args, signal);
          if (call === undefined) return undefined;
          const response = await sendWith(encodePresentation(call.presentation));
          if (!(await hasLostSession(response))) return response;
          await response.body?.cancel();
          keeper?.drop(call.session);
        }
        keeper?.pause();
        return undefined;
      };
      // A request in a session carries no approvals.
      const inSession = approvals.length === 0 ? await attemptInSession() : undefined;
      if (inSession !== undefined) return inSession;
      const response = await attempt(uploaded.size > 0);
      if (response.status !== 401) return response;
      const denied = await deniedProblem(response);
      if (denied?.code !== 'chain_not_stored') return response;
      uploaded.clear();
      await response.body?.cancel();
      return attempt(true);
    },
  });
}

/** Whether the server refused a call because it does not know the session: nothing was judged, nothing has run. */
async function hasLostSession(response: Response): Promise<boolean> {
  if (response.status !== 401) return false;
  const code = (await deniedProblem(response))?.code;
  return code === 'session_unknown' || code === 'session_expired';
}

function keeperOf(
  common: Omit<SessionKeeperOptions, 'responderKey'>,
  { session, presentWith }: TaperFetchOptions,
): SessionKeeper | undefined {
  if (session === undefined) return undefined;
  const { responderKey } = session;
  if (isPublicKey(responderKey) && presentWith === undefined) {
    const rotated = common.credentials.some(({ rotation }) => rotation !== undefined);
    return rotated ? undefined : new SessionKeeper({ ...common, responderKey });
  }
  throw new TaperError(
    'option_invalid',
    '`session` needs the `responderKey` of the enforcement point, and no `presentWith` beside it.',
    { hint: 'Import the key with `importPublicKey`.' },
  );
}

interface RouteRequest {
  readonly target: string;
  readonly body: string | undefined;
  /** The arguments as the server will read them. */
  readonly args: JsonObject;
}

/** What to send so that the server reads exactly these arguments. */
function requestFor(route: Route, given: object): RouteRequest {
  if (!isRoute(route))
    throw new TaperError('option_invalid', 'A call takes a route made by route().');
  const refuse = (argument: string): never => {
    const code = Object.hasOwn(route.args, argument)
      ? 'request_malformed'
      : 'request_input_undeclared';
    throw new RefusedError(denial(code, {}, { tool: route.tool, argument }));
  };
  const args: Record<string, JsonValue> = {};
  const path = new Map<string, string>();
  const query: string[] = [];
  const members: Record<string, JsonValue> = {};
  let body: string | undefined;
  for (const [argument, value] of Object.entries(structuredClone(given))) {
    const source = Object.hasOwn(route.args, argument) ? route.args[argument] : undefined;
    if (source === undefined) return refuse(argument);
    if (value === undefined) continue;
    if (!isOfType(source.as, value)) return refuse(argument);
    args[argument] = value;
    const { from, name = argument } = source;
    if (from === 'body') members[name] = value;
    if (from === 'whole_body') body = canonicalize(value);
    if (from === 'path') path.set(name, encodeSegment(String(value)) ?? refuse(argument));
    if (from === 'query')
      query.push(`${name}=${encodeQueryValue(String(value)) ?? refuse(argument)}`);
  }
  for (const [argument, { optional }] of Object.entries(route.args))
    if (!optional && !Object.hasOwn(args, argument)) refuse(argument);
  if (Object.keys(members).length > 0) body = canonicalize(members);
  const segments = segmentsOf(route.path).map((segment) => {
    const parameter = parameterOf(segment);
    return parameter === undefined ? segment : path.get(parameter);
  });
  const mark = query.length === 0 ? '' : '?';
  return { target: `/${segments.join('/')}${mark}${query.join('&')}`, body, args };
}

function originOf(text: string): string {
  const url = URL.parse(text);
  const web = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (url !== null && web && (text === url.origin || text === `${url.origin}/`)) return url.origin;
  throw new TaperError(
    'option_invalid',
    '`origin` must be an origin, such as https://desk.example.',
  );
}
