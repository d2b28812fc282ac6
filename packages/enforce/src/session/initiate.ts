import {
  canonicalize,
  isPublicKey,
  type JsonObject,
  type PublicKey,
  platform,
  type Signer,
  TaperError,
  type VerifiedChain,
} from '@taper/core';
import {
  agree,
  authenticate,
  freshBytes,
  isSameCode,
  makeShare,
  type Share,
} from './key-schedule.ts';
import {
  type Finish,
  type Hello,
  PROTOCOL,
  readHello,
  readSafely,
  readWelcome,
  type SessionRequest,
} from './message.ts';
import { requestCode } from './request-code.ts';
import { isSignedBy, signText } from './signing.ts';
import { hashFinish, hashWelcome, initiatorText, responderText } from './transcript.ts';

export interface InitiateOptions {
  /** The chains under which the initiator acts: 1 to 4, each with its own leaf. */
  readonly chains: readonly VerifiedChain[];
  /** Signs as the holder of each leaf, in the order of the chains. */
  readonly signers: readonly Signer[];
  /** Identifier of the responder. */
  readonly audience: string;
  /** The responder's key, known from elsewhere. One that comes with the answer proves nothing. */
  readonly responderKey: PublicKey;
  /** That many fresh random bytes. Default: those of the platform. */
  readonly random?: (length: number) => Uint8Array;
}

/** A handshake that has begun. */
export interface Initiation {
  /** To be sent to the responder. */
  readonly hello: Hello;
  /**
   * Takes the responder's answer. Send `finish`; when the responder has taken it, the session is live. Once only.
   * @param now seconds since the epoch.
   * @throws {TaperError} `session_refused` when the answer is not from the responder, or proves nothing; `signing_failed`.
   */
  complete(
    welcome: unknown,
    now: number,
  ): Promise<{ readonly finish: Finish; readonly session: InitiatorSession }>;
}

/** The initiator's side of a live session. Its key is out of reach of whoever holds it. */
export interface InitiatorSession {
  readonly id: string;
  /** First second, since the epoch, at which it is over. */
  readonly expiresAt: number;
  /** The tools for which it stands in for a proof; everything else is to be signed. */
  readonly tools: ReadonlySet<string>;
  /**
   * Authenticates one request; send it as the presentation, with exactly this argument text. Numbers count up by themselves.
   * @param args the text as it will be sent; of an object, its canonical JSON is authenticated.
   * @throws {TaperError} `session_refused` for a tool that needs a proof, or after `end`.
   */
  request(tool: string, args: JsonObject | string): SessionRequest;
  /** Forgets the key. */
  end(): void;
}

/**
 * Begins a handshake with a responder (spec/session.md).
 * @throws {TaperError} `option_invalid`.
 */
export function initiateSession(options: InitiateOptions): Initiation {
  const { audience, responderKey, random } = options;
  const chains = [...options.chains];
  const signers = [...options.signers];
  const fits = chains.every(
    ({ leaf }, index) => signers[index]?.publicKey.thumbprint === leaf.claims.holder.thumbprint,
  );
  if (chains.length === 0 || chains.length !== signers.length || !fits)
    throw new TaperError(
      'option_invalid',
      'Each chain needs a signer that holds the key of its leaf.',
    );
  if (!isPublicKey(responderKey))
    throw new TaperError('option_invalid', 'The key of the responder must be known beforehand.');
  let share: Share | undefined = makeShare(freshBytes(32, random));
  const hello: Hello = Object.freeze({
    version: PROTOCOL,
    audience,
    nonce: platform.encodeBase64url(freshBytes(32, random)),
    share: platform.encodeBase64url(share.publicValue),
    chains: chains.map(({ tokens }) => Object.freeze(tokens.map(({ compact }) => compact))),
  });
  const read = readHello(hello);
  if (read === undefined)
    throw new TaperError('option_invalid', 'The chains or the audience do not fit into a hello.');

  return Object.freeze<Initiation>({
    hello,
    async complete(message, now) {
      const own = share;
      share = undefined; // whatever comes of it: a share serves once
      if (own === undefined) throw refused('The handshake has been completed before.');
      const welcome = readSafely(() => readWelcome(message));
      if (welcome === undefined) throw refused('The answer is no welcome.');
      if (welcome.key !== responderKey.thumbprint)
        throw refused('The answer is from somebody else than the responder.');
      const ends = chains.flatMap(({ tokens }) => tokens.map(({ claims }) => claims.exp));
      if (!(welcome.expires > now) || welcome.expires > Math.min(...ends))
        throw refused('The session would be over, or outlive its chains.');
      const welcomeHash = hashWelcome(read, welcome);
      if (!isSignedBy(responderKey, responderText(welcomeHash), welcome.signature))
        throw refused("The responder's signature does not verify.");
      const keys = agree(own, welcome.share, welcomeHash);
      if (keys === undefined) throw refused("The responder's share gives no secret.");
      const expected = authenticate(keys.responder, welcomeHash, welcome.signature);
      if (!isSameCode(expected, welcome.mac))
        throw refused('The responder does not hold the shared secret.');
      const finishHash = hashFinish(welcomeHash, welcome.signature, welcome.mac);
      const signatures: Uint8Array[] = [];
      for (const [index, signer] of signers.entries())
        signatures.push(await signText(signer, initiatorText(finishHash, index)));
      const finish: Finish = Object.freeze({
        session: welcome.session,
        signatures: signatures.map((signature) => platform.encodeBase64url(signature)),
        mac: platform.encodeBase64url(authenticate(keys.initiator, finishHash, ...signatures)),
      });
      return { finish, session: sessionOf(welcome, keys.request) };
    },
  });
}

function sessionOf(
  { session: id, id: idBytes, expires, tools }: NonNullable<ReturnType<typeof readWelcome>>,
  requestKey: Parameters<typeof requestCode>[0],
): InitiatorSession {
  const allowed = new Set(tools);
  let key: typeof requestKey | undefined = requestKey;
  let sequence = 0;
  return Object.freeze<InitiatorSession>({
    id,
    expiresAt: expires,
    tools: new Set(tools),
    request(tool, args) {
      if (key === undefined) throw refused('The session has been ended.');
      if (!allowed.has(tool)) throw refused('This tool needs a signed proof for each call.');
      const text = typeof args === 'string' ? args : canonicalize(args);
      if (!text.isWellFormed()) throw refused('The arguments are no well-formed text.');
      if (sequence >= Number.MAX_SAFE_INTEGER) throw refused('The session has no number left.');
      sequence += 1;
      const mac = requestCode(key, idBytes, sequence, tool, text);
      return Object.freeze({
        taper_session: id,
        taper_sequence: sequence,
        taper_mac: platform.encodeBase64url(mac),
      });
    },
    end() {
      key = undefined;
    },
  });
}

function refused(message: string): TaperError {
  return new TaperError('session_refused', message, {
    hint: 'Begin a new handshake, or sign the call.',
  });
}
