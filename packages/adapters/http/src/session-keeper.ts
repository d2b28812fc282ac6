import {
  canonicalize,
  type JsonObject,
  type JsonValue,
  type PublicKey,
  parseJson,
  type VerifiedChain,
} from '@taper/core';
import {
  type Clock,
  type InitiatorSession,
  initiateSession,
  type SessionRequest,
} from '@taper/enforce';
import type { Credential } from './client.ts';
import { decodeUtf8 } from './presentation-header.ts';
import { readBytes } from './request.ts';
import { SESSION_FINISH_PATH, SESSION_HELLO_PATH } from './route.ts';

/** Seconds for which calls are signed after a session could not be opened or was of no use. */
const PAUSE = 60;

/** Milliseconds for each of the two requests that open a session. */
const OPENING_TIMEOUT = 10_000;

/** Bytes of an answer: a welcome names up to 256 tools. */
const MAX_ANSWER = 1_048_576;

export interface SessionKeeperOptions {
  readonly credentials: readonly Credential[];
  readonly origin: string;
  readonly audience: string;
  readonly responderKey: PublicKey;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
}

/** A call, and the session that authenticates it. */
export interface InSession {
  readonly session: InitiatorSession;
  readonly presentation: SessionRequest;
}

/** Keeps one session with a server, for all calls of a client. */
export class SessionKeeper {
  readonly #options: SessionKeeperOptions;
  #session: InitiatorSession | undefined;
  #opening: Promise<void> | undefined;
  /** The tools of the session before, so that none is opened for a tool that it would not do for. */
  #tools: ReadonlySet<string> | undefined;
  /** Second, since the epoch, before which none is opened. */
  #pausedUntil = 0;

  constructor(options: SessionKeeperOptions) {
    this.#options = options;
  }

  /** A call in the session, which is opened where there is none; `undefined`: sign the call. Rejects when the signal aborts. */
  async request(
    tool: string,
    args: JsonObject,
    signal: AbortSignal | undefined,
  ): Promise<InSession | undefined> {
    const now = this.#options.clock.now();
    if (this.#session !== undefined && !(this.#session.expiresAt > now)) this.drop(this.#session);
    if (this.#session === undefined) {
      const isOfUse = this.#tools === undefined || this.#tools.has(tool);
      if (!isOfUse || now < this.#pausedUntil) return undefined;
      // One for all calls that wait for it, whichever of them began.
      this.#opening ??= this.#open().finally(() => {
        this.#opening = undefined;
      });
      await unlessAborted(this.#opening, signal);
    }
    const session = this.#session;
    if (session?.tools.has(tool) !== true) return undefined;
    return { session, presentation: session.request(tool, args) };
  }

  /** Forgets a session that the server does not know any more, unless another has taken its place. */
  drop(session: InitiatorSession): void {
    session.end();
    if (this.#session === session) this.#session = undefined;
  }

  /** Opens none for a while. */
  pause(): void {
    this.#pausedUntil = this.#options.clock.now() + PAUSE;
  }

  async #open(): Promise<void> {
    try {
      const { credentials, audience, responderKey, clock, random } = this.#options;
      const { hello, complete } = initiateSession({
        chains: credentials.map(({ chain }): VerifiedChain => chain),
        signers: credentials.map(({ signer }) => signer),
        audience,
        responderKey,
        random,
      });
      const welcome = await this.#post(SESSION_HELLO_PATH, hello, 200);
      const { finish, session } = await complete(welcome, clock.now());
      await this.#post(SESSION_FINISH_PATH, finish, 201);
      this.#session = session;
      this.#tools = session.tools;
    } catch {
      this.pause(); // calls can be signed as ever
    }
  }

  async #post(path: string, message: object, status: number): Promise<JsonValue> {
    const { origin, fetch: send } = this.#options;
    const response = await send(origin + path, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'Content-Type': 'application/json' },
      body: canonicalize(message),
      signal: AbortSignal.timeout(OPENING_TIMEOUT),
    });
    if (response.status !== status || response.body === null) {
      await response.body?.cancel();
      throw new Error('refused');
    }
    const bytes = await readBytes(response.body.values(), MAX_ANSWER, OPENING_TIMEOUT);
    const text = typeof bytes === 'string' ? undefined : decodeUtf8(bytes);
    const parsed = text === undefined ? undefined : parseJson(text);
    if (parsed?.ok !== true) throw new Error('no JSON');
    return parsed.value;
  }
}

async function unlessAborted(
  opening: Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal === undefined) return opening;
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([opening, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
