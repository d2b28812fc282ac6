import { createPublicKey, randomBytes } from 'node:crypto';
import {
  DescribeKeyCommand,
  GetPublicKeyCommand,
  KMSClient,
  type KMSClientConfig,
  SignCommand,
} from '@aws-sdk/client-kms';
import {
  importPublicKey,
  isPublicKey,
  KeyStoreError,
  type PublicKey,
  requireKnownOptions,
  type Signer,
  TaperError,
  verifyingSigner,
} from '@taper/core';
import { hintFor, nameOf } from './problem.ts';

export interface AwsKmsSignerOptions {
  /** Key ARN, key id, alias ARN or `alias/…`. It is resolved once: what an alias is pointed at later does not sign. */
  readonly keyId: string;
  readonly region: string;
  /** The key that it must be; without it, whatever key the name leads to at the start. */
  readonly publicKey?: PublicKey;
  /** Default: the SDK's chain (environment, profile, container, instance). */
  readonly credentials?: NonNullable<KMSClientConfig['credentials']>;
  /** Default: the endpoint of the region. `https`, or `http` on loopback. */
  readonly endpoint?: string;
  /** Seconds that one signature may take, all attempts together. Default 10. */
  readonly timeout?: number;
  /** How often a request is made while KMS throttles or fails, 1 to 10. Default 3. */
  readonly attempts?: number;
}

/** A {@link Signer} whose key is in AWS KMS. */
export interface AwsKmsSigner extends Signer {
  /** The ARN that the name led to. */
  readonly keyArn: string;
  /** Closes connections. Signing then throws `signing_failed`. */
  close(): void;
}

/** Bytes that KMS signs at once (API reference, Sign). Ed25519 cannot be made from a digest. */
const MAX_MESSAGE = 4096;

const KEY_SPEC = 'ECC_NIST_EDWARDS25519';
const ALGORITHM = 'ED25519_SHA_512';

/**
 * Signs with an Ed25519 key (`ECC_NIST_EDWARDS25519`) in AWS KMS. Every signature is verified before it is released. While KMS cannot
 * be reached, refuses or throttles, signing throws `signing_failed`; nothing else ever signs in its place.
 *
 * It needs `kms:DescribeKey`, `kms:GetPublicKey` and `kms:Sign`. What it signs is at most 4096 bytes long.
 *
 * @throws {KeyStoreError} `device` when KMS does not answer; `key_missing`; `unsupported` for another key spec; `key_misusable` when
 * the key is not enabled, or not for signing; `key_exportable` when its material was imported; `key_mismatch`. TaperError
 * `option_invalid`, and `signing_failed` when the first signature fails.
 */
