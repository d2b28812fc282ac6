import {
  canonicalize,
  canonicalSignature,
  type Denial,
  type DenialCode,
  denial,
  type JsonObject,
  platform,
  precheckSignature,
  type Signer,
  TaperError,
  type VerifiedChain,
} from '@taper/core';
import type { LiveSession, SessionAuthenticator } from './authenticator.ts';
import {
  agree,
  authenticate as codeOf,
  isSameCode,
  makeShare,
  type SessionKeys,
} from './key-schedule.ts';
import { ResponderSession } from './live.ts';
import { MAX_SESSION_TOOLS, readFinish, readHello, readRequest, type Welcome } from './message.ts';
import { requestCode } from './request-code.ts';
import { hashFinish, hashWelcome, initiatorText, responderText } from './transcript.ts';

/** Seconds that a session may last at most. */
const MAX_LIFETIME = 3600;

/** Seconds within which a handshake must be finished. */
const HANDSHAKE_LIFETIME = 10;

/** Handshakes that may be open at the same time under one leaf: chains are no secret, so whoever has seen one can begin. */
const MAX_OPEN_PER_LEAF = 16;

export interface SessionTableOptions {
  /** Signs as the responder. Initiators know its public key beforehand. */
  readonly signer: Signer;
  /** Identifier of the responder: that of the enforcement point. */
  readonly audience: string;
  /** The tools for which a session may stand in for a signed proof: the resource owner's choice. Every other one still needs a proof. */
  readonly tools: readonly string[];
  /** Seconds that a session lasts, if no token of its chains ends before. Default 300, at most 3600. */
  readonly lifetime?: number;
  /** Live sessions at the same time. Default 10,000. */
  readonly maxSessions?: number;
  /** Handshakes that are open at the same time. Default 1,000. */
  readonly maxHandshakes?: number;
  /** That many fresh random bytes. Default: those of the platform. */
  readonly random?: (length: number) => Uint8Array;
}

/** Verifies the chains of a hello as they would be for a call: sound, for here, not revoked. */
export type ChainCheck = (
  chains: readonly (readonly string[])[],
) => Promise<readonly VerifiedChain[] | Denial>;

/** The responder's side of the protocol, in the memory of one process: a restart ends every session. */
export interface SessionTable extends SessionAuthenticator {
  /** Answers a hello. Rejects with {TaperError} `signing_failed` alone. */
  welcome(hello: unknown, now: number, verify: ChainCheck): Promise<Welcome | Denial>;
  /** Takes the initiator's proof of its keys; the session is live from then on. Each handshake is finished once. */
  finish(finish: unknown, now: number): LiveSession | Denial;
  /** Ends a session. */
  end(id: string): void;
  /** Ends every session on whose chains a key (RFC 7638 thumbprint) or token (hash) stands. */
  endFor(identifier: string): void;
  /** Ends all sessions and handshakes, as when the responder's key is rotated. */
  close(): void;
  /** Live sessions, ended ones that nobody has asked for since included. */
  readonly size: number;
}

/** A handshake that waits for its finish. */
interface Handshake {
  readonly idBytes: Uint8Array;
  readonly chains: readonly VerifiedChain[];
  readonly keys: SessionKeys;
  readonly finishHash: Uint8Array;
  readonly expiresAt: number;
  /** First second at which it can no longer be finished. */
  readonly deadline: number;
}

/**
 * Makes the responder's side (spec/session.md).
 * @throws {TaperError} `option_invalid`.
 */
