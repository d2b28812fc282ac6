import { type Denial, type DenialCode, denial, platform, type VerifiedChain } from '@taper/core';
import type { LiveSession, SessionAuthenticator } from './authenticator.ts';
import {
  agree,
  authenticate as codeOf,
  freshBytes,
  isSameCode,
  makeShare,
  type SessionKeys,
} from './key-schedule.ts';
import { ResponderSession } from './live.ts';
import { readFinish, readHello, readRequest, readSafely, type Welcome } from './message.ts';
import { Places } from './places.ts';
import { requestCode } from './request-code.ts';
import { isSignedBy, signText } from './signing.ts';
import { completeTableOptions, type SessionTableOptions } from './table-options.ts';
import { hashFinish, hashWelcome, initiatorText, responderText } from './transcript.ts';

/** Seconds within which a handshake must be finished. */
const HANDSHAKE_LIFETIME = 10;

/** Handshakes that may be open at the same time under one leaf: chains are no secret, so whoever has seen one can begin. */
const MAX_HANDSHAKES_PER_LEAF = 16;

/** Live sessions of one leaf. */
const MAX_SESSIONS_PER_LEAF = 64;

/** Verifies the chains of a hello as they would be for a call: sound, for here, not revoked. */
export type ChainCheck = (
  chains: readonly (readonly string[])[],
) => Promise<readonly VerifiedChain[] | Denial>;

/** The last word on a session before it is live: a denial, or `undefined` when it is to begin. */
export type OpeningCheck = (session: LiveSession) => Promise<Denial | undefined>;

/** The responder's side of the protocol, in the memory of one process: a restart ends every session. */
export interface SessionTable extends SessionAuthenticator {
  /** Identifier of the responder. */
  readonly audience: string;
  /** Answers a hello. Rejects with {TaperError} `signing_failed`, or as `verify` does. */
  welcome(hello: unknown, now: number, verify: ChainCheck): Promise<Welcome | Denial>;
  /**
   * Takes the initiator's proof of its keys; the session is live when this resolves to it, and not before. Each handshake
   * is finished once. Rejects as `confirm` does.
   */
  finish(finish: unknown, now: number, confirm: OpeningCheck): Promise<LiveSession | Denial>;
  /** Ends a session. */
  end(id: string): void;
  /** Ends every session and handshake on whose chains a key (RFC 7638 thumbprint) or token (hash) stands. */
  endFor(identifier: string): void;
  /** Ends all sessions and handshakes for good, as when the responder's key is rotated: nothing is opened here any more. */
  close(): void;
  /** Live sessions; those that have ended by themselves count until the next handshake. */
  readonly size: number;
}

/** A handshake that has a place: its welcome is being signed, it waits for its finish, or its finish failed. */
interface Handshake {
  readonly chains: readonly VerifiedChain[];
  readonly expiresAt: number;
  /** First second at which it can no longer be finished. */
  readonly deadline: number;
  /** From when the welcome is signed until a finish is tried. */
  signed:
    | {
        readonly idBytes: Uint8Array;
        readonly keys: SessionKeys;
        readonly finishHash: Uint8Array;
      }
    | undefined;
}

/**
 * Makes the responder's side (spec/session.md).
 * @throws {TaperError} `option_invalid`.
 */
