import { type JsonObject, platform } from '@taper/core';

/** Names the protocol in every text that is signed, hashed or derived from. */
export const PROTOCOL = 'taper-session-1';

/** The first message: who wants to talk to whom, under which chains (spec/session.md section 3.1). */
export interface Hello {
  readonly version: typeof PROTOCOL;
  /** Identifier of the responder. */
  readonly audience: string;
  /** 32 random bytes, base64url. */
  readonly nonce: string;
  /** X25519 public value, 32 bytes, base64url. */
  readonly share: string;
  /** The tokens of each chain, root first. */
  readonly chains: readonly (readonly string[])[];
}

/** The answer: the responder proves its key and that it holds the shared secret (section 3.2). */
export interface Welcome {
  /** Identifies the session: 16 random bytes, base64url. It authenticates nothing. */
  readonly session: string;
  readonly nonce: string;
  readonly share: string;
  /** RFC 7638 thumbprint of the responder's key. */
  readonly key: string;
  /** First second, since the epoch, at which the session is over. */
  readonly expires: number;
  /** The tools for which the session stands in for a proof, in ascending order. */
  readonly tools: readonly string[];
  /** 64 bytes, base64url. */
  readonly signature: string;
  /** Key confirmation: 32 bytes, base64url. */
  readonly mac: string;
}

/** The last message: the initiator proves the key of every leaf, and that it holds the shared secret (section 3.3). */
export interface Finish {
  readonly session: string;
  /** One for each chain, in order; 64 bytes each, base64url. */
  readonly signatures: readonly string[];
  readonly mac: string;
}

/** What a request in a session carries in place of chain and proof (section 5). */
export interface SessionRequest {
  readonly taper_session: string;
  /** From 1 on, each once. */
  readonly taper_sequence: number;
  /** 32 bytes, base64url. */
  readonly taper_mac: string;
}

/** A hello that has been read: bytes where the wire has text. */
export interface ReadHello extends Omit<Hello, 'nonce' | 'share'> {
  readonly nonce: Uint8Array;
  readonly share: Uint8Array;
}

export interface ReadWelcome extends Omit<Welcome, 'nonce' | 'share' | 'mac' | 'signature'> {
  readonly id: Uint8Array;
  readonly nonce: Uint8Array;
  readonly share: Uint8Array;
  readonly signature: Uint8Array;
  readonly mac: Uint8Array;
}

export interface ReadFinish {
  readonly session: string;
  readonly signatures: readonly Uint8Array[];
  readonly mac: Uint8Array;
}

export interface ReadRequest {
  readonly session: string;
  readonly sequence: number;
  readonly mac: Uint8Array;
}

/** Most chains of a hello, tokens of one of them, and tools of a welcome. */
const MAX_CHAINS = 4;
const MAX_TOKENS = 64;
export const MAX_SESSION_TOOLS = 256;

/** UTF-16 code units of all tokens of a hello. */
export const MAX_CHAIN_TEXT: number = 4 * 262_144;
const MAX_NAME = 2048;

/** Reads a hello; `undefined` for anything that has not exactly its members. Nothing in it is verified. */
export function readHello(value: unknown): ReadHello | undefined {
  const message = membersOf(value, ['audience', 'chains', 'nonce', 'share', 'version']);
  if (message === undefined) return undefined;
  const { version, audience } = message;
  const [nonce, share] = [bytesOf(message['nonce'], 32), bytesOf(message['share'], 32)];
  const chains = readChains(message['chains']);
  if (version !== PROTOCOL || !isName(audience)) return undefined;
  if (nonce === undefined || share === undefined || chains === undefined) return undefined;
  return { version, audience, nonce, share, chains };
}

