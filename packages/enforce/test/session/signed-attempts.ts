import { createHmac } from 'node:crypto';
import { type TestKey, testKey } from '@taper/testkit';
import type { Message } from './parties.ts';

/** What a party may compute of a handshake, as spec/session.md names it. */
export interface Computed {
  readonly welcome_hash: string;
  readonly responder_text: string;
  readonly responder_confirmation_key: string;
  readonly initiator_confirmation_key: string;
  readonly finish_hash: string;
  readonly initiator_texts: readonly string[];
}

interface Honest {
  readonly welcome: Message;
  readonly finish: Message;
  readonly responder: TestKey;
  readonly holders: readonly TestKey[];
  /** Seconds since the epoch: now, and the first expiry of a token. */
  readonly now: number;
  readonly end: number;
  /** Follows the specification for a handshake with this welcome. */
  compute(welcome: Message): Computed;
}

export interface SignedAttempt {
  readonly id: string;
  readonly message: 'welcome' | 'finish';
  readonly given: Message;
  readonly expected: string;
}

/**
 * Messages whose signatures and codes are right for what they say, or nearly: what a dishonest party can make that holds keys
 * and secret, and a careless reader takes.
 */
export function signedAttempts(honest: Honest): readonly SignedAttempt[] {
  return [...welcomes(honest), ...finishes(honest)];
}

function welcomes({ welcome, responder, now, end, compute }: Honest): SignedAttempt[] {
  const mallory = testKey('mallory');
  const make = (changes: Message, signer = responder): Message => {
    const offer = { ...welcome, ...changes };
    const { responder_text, responder_confirmation_key, welcome_hash } = compute(offer);
    const signature = text(signer.sign(Buffer.from(responder_text)));
    const mac = codeOver(responder_confirmation_key, welcome_hash, signature);
    return { ...offer, signature, mac };
  };
  const { welcome_hash, initiator_confirmation_key } = compute(welcome);
  const mirrored = codeOver(initiator_confirmation_key, welcome_hash, welcome['signature']);
  const guessed = codeOver('A'.repeat(43), welcome_hash, welcome['signature']);
  const attempt = (id: string, given: Message, expected = 'refused'): SignedAttempt => ({
    id: `welcome.signed-${id}`,
    message: 'welcome',
    given,
    expected,
  });
  return [
    attempt('as-sent', make({}), 'completed'),
    attempt('until-the-chain-ends', make({ expires: end }), 'completed'),
    attempt('longer-than-the-chain', make({ expires: end + 1 })),
    attempt('over', make({ expires: now })),
    attempt('by-a-stranger', make({ key: mallory.publicKey.thumbprint }, mallory)),
    attempt('by-an-impostor', make({}, mallory)),
    attempt('code-of-the-initiator', { ...welcome, mac: mirrored }),
    attempt('without-the-secret', { ...welcome, mac: guessed }),
  ];
}

function finishes({ welcome, finish, responder, holders, compute }: Honest): SignedAttempt[] {
  const mallory = testKey('mallory');
  const computed = compute(welcome);
  const { initiator_texts, initiator_confirmation_key, finish_hash } = computed;
  const texts = initiator_texts.map((words) => Buffer.from(words));
  const honest = holders.map(({ sign }, index) => sign(texts[index] as Buffer));
  const make = (
    signatures: readonly Uint8Array[],
    key: string = initiator_confirmation_key,
  ): Message => {
    const sent = signatures.map(text);
    return { ...finish, signatures: sent, mac: codeOver(key, finish_hash, ...sent) };
  };
  const attempt = (id: string, given: Message): SignedAttempt => ({
    id: `finish.signed-${id}`,
    message: 'finish',
    given,
    expected: 'session_handshake_refused',
  });
  const last = texts.at(-1) as Buffer;
  const jws = holders.map(({ sign }) => sign(Buffer.from('e30.e30')));
  const asResponder = holders.map(({ sign }) => sign(Buffer.from(computed.responder_text)));
  const list = [
    attempt('key-of-the-responder', make(honest, computed.responder_confirmation_key)),
    attempt('by-a-stranger', make(honest.with(-1, mallory.sign(last)))),
    attempt('by-the-responder', make(honest.with(-1, responder.sign(last)))),
    attempt('as-a-jws', make(jws)),
    attempt('as-the-responder', make(asResponder)),
    attempt('one-too-many', make([...honest, honest[0] as Uint8Array])),
  ];
  if (honest.length < 2) return list;
  const turned = holders.map(({ sign }, index) => sign(texts.toReversed()[index] as Buffer));
  return [
    ...list,
    attempt('one-missing', make(honest.slice(0, 1))),
    attempt('swapped', make(honest.toReversed())),
    attempt('for-the-place-of-the-other', make(turned)),
  ];
}

function codeOver(key: string, ...parts: readonly unknown[]): string {
  const mac = createHmac('sha256', Buffer.from(key, 'base64url'));
  for (const part of parts) mac.update(Buffer.from(part as string, 'base64url'));
  return mac.digest('base64url');
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
