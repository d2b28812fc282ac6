import { createHash, type Hash } from 'node:crypto';
import { platform } from '@taper/core';
import { PROTOCOL, type ReadHello, type ReadWelcome } from './message.ts';

/** The welcome without what is computed over it. */
export type WelcomeOffer = Omit<ReadWelcome, 'signature' | 'mac'>;

/** A hash over fields in a fixed order, each with its length before it, so that no two sequences of fields read alike. */
class FieldHash {
  readonly #hash: Hash = createHash('sha256');

  constructor(label: string) {
    this.add(label);
  }

  add(field: string | Uint8Array): this {
    const bytes = typeof field === 'string' ? Buffer.from(field, 'utf8') : field;
    this.#hash.update(lengthOf(bytes.length)).update(bytes);
    return this;
  }

  addList(fields: readonly string[]): this {
    this.#hash.update(lengthOf(fields.length));
    for (const field of fields) this.add(field);
    return this;
  }

  addLists(lists: readonly (readonly string[])[]): this {
    this.#hash.update(lengthOf(lists.length));
    for (const list of lists) this.addList(list);
    return this;
  }

  digest(): Uint8Array {
    return this.#hash.digest();
  }
}

/** The hash of everything said up to the welcome (spec/session.md section 4.1): what the responder signs and keys depend on. */
export function hashWelcome(hello: ReadHello, welcome: WelcomeOffer): Uint8Array {
  const { audience, nonce, share, chains } = hello;
  const expires = Buffer.alloc(8);
  expires.writeBigUInt64BE(BigInt(welcome.expires));
  return new FieldHash(`${PROTOCOL} welcome`)
    .add(audience)
    .add(nonce)
    .add(share)
    .addLists(chains)
    .add(welcome.id)
    .add(welcome.nonce)
    .add(welcome.share)
    .add(welcome.key)
    .add(expires)
    .addList(welcome.tools)
    .digest();
}

/** The hash of everything said before the finish (section 4.2): what the initiator signs. */
export function hashFinish(
  welcomeHash: Uint8Array,
  signature: Uint8Array,
  mac: Uint8Array,
): Uint8Array {
  return new FieldHash(`${PROTOCOL} finish`).add(welcomeHash).add(signature).add(mac).digest();
}

/**
 * The text that the responder signs. No other signed text of Taper begins like it, so none can be taken for it: signing
 * inputs of tokens, proofs and approvals are base64url and a full stop, those of audit events begin with `taper-audit-event-v1:`.
 */
export function responderText(welcomeHash: Uint8Array): Uint8Array {
  return Buffer.from(`${PROTOCOL} responder ${platform.encodeBase64url(welcomeHash)}`, 'latin1');
}

/** The text that the holder of the leaf of one chain signs. */
export function initiatorText(finishHash: Uint8Array, chain: number): Uint8Array {
  const hash = platform.encodeBase64url(finishHash);
  return Buffer.from(`${PROTOCOL} initiator ${chain} ${hash}`, 'latin1');
}

function lengthOf(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}
