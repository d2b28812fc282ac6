import { createSigner, generateKeyPair, type Signer, TaperError } from '@taper/core';
import {
  createSessionTable,
  type EnforcementPoint,
  type EnforcementPointOptions,
  type InitiateOptions,
  type InitiatorSession,
  initiateSession,
  type SessionTable,
  type SessionTableOptions,
} from '../../src/index.ts';
import { AUDIENCE, agent, chainOf, NOW, newSigner, PAYMENT, pointWith } from '../judge/scene.ts';

/** The enforcement point's key, which initiators know. */
export const responder: Signer = newSigner();
export const TEXT: string = JSON.stringify(PAYMENT);

export function newEs256Signer(): Signer {
  return createSigner(generateKeyPair('ES256').privateJwk);
}

export function tableWith(options: Partial<SessionTableOptions> = {}): SessionTable {
  return createSessionTable({ signer: responder, audience: AUDIENCE, tools: ['pay'], ...options });
}

export function sessionPoint(
  options: Partial<EnforcementPointOptions> = {},
  table: Partial<SessionTableOptions> = {},
): EnforcementPoint {
  return pointWith({ sessions: tableWith(table), ...options });
}

/** A message as it comes out of the other end of a wire. */
export type Message = Record<string, unknown>;

export function overWire(message: object): Message {
  return JSON.parse(JSON.stringify(message));
}

type Change = (message: Message) => unknown;

export interface HandshakeOptions extends Partial<InitiateOptions> {
  readonly point?: EnforcementPoint;
  /** The initiator's clock when the welcome comes. */
  readonly now?: number;
  /** What somebody in the middle makes of each message. */
  readonly hello?: Change;
  readonly welcome?: Change;
  readonly finish?: Change;
}

export interface Handshake {
  /** `open`, or why not: a denial code of the responder, with its reason, or the error code of the initiator. */
  readonly outcome: string;
  /** The initiator's side, where it got that far. */
  readonly session?: InitiatorSession;
  /** What was sent, before anybody changed it. */
  readonly sent: readonly Message[];
}

/** A handshake with somebody in the middle. */
export async function handshake(options: HandshakeOptions = {}): Promise<Handshake> {
  const asIs: Change = (message) => message;
  const {
    point = sessionPoint(),
    now = NOW,
    hello = asIs,
    welcome = asIs,
    finish = asIs,
  } = options;
  const initiation = initiateSession({
    chains: [await chainOf()],
    signers: [agent],
    audience: AUDIENCE,
    responderKey: responder.publicKey,
    ...options,
  });
  const sent = [overWire(initiation.hello)];
  const answer = await point.sessions?.hello(hello(overWire(initiation.hello)));
  if (answer === undefined || 'code' in answer) return { outcome: reasonOf(answer), sent };
  sent.push(overWire(answer));
  let completed: Awaited<ReturnType<typeof initiation.complete>>;
  try {
    completed = await initiation.complete(welcome(overWire(answer)), now);
  } catch (error) {
    if (error instanceof TaperError) return { outcome: error.code, sent };
    throw error;
  }
  const { session } = completed;
  sent.push(overWire(completed.finish));
  const done = await point.sessions?.finish(finish(overWire(completed.finish)));
  if (done === undefined || 'code' in done) return { outcome: reasonOf(done), session, sent };
  return { outcome: 'open', session, sent };
}

/** Opens a session with nobody in the middle. */
export async function open(
  point: EnforcementPoint,
  options: HandshakeOptions = {},
): Promise<InitiatorSession> {
  const { outcome, session } = await handshake({ ...options, point });
  if (outcome !== 'open' || session === undefined) throw new Error(`refused: ${outcome}`);
  return session;
}

export function reasonOf(
  denied: { readonly code: string; readonly facts: object } | undefined,
): string {
  const reason: unknown = Reflect.get(denied?.facts ?? {}, 'reason');
  return [denied?.code, reason].filter((word) => word !== undefined).join(' ');
}

/** The same text but for one bit of the bytes that it stands for. */
export function flip(text: unknown, byte = -1): string {
  const bytes = Buffer.from(text as string, 'base64url');
  const at = byte < 0 ? bytes.length + byte : byte;
  bytes[at] = (bytes[at] as number) ^ 1;
  return bytes.toString('base64url');
}
