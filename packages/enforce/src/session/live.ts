import type { KeyObject } from 'node:crypto';
import type { VerifiedChain } from '@taper/core';
import type { LiveSession } from './authenticator.ts';
import { SequenceWindow } from './window.ts';

/** A session on the responder's side. Its key is out of reach of whoever holds it, prints it or serializes it. */
export class ResponderSession implements LiveSession {
  readonly id: string;
  readonly chains: readonly VerifiedChain[];
  /** First second, since the epoch, at which it is over. */
  readonly expiresAt: number;
  readonly #idBytes: Uint8Array;
  readonly #window = new SequenceWindow();
  #key: KeyObject | undefined;

  constructor(session: LiveSession & { readonly idBytes: Uint8Array }, key: KeyObject) {
    this.id = session.id;
    this.chains = Object.freeze([...session.chains]);
    this.expiresAt = session.expiresAt;
    this.#idBytes = session.idBytes;
    this.#key = key;
    Object.freeze(this);
  }

  static keyOf(session: ResponderSession): KeyObject | undefined {
    return session.#key;
  }

  static idOf(session: ResponderSession): Uint8Array {
    return session.#idBytes;
  }

  static windowOf(session: ResponderSession): SequenceWindow {
    return session.#window;
  }

  /** Forgets the key: nothing authenticates under this session any more. */
  static end(session: ResponderSession): void {
    session.#key = undefined;
  }
}
Reflect.deleteProperty(ResponderSession.prototype, 'constructor');