/** As {@link readHello}. */
export function readWelcome(value: unknown): ReadWelcome | undefined {
  const members = ['expires', 'key', 'mac', 'nonce', 'session', 'share', 'signature', 'tools'];
  const message = membersOf(value, members);
  if (message === undefined) return undefined;
  const { session, key, expires } = message;
  const id = bytesOf(session, 16);
  const [nonce, share] = [bytesOf(message['nonce'], 32), bytesOf(message['share'], 32)];
  const [signature, mac] = [bytesOf(message['signature'], 64), bytesOf(message['mac'], 32)];
  const tools = listOf(message['tools'], MAX_SESSION_TOOLS, isName);
  if (id === undefined || nonce === undefined || share === undefined) return undefined;
  if (signature === undefined || mac === undefined || tools === undefined) return undefined;
  if (bytesOf(key, 32) === undefined) return undefined;
  if (!Number.isSafeInteger(expires) || (expires as number) < 1) return undefined;
  return {
    session: session as string,
    id,
    nonce,
    share,
    key: key as string,
    expires: expires as number,
    tools,
    signature,
    mac,
  };
}

/** As {@link readHello}. */
export function readFinish(value: unknown): ReadFinish | undefined {
  const message = membersOf(value, ['mac', 'session', 'signatures']);
  if (message === undefined) return undefined;
  const { session } = message;
  const mac = bytesOf(message['mac'], 32);
  const texts = listOf(message['signatures'], MAX_CHAINS, isName);
  const signatures = texts?.map((text) => bytesOf(text, 64));
  if (bytesOf(session, 16) === undefined || mac === undefined) return undefined;
  if (signatures === undefined || signatures.length === 0) return undefined;
  if (!signatures.every((signature) => signature !== undefined)) return undefined;
  return { session: session as string, signatures, mac };
}

/** As {@link readHello}. */
export function readRequest(value: unknown): ReadRequest | undefined {
  const message = membersOf(value, ['taper_mac', 'taper_sequence', 'taper_session']);
  if (message === undefined) return undefined;
  const { taper_session: session, taper_sequence: sequence } = message;
  const mac = bytesOf(message['taper_mac'], 32);
  if (typeof session !== 'string' || mac === undefined) return undefined;
  if (!Number.isSafeInteger(sequence) || (sequence as number) < 1) return undefined;
  return { session, sequence: sequence as number, mac };
}

/** The members of an object that has exactly these, given in order; read once each. */
function membersOf(
  value: unknown,
  members: readonly string[],
): { readonly [member: string]: unknown } | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const copy = { ...(value as JsonObject) };
  const names = Object.keys(copy);
  if (names.length !== members.length) return undefined;
  return members.every((member) => Object.hasOwn(copy, member)) ? copy : undefined;
}

function readChains(value: unknown): readonly (readonly string[])[] | undefined {
  const isToken = (token: unknown): token is string => typeof token === 'string' && token !== '';
  const chains: (readonly string[])[] = [];
  for (const given of listOf(value, MAX_CHAINS, Array.isArray) ?? []) {
    const chain = listOf(given, MAX_TOKENS, isToken);
    if (chain === undefined || chain.length === 0) return undefined;
    chains.push(chain);
  }
  const length = chains.flat().reduce((sum, token) => sum + token.length, 0);
  return chains.length > 0 && length <= MAX_CHAIN_TEXT ? Object.freeze(chains) : undefined;
}

function listOf<Element>(
  value: unknown,
  most: number,
  fits: (element: unknown) => element is Element,
): readonly Element[] | undefined {
  if (!Array.isArray(value) || value.length > most) return undefined;
  const copy: readonly unknown[] = Array.from(value as readonly unknown[]);
  return copy.every(fits) ? Object.freeze(copy) : undefined;
}

/** Lone surrogates would all have the same bytes under a hash or code. */
export function isName(value: unknown): value is string {
  return (
    typeof value === 'string' && value !== '' && value.length <= MAX_NAME && value.isWellFormed()
  );
}

/** Reading what somebody else made may run code of theirs. */
export function readSafely<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The bytes of strict base64url, if there are so many. */
function bytesOf(value: unknown, length: number): Uint8Array | undefined {
  if (typeof value !== 'string' || value.length !== Math.ceil((length * 4) / 3)) return undefined;
  const bytes = platform.decodeBase64url(value);
  return bytes?.length === length ? bytes : undefined;
}