export function createSessionTable(options: SessionTableOptions): SessionTable {
  const { signer, audience, lifetime = 300, maxSessions = 10_000, maxHandshakes = 1000 } = options;
  const random =
    options.random ?? ((length: number) => crypto.getRandomValues(new Uint8Array(length)));
  if (typeof audience !== 'string' || audience === '')
    throw new TaperError('option_invalid', '`audience` must be a non-empty string.');
  requireWhole({ lifetime }, MAX_LIFETIME);
  requireWhole({ maxSessions, maxHandshakes }, 1_000_000);
  const tools = readTools(options.tools);
  const allowed: ReadonlySet<string> = new Set(tools);
  const handshakes = new Map<string, Handshake>();
  const sessions = new Map<string, ResponderSession>();
  /** Handshakes for which a signature is being made. */
  let beginning = 0;

  async function welcome(
    message: unknown,
    now: number,
    verify: ChainCheck,
  ): Promise<Welcome | Denial> {
    const hello = readSafely(() => readHello(message));
    if (hello === undefined) return denial('session_malformed');
    if (hello.audience !== audience)
      return denial('session_handshake_refused', {}, { reason: 'audience' });
    for (const [id, { deadline }] of handshakes) if (!(deadline > now)) handshakes.delete(id);
    if (handshakes.size + beginning >= maxHandshakes) return denial('session_store_full');
    beginning += 1;
    try {
      const chains = await verify(hello.chains);
      if ('code' in chains) return chains;
      const leaves = new Set(chains.map(({ leaf }) => leaf.hash));
      if (leaves.size < chains.length) return denial('join_malformed');
      const open = [...handshakes.values()].filter((each) =>
        each.chains.some(({ leaf }) => leaves.has(leaf.hash)),
      );
      if (open.length >= MAX_OPEN_PER_LEAF) return denial('session_store_full');
      const ends = chains.flatMap(({ tokens }) => tokens.map(({ claims }) => claims.exp));
      const expiresAt = Math.min(now + lifetime, ...ends);
      if (!(expiresAt > now)) return denial('token_expired');
      const share = makeShare(random(32));
      const offer = {
        id: random(16),
        nonce: random(32),
        share: share.publicValue,
        key: signer.publicKey.thumbprint,
        expires: expiresAt,
        tools,
        session: '',
      };
      const welcomeHash = hashWelcome(hello, offer);
      const keys = agree(share, hello.share, welcomeHash);
      if (keys === undefined) return denial('session_handshake_refused', {}, { reason: 'share' });
      const signature = await signText(signer, responderText(welcomeHash));
      const mac = codeOf(keys.responder, welcomeHash, signature);
      const session = platform.encodeBase64url(offer.id);
      if (handshakes.has(session) || sessions.has(session)) return denial('internal_error');
      handshakes.set(session, {
        idBytes: offer.id,
        chains,
        keys,
        finishHash: hashFinish(welcomeHash, signature, mac),
        expiresAt,
        deadline: now + HANDSHAKE_LIFETIME,
      });
      return Object.freeze<Welcome>({
        session,
        nonce: platform.encodeBase64url(offer.nonce),
        share: platform.encodeBase64url(offer.share),
        key: offer.key,
        expires: expiresAt,
        tools,
        signature: platform.encodeBase64url(signature),
        mac: platform.encodeBase64url(mac),
      });
    } finally {
      beginning -= 1;
    }
  }

  function finish(message: unknown, now: number): LiveSession | Denial {
    const read = readSafely(() => readFinish(message));
    if (read === undefined) return denial('session_malformed');
    const handshake = handshakes.get(read.session);
    const refused = (reason: string): Denial => denial('session_handshake_refused', {}, { reason });
    if (handshake === undefined) return refused('unknown');
    handshakes.delete(read.session); // whatever comes of it: each is tried once
    const { chains, keys, finishHash, idBytes, expiresAt, deadline } = handshake;
    if (!(deadline > now) || !(expiresAt > now)) return refused('late');
    const expected = codeOf(keys.initiator, finishHash, ...read.signatures);
    if (!isSameCode(expected, read.mac)) return refused('confirmation');
    if (read.signatures.length !== chains.length) return refused('signatures');
    for (const [index, chain] of chains.entries()) {
      const key = chain.leaf.claims.holder;
      const signature = read.signatures[index] as Uint8Array;
      const proved =
        precheckSignature(key.alg, signature) === undefined &&
        platform.verify?.(key, initiatorText(finishHash, index), signature) === true;
      if (!proved) return refused('signature');
    }
    prune(now);
    if (sessions.size >= maxSessions) return denial('session_store_full');
    const session = new ResponderSession(
      { id: read.session, idBytes, chains, expiresAt },
      keys.request,
    );
    sessions.set(session.id, session);
    return session;
  }

  function prune(now: number): void {
    if (sessions.size < maxSessions) return;
    for (const session of sessions.values()) if (!(session.expiresAt > now)) drop(session);
  }

  function drop(session: ResponderSession): void {
    sessions.delete(session.id);
    ResponderSession.end(session);
  }

  /** The session, if it is live and its key is there. */
  function live(id: string, now: number): ResponderSession | DenialCode {
    const session = sessions.get(id);
    if (session === undefined) return 'session_unknown';
    if (session.expiresAt > now) return session;
    drop(session);
    return 'session_expired';
  }

  return Object.freeze<SessionTable>({
    welcome,
    finish,
    authenticate(message, tool, args, now) {
      const request = readSafely(() => readRequest(message));
      if (request === undefined) return 'session_malformed';
      const session = live(request.session, now);
      if (typeof session === 'string') return session;
      const key = ResponderSession.keyOf(session);
      const text = textOf(args);
      if (key === undefined) return 'session_unknown';
      if (text === undefined || typeof tool !== 'string') return 'arguments_malformed';
      const { sequence, mac } = request;
      const expected = requestCode(key, ResponderSession.idOf(session), sequence, tool, text);
      if (!isSameCode(expected, mac)) return 'session_mac_invalid';
      if (!allowed.has(tool)) return 'session_tool_not_allowed';
      const refusal = REFUSAL[ResponderSession.windowOf(session).look(sequence)];
      return refusal ?? { session, sequence };
    },
    commit(session, sequence, now) {
      const known = live(session.id, now);
      if (typeof known === 'string') return known;
      if (known !== session) return 'session_unknown';
      return REFUSAL[ResponderSession.windowOf(known).use(sequence)] ?? 'accepted';
    },
    end(id) {
      const session = sessions.get(id);
      if (session !== undefined) drop(session);
    },
    endFor(identifier) {
      for (const [id, { chains }] of handshakes)
        if (namesAny(chains, identifier)) handshakes.delete(id);
      for (const session of sessions.values())
        if (namesAny(session.chains, identifier)) drop(session);
    },
    close() {
      handshakes.clear();
      for (const session of sessions.values()) drop(session);
    },
    get size() {
      return sessions.size;
    },
  });
}