export function createSessionTable(options: SessionTableOptions): SessionTable {
  const { signer, audience, lifetime, maxSessions, maxHandshakes, tools } =
    completeTableOptions(options);
  const { random } = options;
  const allowed: ReadonlySet<string> = new Set(tools);
  const handshakes = new Map<string, Handshake>();
  const handshakePlaces = new Places(maxHandshakes, MAX_HANDSHAKES_PER_LEAF);
  const sessions = new Map<string, ResponderSession>();
  /** Sessions whose keys are proved, and which are still to be confirmed. */
  const opening = new Set<ResponderSession>();
  const sessionPlaces = new Places(maxSessions, MAX_SESSIONS_PER_LEAF);
  let closed = false;
  let swept = Number.NEGATIVE_INFINITY;

  async function welcome(
    message: unknown,
    now: number,
    verify: ChainCheck,
  ): Promise<Welcome | Denial> {
    const hello = readSafely(() => readHello(message));
    if (hello === undefined) return denial('session_malformed');
    if (hello.audience !== audience) return refused('audience');
    sweep(now);
    if (handshakePlaces.isFull) return denial('session_store_full');
    const chains = await verify(hello.chains);
    if ('code' in chains) return chains;
    if (closed) return refused('closed');
    const leaves = new Set(chains.map(({ leaf }) => leaf.hash));
    if (leaves.size < chains.length) return denial('join_malformed');
    const ends = chains.flatMap(({ tokens }) => tokens.map(({ claims }) => claims.exp));
    const expiresAt = Math.min(now + lifetime, ...ends);
    if (!(expiresAt > now)) return denial('token_expired');

    const idBytes = freshBytes(16, random);
    const session = platform.encodeBase64url(idBytes);
    if (handshakes.has(session) || sessions.has(session)) return denial('internal_error');
    // From here to the end it has its place, so that no number of signatures in the making gets past a limit.
    if (!handshakePlaces.take(chains)) return denial('session_store_full');
    const deadline = now + HANDSHAKE_LIFETIME;
    const handshake: Handshake = { chains, expiresAt, deadline, signed: undefined };
    handshakes.set(session, handshake);
    try {
      const share = makeShare(freshBytes(32, random));
      const offer = {
        id: idBytes,
        nonce: freshBytes(32, random),
        share: share.publicValue,
        key: signer.publicKey.thumbprint,
        expires: expiresAt,
        tools,
        session,
      };
      const welcomeHash = hashWelcome(hello, offer);
      const keys = agree(share, hello.share, welcomeHash);
      if (keys === undefined) return refused('share');
      const signature = await signText(signer, responderText(welcomeHash));
      if (handshakes.get(session) !== handshake) return refused('ended'); // while it was signed
      const mac = codeOf(keys.responder, welcomeHash, signature);
      handshake.signed = { idBytes, keys, finishHash: hashFinish(welcomeHash, signature, mac) };
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
      if (handshake.signed === undefined) forget(session, handshake);
    }
  }

  async function finish(
    message: unknown,
    now: number,
    confirm: OpeningCheck,
  ): Promise<LiveSession | Denial> {
    const read = readSafely(() => readFinish(message));
    if (read === undefined) return denial('session_malformed');
    const handshake = handshakes.get(read.session);
    if (handshake?.signed === undefined) return refused('unknown');
    const { chains, expiresAt, deadline, signed } = handshake;
    // Each is tried once. Where nothing comes of it, it keeps its place to its end: a welcome costs a signature, and whoever has
    // seen a chain could otherwise have one after the other.
    handshake.signed = undefined;
    sweep(now);
    const { keys, finishHash, idBytes } = signed;
    if (!(deadline > now) || !(expiresAt > now)) return refused('late');
    const expected = codeOf(keys.initiator, finishHash, ...read.signatures);
    if (!isSameCode(expected, read.mac)) return refused('confirmation');
    if (read.signatures.length !== chains.length) return refused('signatures');
    for (const [index, { leaf }] of chains.entries()) {
      const signature = read.signatures[index] as Uint8Array;
      if (!isSignedBy(leaf.claims.holder, initiatorText(finishHash, index), signature))
        return refused('signature');
    }
    if (!sessionPlaces.take(chains)) return denial('session_store_full');
    const session = new ResponderSession(
      { id: read.session, idBytes, chains, expiresAt },
      keys.request,
    );
    opening.add(session);
    try {
      const cause = await confirm(session);
      if (cause !== undefined) return cause;
      if (!opening.delete(session)) return refused('ended'); // while it was confirmed
      sessions.set(session.id, session);
      forget(session.id, handshake);
      return session;
    } finally {
      if (!sessions.has(session.id)) drop(session);
    }
  }

  /** Forgets what is over, once for each second of the clock: keys of no use but to a thief of memory. */
  function sweep(now: number): void {
    if (now === swept) return;
    swept = now;
    for (const [id, handshake] of handshakes)
      if (!(handshake.deadline > now)) forget(id, handshake);
    for (const session of sessions.values()) if (!(session.expiresAt > now)) drop(session);
  }

  function forget(id: string, handshake: Handshake): void {
    if (handshakes.get(id) !== handshake) return;
    handshakes.delete(id);
    handshakePlaces.free(handshake.chains);
  }

  function drop(session: ResponderSession): void {
    sessions.delete(session.id);
    opening.delete(session);
    if (ResponderSession.keyOf(session) === undefined) return;
    ResponderSession.end(session);
    sessionPlaces.free(session.chains);
  }

  /** The session, if it is live. */
  function live(id: string, now: number): ResponderSession | DenialCode {
    const session = sessions.get(id);
    if (session === undefined) return 'session_unknown';
    if (session.expiresAt > now) return session;
    drop(session);
    return 'session_expired';
  }

  function endWhere(fits: (chains: readonly VerifiedChain[]) => boolean): void {
    for (const [id, handshake] of handshakes) if (fits(handshake.chains)) forget(id, handshake);
    for (const session of [...opening, ...sessions.values()])
      if (fits(session.chains)) drop(session);
  }

  return Object.freeze<SessionTable>({
    audience,
    welcome,
    finish,
    authenticate(message, tool, text, now) {
      const request = readSafely(() => readRequest(message));
      if (request === undefined) return 'session_malformed';
      const session = live(request.session, now);
      if (typeof session === 'string') return session;
      const key = ResponderSession.keyOf(session);
      if (key === undefined) return 'session_unknown';
      const isText = typeof text === 'string' && text.isWellFormed();
      if (!isText || typeof tool !== 'string') return 'arguments_malformed';
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
      for (const session of opening) if (session.id === id) drop(session);
      const session = sessions.get(id);
      if (session !== undefined) drop(session);
    },
    endFor: (identifier) => endWhere((chains) => namesAny(chains, identifier)),
    close() {
      closed = true;
      endWhere(() => true);
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

function refused(reason: string): Denial {
  return denial('session_handshake_refused', {}, { reason });
}

function namesAny(chains: readonly VerifiedChain[], identifier: string): boolean {
  return chains.some(
    ({ anchor, tokens }) =>
      anchor.key.thumbprint === identifier ||
      tokens.some(
        ({ hash, claims }) => hash === identifier || claims.holder.thumbprint === identifier,
      ),
  );
}
