import type { Macaroon, MacaroonCaveat } from './macaroon.ts';

/** Types of the fields of the binary format, version 2 (libmacaroons, doc/format.txt). */
const FIELD = { end: 0, location: 1, identifier: 2, verification: 4, signature: 6 } as const;

/** Caveats that are read of one macaroon. */
const MAX_CAVEATS = 1_000;

/** Reads a macaroon in the binary format, whole. @returns why it is none. */
export function readBinaryMacaroon(bytes: Uint8Array): Macaroon | string {
  const reader = new Reader(bytes);
  if (reader.byte() !== 2) return 'its version is not 2';
  const head = reader.section();
  if (head === undefined || head.identifier === undefined) return 'it has no identifier';
  const caveats: MacaroonCaveat[] = [];
  for (;;) {
    const section = reader.section();
    if (section === undefined) return 'it breaks off';
    if (section.empty) break;
    if (section.identifier === undefined) return 'a caveat has no identifier';
    if (caveats.length === MAX_CAVEATS) return `it has more than ${MAX_CAVEATS} caveats`;
    caveats.push({ text: section.identifier, thirdParty: section.verification });
  }
  const signature = reader.field();
  if (signature?.type !== FIELD.signature || signature.bytes.length !== 32)
    return 'it has no signature of 32 bytes';
  if (!reader.done) return 'something follows its signature';
  return { location: head.location, identifier: head.identifier, caveats };
}

interface Section {
  readonly empty: boolean;
  readonly location: string | undefined;
  readonly identifier: string | undefined;
  readonly verification: boolean;
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number | undefined {
    const value = this.#bytes[this.#at];
    this.#at += 1;
    return value;
  }

  /** Fields up to the end mark: at most one of each type, in rising order. */
  section(): Section | undefined {
    let last = 0;
    const found = new Map<number, Uint8Array>();
    for (;;) {
      const field = this.field();
      if (field === undefined) return undefined;
      if (field.type === FIELD.end) break;
      if (field.type <= last || field.type === FIELD.signature) return undefined;
      last = field.type;
      found.set(field.type, field.bytes);
    }
    const text = (type: number): string | undefined => {
      const value = found.get(type);
      return value === undefined ? undefined : Buffer.from(value).toString('utf8');
    };
    return {
      empty: found.size === 0,
      location: text(FIELD.location),
      identifier: text(FIELD.identifier),
      verification: found.has(FIELD.verification),
    };
  }

  field(): { readonly type: number; readonly bytes: Uint8Array } | undefined {
    const type = this.#varint();
    if (type === undefined) return undefined;
    if (type === FIELD.end) return { type, bytes: new Uint8Array() };
    const length = this.#varint();
    if (length === undefined || length > this.#bytes.length - this.#at) return undefined;
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return { type, bytes };
  }

  /** Seven bits a byte, lowest first. */
  #varint(): number | undefined {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      if (byte === undefined) return undefined;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return undefined;
  }
}