const REFUSAL = {
  free: undefined,
  used: 'session_sequence_replayed',
  old: 'session_sequence_old',
} as const;

function namesAny(chains: readonly VerifiedChain[], identifier: string): boolean {
  return chains.some(
    ({ anchor, tokens }) =>
      anchor.key.thumbprint === identifier ||
      tokens.some(
        ({ hash, claims }) => hash === identifier || claims.holder.thumbprint === identifier,
      ),
  );
}

/** Signs, and lets out no signature that does not verify. @throws {TaperError} `signing_failed`. */
export async function signText(signer: Signer, text: Uint8Array): Promise<Uint8Array> {
  const { publicKey } = signer;
  let signature: Uint8Array;
  try {
    signature = canonicalSignature(publicKey.alg, await signer.sign(text));
  } catch (cause) {
    throw new TaperError('signing_failed', 'The signer failed.', { cause });
  }
  const verifies =
    precheckSignature(publicKey.alg, signature) === undefined &&
    platform.verify?.(publicKey, text, signature) === true;
  if (!verifies)
    throw new TaperError(
      'signing_failed',
      'The signature does not verify under the key that the signer names.',
    );
  return signature;
}

/** The argument text whose bytes are under the code. */
function textOf(args: JsonObject | string): string | undefined {
  if (typeof args === 'string') return args.isWellFormed() ? args : undefined;
  return readSafely(() => canonicalize(args));
}

/** Reading what somebody else made may run code of theirs. */
function readSafely<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function readTools(tools: unknown): readonly string[] {
  const isTool = (tool: unknown): tool is string => typeof tool === 'string' && tool !== '';
  if (!Array.isArray(tools) || !tools.every(isTool) || tools.length > MAX_SESSION_TOOLS) {
    throw new TaperError('option_invalid', '`tools` must be a list of tool names.', {
      hint: 'Name the tools for which a session may stand in for a signed proof.',
    });
  }
  return Object.freeze([...new Set(tools as readonly string[])].sort());
}

function requireWhole(values: { readonly [name: string]: number }, most: number): void {
  for (const [name, value] of Object.entries(values)) {
    if (Number.isSafeInteger(value) && value >= 1 && value <= most) continue;
    throw new TaperError('option_invalid', `\`${name}\` must be a whole number, 1 to ${most}.`);
  }
}
