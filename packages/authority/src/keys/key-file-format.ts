import {
  canonicalize,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  KeyStoreError,
  parseJson,
  platform,
} from '@taper/core';

/** Cost of scrypt (RFC 7914): memory is 128 · n · r bytes. */
export interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/** An encrypted key file (docs/keys.md), taken apart; nothing in it is authentic yet. */
export interface SealedKey {
  /** Public JWK; what kind of key it is, is for whoever opens it. */
  readonly public: JsonObject;
  readonly cost: ScryptCost;
  /** 16 bytes. */
  readonly salt: Uint8Array;
  /** 12 bytes. */
  readonly nonce: Uint8Array;
  /** PKCS #8 (RFC 5958), encrypted, and 16 bytes of tag. */
  readonly ciphertext: Uint8Array;
}

/** 128 MiB and some 0.4 s: what is recommended where a person may wait. */
export const DEFAULT_COST: ScryptCost = Object.freeze({ n: 2 ** 17, r: 8, p: 1 });

/** Below, guessing is cheap; above, a hostile file would take this machine's memory: at most 256 MiB. */
const MIN_N = 2 ** 14;
const MAX_N = 2 ** 18;
const MAX_P = 4;

/** Bytes of a key file. Ours have some 500, and 9000 with an ML-DSA-65 key. */
export const MAX_KEY_FILE = 16_384;

/** An ML-DSA-65 key in its longest form has some 4100. */
const MAX_CIPHERTEXT = 5120;
const TAG = 16;
const DOMAIN = 'taper-key-v1:';
const UTF8 = new TextEncoder();

/** Whether a file with these parameters is opened or made. */
export function isAdmissibleCost({ n, r, p }: ScryptCost): boolean {
  return (
    [n, r, p].every(Number.isSafeInteger) &&
    n >= MIN_N &&
    n <= MAX_N &&
    Number.isInteger(Math.log2(n)) &&
    r === 8 &&
    p >= 1 &&
    p <= MAX_P
  );
}

/** What is authenticated along with the key: all that stands in the file in clear. */
export function associatedData(sealed: Omit<SealedKey, 'ciphertext'>): Uint8Array {
  return UTF8.encode(DOMAIN + canonicalize(clearMembers(sealed)));
}

/** The text of a key file. */
export function writeKeyFile(sealed: SealedKey): string {
  const ciphertext = platform.encodeBase64url(sealed.ciphertext);
  return `${JSON.stringify({ ...clearMembers(sealed), ciphertext }, null, 2)}\n`;
}

function clearMembers({
  public: jwk,
  cost,
  salt,
  nonce,
}: Omit<SealedKey, 'ciphertext'>): JsonObject {
  return {
    type: 'taper-key',
    version: 1,
    public: jwk,
    kdf: {
      name: 'scrypt',
      n: cost.n,
      r: cost.r,
      p: cost.p,
      salt: platform.encodeBase64url(salt),
    },
    cipher: { name: 'A256GCM', nonce: platform.encodeBase64url(nonce) },
  };
}

/**
 * Reads the text of a key file; its parameters are bounded before anything is computed.
 * @throws {KeyStoreError} `malformed`, `version`, `parameters`. Nothing of the text is repeated.
 */
export function readKeyFile(text: string, path: string): SealedKey {
  const parsed = parseJson(text);
  const file = parsed.ok && parsed.numbers === undefined ? parsed.value : undefined;
  if (!isJsonObject(file) || file['type'] !== 'taper-key') throw malformed(path);
  if (file['version'] !== 1) {
    throw new KeyStoreError('version', `${path} is a key file of a version that is not known.`, {
      hint: 'Open it with the version of taper that made it, or update this one.',
    });
  }
  const { kdf, cipher } = requireMembers(
    file,
    ['type', 'version', 'public', 'kdf', 'cipher', 'ciphertext'],
    path,
  );
  const { name, n, r, p, salt } = requireMembers(kdf, ['name', 'n', 'r', 'p', 'salt'], path);
  const { name: cipherName, nonce } = requireMembers(cipher, ['name', 'nonce'], path);
  const cost = { n: n as number, r: r as number, p: p as number };
  if (name !== 'scrypt' || cipherName !== 'A256GCM' || !isAdmissibleCost(cost)) {
    throw new KeyStoreError('parameters', `${path} asks for parameters that are not accepted.`, {
      hint: `Accepted are A256GCM, and scrypt with n a power of two from ${MIN_N} to ${MAX_N}, r = 8, p = 1 to ${MAX_P}. If taper made the file, somebody has changed it.`,
    });
  }
  const ciphertext = bytesOf(file['ciphertext'], path);
  if (ciphertext.length <= TAG || ciphertext.length > MAX_CIPHERTEXT) throw malformed(path);
  if (!isJsonObject(file['public'])) throw malformed(path);
  return {
    public: file['public'],
    cost,
    salt: bytesOf(salt, path, 16),
    nonce: bytesOf(nonce, path, 12),
    ciphertext,
  };
}

function requireMembers(
  value: JsonValue | undefined,
  names: readonly string[],
  path: string,
): JsonObject {
  if (!isJsonObject(value)) throw malformed(path);
  const found = Object.keys(value);
  if (found.length !== names.length || !names.every((name) => found.includes(name)))
    throw malformed(path);
  return value;
}

function bytesOf(value: JsonValue | undefined, path: string, length?: number): Uint8Array {
  const bytes =
    typeof value === 'string' && value.length <= 2 * MAX_CIPHERTEXT
      ? platform.decodeBase64url(value)
      : undefined;
  if (bytes === undefined || (length !== undefined && bytes.length !== length))
    throw malformed(path);
  return bytes;
}

/** For what is no key file, or not whole. */
export function malformed(path: string, cause?: unknown): KeyStoreError {
  return new KeyStoreError('malformed', `${path} is no key file, or a part of one.`, {
    hint: 'It may have been cut off or edited: restore it from its backup.',
    cause,
  });
}
