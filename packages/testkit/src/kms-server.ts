import { generateKeyPairSync, type KeyObject, randomUUID, sign as signBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A key as the service knows it. */
export interface ServedKey {
  readonly arn: string;
  privateKey: KeyObject;
  readonly publicKey: KeyObject;
  spec: string;
  state: string;
  usage: string;
  origin: string;
}

type Answer = { readonly status: number; readonly body: Record<string, unknown> };
type Request = Record<string, string>;

/**
 * What the API reference of AWS KMS says of DescribeKey, GetPublicKey and Sign over its JSON protocol (AWS JSON 1.1), on a real
 * socket, with real Ed25519 keys. Whether AWS answers so has to be seen at AWS.
 */
export class KmsServer {
  readonly keys: Map<string, ServedKey> = new Map();
  readonly aliases: Map<string, string> = new Map();
  /** Operations that were asked for, in order. */
  readonly requests: { operation: string; body: Request; authorization: string }[] = [];
  /** What is answered in place of the service's own answer, while it is set. */
  override: ((operation: string, own: () => Answer) => Answer | 'hang' | 'cut') | undefined;
  #server: Server | undefined;
  #port = 0;

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  addKey(changes: Partial<ServedKey> = {}): ServedKey {
    const arn = `arn:aws:kms:eu-central-1:111122223333:key/${randomUUID()}`;
    const key: ServedKey = {
      arn,
      ...generateKeyPairSync('ed25519'),
      spec: 'ECC_NIST_EDWARDS25519',
      state: 'Enabled',
      usage: 'SIGN_VERIFY',
      origin: 'AWS_KMS',
      ...changes,
    };
    this.keys.set(arn, key);
    return key;
  }

  /** Starts, or starts again at the same address. */
  async start(): Promise<void> {
    const server = createServer((request, response) => {
      void this.#answer(request).then((answer) => {
        if (answer === 'hang') return;
        if (answer === 'cut') {
          request.socket.destroy();
          return;
        }
        response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' });
        response.end(JSON.stringify(answer.body));
      });
    });
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(0) : server.close(resolve)));
  }

  async #answer(request: IncomingMessage): Promise<Answer | 'hang' | 'cut'> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Request;
    const operation = String(request.headers['x-amz-target']).replace('TrentService.', '');
    const authorization = String(request.headers.authorization);
    this.requests.push({ operation, body, authorization });
    if (!authorization.startsWith('AWS4-HMAC-SHA256 '))
      return error('MissingAuthenticationTokenException');
    const own = () => this.#serve(operation, body);
    return this.override === undefined ? own() : this.override(operation, own);
  }

  #serve(operation: string, body: Request): Answer {
    const name = body['KeyId'] ?? '';
    const key = this.keys.get(this.aliases.get(name) ?? name);
    if (key === undefined) return error('NotFoundException');
    const { arn: KeyId, spec: KeySpec, usage: KeyUsage } = key;
    const SigningAlgorithms = ['ED25519_SHA_512', 'ED25519_PH_SHA_512'];
    switch (operation) {
      case 'DescribeKey':
        return {
          status: 200,
          body: {
            KeyMetadata: {
              KeyId: KeyId.slice(-36),
              Arn: KeyId,
              KeySpec,
              KeyUsage,
              KeyState: key.state,
              Origin: key.origin,
              KeyManager: 'CUSTOMER',
              SigningAlgorithms,
            },
          },
        };
      case 'GetPublicKey': {
        const PublicKey = key.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
        return { status: 200, body: { KeyId, KeySpec, KeyUsage, PublicKey, SigningAlgorithms } };
      }
      case 'Sign': {
        if (key.state === 'Disabled') return error('DisabledException');
        if (key.state !== 'Enabled') return error('KMSInvalidStateException');
        const message = Buffer.from(body['Message'] ?? '', 'base64');
        const SigningAlgorithm = body['SigningAlgorithm'];
        if (message.length < 1 || message.length > 4096) return error('ValidationException');
        if (SigningAlgorithm !== 'ED25519_SHA_512' || body['MessageType'] !== 'RAW')
          return error('ValidationException');
        const Signature = signBytes(null, message, key.privateKey).toString('base64');
        return { status: 200, body: { KeyId, Signature, SigningAlgorithm } };
      }
      default:
        return error('UnknownOperationException');
    }
  }
}

export function error(type: string, status = 400): Answer {
  return { status, body: { __type: type, message: `${type} was made up` } };
}