export async function openAwsKmsSigner(options: AwsKmsSignerOptions): Promise<AwsKmsSigner> {
  const { keyId, region, credentials, endpoint, timeout, attempts } = complete(options);
  const client = new KMSClient({
    region,
    maxAttempts: attempts,
    requestHandler: { connectionTimeout: timeout * 1000, requestTimeout: timeout * 1000 },
    ...(credentials === undefined ? {} : { credentials }),
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  try {
    const keyArn = await resolveKey(client, keyId, timeout);
    const publicKey = await fetchPublicKey(client, keyArn, timeout);
    const expected = options.publicKey ?? publicKey;
    if (expected.thumbprint !== publicKey.thumbprint) {
      throw new KeyStoreError('key_mismatch', `${keyId} leads to another key than expected.`, {
        hint: `Expected is ${expected.thumbprint}, there is ${publicKey.thumbprint}. Find out who changed the alias or the configuration.`,
      });
    }
    let closed = false;
    const signer = verifyingSigner({
      publicKey,
      sign: (input) => {
        if (closed) throw failed('This signer has been closed.', 'Open it anew.');
        return sign(client, keyArn, Buffer.from(input), timeout);
      },
    });
    // Nothing else in Taper begins so: what is signed here says nothing to anybody.
    await signer.sign(Buffer.from(`taper-key-check-v1:${randomBytes(16).toString('hex')}`));
    return Object.freeze({
      publicKey,
      keyArn,
      sign: (input: Uint8Array) => signer.sign(input),
      close: () => {
        closed = true;
        client.destroy();
      },
    });
  } catch (cause) {
    client.destroy();
    throw cause;
  }
}

async function resolveKey(client: KMSClient, keyId: string, timeout: number): Promise<string> {
  const found = await open(keyId, () =>
    client.send(new DescribeKeyCommand({ KeyId: keyId }), within(timeout)),
  );
  const key = found.KeyMetadata;
  if (key?.Arn === undefined) throw unanswered(keyId);
  if (key.KeySpec !== KEY_SPEC) {
    throw new KeyStoreError('unsupported', `${keyId} is no key of spec ${KEY_SPEC}.`, {
      hint: `Make one: aws kms create-key --key-spec ${KEY_SPEC} --key-usage SIGN_VERIFY`,
    });
  }
  if (key.KeyUsage !== 'SIGN_VERIFY' || key.KeyState !== 'Enabled') {
    throw new KeyStoreError('key_misusable', `${keyId} is not enabled, or not for signing.`, {
      hint: 'Enable it in KMS, or name another key.',
    });
  }
  if (key.Origin !== 'AWS_KMS' && key.Origin !== 'AWS_CLOUDHSM') {
    throw new KeyStoreError('key_exportable', `The material of ${keyId} was imported.`, {
      hint: 'It has been outside of KMS. Make a key whose origin is AWS_KMS.',
    });
  }
  return key.Arn;
}

async function fetchPublicKey(
  client: KMSClient,
  keyArn: string,
  timeout: number,
): Promise<PublicKey> {
  const found = await open(keyArn, () =>
    client.send(new GetPublicKeyCommand({ KeyId: keyArn }), within(timeout)),
  );
  if (found.KeyId !== keyArn || found.KeySpec !== KEY_SPEC || found.PublicKey === undefined)
    throw unanswered(keyArn);
  try {
    const key = Buffer.from(found.PublicKey);
    const object = createPublicKey({ key, format: 'der', type: 'spki' });
    return importPublicKey(object.export({ format: 'jwk' }));
  } catch {
    throw unanswered(keyArn);
  }
}

async function sign(
  client: KMSClient,
  keyArn: string,
  message: Uint8Array,
  timeout: number,
): Promise<Uint8Array> {
  if (message.length > MAX_MESSAGE) {
    throw failed(
      `AWS KMS signs at most ${MAX_MESSAGE} bytes, and this is ${message.length}.`,
      'Make tokens smaller (fewer tools in a grant), or keep the key in a file or a PKCS#11 token.',
    );
  }
  let answer: Awaited<ReturnType<typeof request>>;
  const request = () =>
    client.send(
      new SignCommand({
        KeyId: keyArn,
        Message: message,
        MessageType: 'RAW',
        SigningAlgorithm: ALGORITHM,
      }),
      within(timeout),
    );
  try {
    answer = await request();
  } catch (cause) {
    // The SDK's error is not passed on: by way of the request it leads to credentials.
    throw failed(`AWS KMS did not sign (${nameOf(cause)}).`, hintFor(cause));
  }
  const { KeyId: usedKey, SigningAlgorithm: usedAlgorithm, Signature: signature } = answer;
  if (usedKey !== keyArn || usedAlgorithm !== ALGORITHM || signature === undefined) {
    throw failed(
      'AWS KMS signed with another key or algorithm than it was asked for; nothing is released.',
      'Check the endpoint, and whatever stands between it and this process.',
    );
  }
  return signature;
}

async function open<Answer>(keyId: string, request: () => Promise<Answer>): Promise<Answer> {
  try {
    return await request();
  } catch (cause) {
    const name = nameOf(cause);
    throw new KeyStoreError(
      name === 'NotFoundException' ? 'key_missing' : 'device',
      `AWS KMS does not give the key ${keyId} (${name}).`,
      { hint: hintFor(cause) },
    );
  }
}

function within(seconds: number): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(seconds * 1000) };
}

function complete(
  options: AwsKmsSignerOptions,
): AwsKmsSignerOptions & { readonly timeout: number; readonly attempts: number } {
  requireKnownOptions(options, [
    'keyId',
    'region',
    'publicKey',
    'credentials',
    'endpoint',
    'timeout',
    'attempts',
  ]);
  const { keyId, region, publicKey, endpoint, timeout = 10, attempts = 3 } = options;
  if (typeof keyId !== 'string' || keyId === '') throw invalid('keyId', 'The ARN of the key.');
  if (typeof region !== 'string' || region === '') throw invalid('region', 'Such as eu-central-1.');
  if (publicKey !== undefined && !isPublicKey(publicKey))
    throw invalid('publicKey', 'Make it with importPublicKey.');
  if (!(timeout > 0 && timeout <= 3600)) throw invalid('timeout', 'Seconds, up to 3600.');
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > 10)
    throw invalid('attempts', 'A whole number from 1 to 10.');
  if (endpoint !== undefined) requireSafeEndpoint(endpoint);
  return { ...options, timeout, attempts };
}

function requireSafeEndpoint(endpoint: string): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const isLocal = ['127.0.0.1', '[::1]', 'localhost'].includes(url?.hostname ?? '');
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)) return;
  throw invalid('endpoint', 'An https URL, or an http URL on loopback.');
}

function unanswered(keyId: string): KeyStoreError {
  return new KeyStoreError('device', `What AWS KMS says of ${keyId} cannot be used.`, {
    hint: 'Check the endpoint, and whatever stands between it and this process.',
  });
}

function invalid(option: string, hint: string): TaperError {
  return new TaperError('option_invalid', `The option \`${option}\` is not what it must be.`, {
    hint,
  });
}

function failed(message: string, hint: string): TaperError {
  return new TaperError('signing_failed', message, { hint });
}
