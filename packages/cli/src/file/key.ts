import {
  createSigner,
  importPublicKey,
  isWellKnownTestKey,
  type JsonObject,
  type PublicKey,
  type Signer,
  TaperError,
} from '@taper/core';
import { Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import { shellQuote } from '../text/shell.ts';
import { isObject, kindOf, parseJsonInput } from './json.ts';
import { type InputText, readInput } from './read.ts';

/** Members of a JWK that must not leave the file they are in (RFC 7518 section 6, RFC 8037, AKP keys). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'] as const;

/** Whether a JWK carries private or secret members. */
export function isPrivateJwk(jwk: JsonObject): boolean {
  return PRIVATE_MEMBERS.some((name) => Object.hasOwn(jwk, name));
}

/**
 * Reads a private key for signing.
 * @throws {Failure} `key_permissions` when others may read the file, `key_public` when it holds the public half only,
 * `key_invalid`, `key_weak`, and as `readInput` and `parseJsonInput`.
 */
export async function readSigner(path: string, option: string, session: Session): Promise<Signer> {
  const input = await readInput(path, option, session);
  const jwk = parseJwk(input);
  if (!isPrivateJwk(jwk)) {
    throw new Failure('key_public', `${input.source} holds a public key, which cannot sign`, {
      file: input.source,
      field: option,
      hint: 'Give the file that `taper key new --out FILE` made.',
    });
  }
  refuseOpenFile(path, input);
  try {
    return createSigner(jwk);
  } catch (cause) {
    throw keyFailure(input.source, cause);
  }
}

/**
 * Reads a public key that a token is to be bound to.
 * @throws {Failure} `key_private` when the file holds a private key; `key_invalid`, `key_weak`, and as `readInput`.
 */
export async function readHolder(
  path: string,
  option: string,
  session: Session,
): Promise<PublicKey> {
  const input = await readInput(path, option, session);
  return importJwk(parseJwk(input), input.source, path);
}

/** The public half of either kind of key file. @throws as {@link readSigner} and {@link readHolder}. */
export async function readPublicHalf(path: string, session: Session): Promise<PublicKey> {
  const input = await readInput(path, 'key file', session);
  const jwk = parseJwk(input);
  if (!isPrivateJwk(jwk)) return importJwk(jwk, input.source, path);
  refuseOpenFile(path, input);
  try {
    return createSigner(jwk).publicKey;
  } catch (cause) {
    throw keyFailure(input.source, cause);
  }
}

/** Imports a public JWK that stands in a file. @throws {Failure} `key_private`, `key_invalid`, `key_weak`. */
export function importJwk(jwk: JsonObject, source: string, path?: string): PublicKey {
  if (isPrivateJwk(jwk)) {
    throw new Failure('key_private', `${source} holds a private key where a public one belongs`, {
      file: source,
      hint: 'Give the public half, which this prints:',
      command: `taper key show ${path === undefined || path === '-' ? 'FILE' : shellQuote(path)}`,
    });
  }
  try {
    return importPublicKey(jwk);
  } catch (cause) {
    throw keyFailure(source, cause);
  }
}

/** What `taper key show` prints and every command reads: the required members, and the thumbprint as `kid`. */
export function publicDocument(key: PublicKey): JsonObject {
  return { ...key.jwk, kid: key.thumbprint };
}

/**
 * Refuses keys whose private half has been published.
 * @throws {Failure} `key_well_known`, unless they are allowed.
 */
export function refuseTestKey(key: PublicKey, role: string, allowed: boolean | undefined): void {
  if (allowed === true || !isWellKnownTestKey(key)) return;
  throw new Failure('key_well_known', `${role} is a test key whose private half is published`, {
    field: role,
    hint: 'Anybody can sign with it. Make one with `taper key new`, or say --allow-test-keys if this is a test.',
  });
}

function parseJwk(input: InputText): JsonObject {
  const value = parseJsonInput(input);
  if (isObject(value)) return value;
  throw new Failure('key_invalid', `${input.source} is no key: it is ${kindOf(value)}`, {
    file: input.source,
    hint: 'A key file is one JWK: {"kty": "OKP", "crv": "Ed25519", "x": "…"}.',
  });
}

function refuseOpenFile(path: string, { mode, source }: InputText): void {
  if (mode === undefined || (mode & 0o077) === 0) return;
  const bits = mode.toString(8).padStart(4, '0');
  throw new Failure(
    'key_permissions',
    `${source} can be read or changed by others than you (mode ${bits})`,
    {
      file: source,
      hint: 'A private key must be for its owner alone. If others may have read it, make a new one. Else:',
      command: `chmod 600 ${shellQuote(path)}`,
    },
  );
}

function keyFailure(source: string, cause: unknown): Failure {
  if (!(cause instanceof TaperError)) throw cause;
  const code = cause.code === 'key_weak' ? 'key_weak' : 'key_invalid';
  return new Failure(code, `${source}: ${cause.message}`, {
    file: source,
    hint: cause.hint,
  });
}
