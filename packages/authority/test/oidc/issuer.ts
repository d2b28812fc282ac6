import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { JsonObject, JsonValue } from '@taper/core';
import { TEST_TIME, type TestKey } from '@taper/testkit';
import { onTestFinished } from 'vitest';
import { signJwt } from '../../src/identity/sign-jwt.ts';
import type { TrustedIssuer } from '../../src/oidc/trusted-issuer.ts';

/** A server on loopback, with how often it was asked. It is closed when the test is over. */
export interface TestServer {
  readonly port: number;
  readonly url: string;
  readonly asked: () => number;
  readonly close: () => Promise<void>;
}

export function serve(
  listener: RequestListener,
  tls?: { readonly cert: string; readonly key: string },
): Promise<TestServer> {
  let asked = 0;
  const counted: RequestListener = (request, response) => {
    asked += 1;
    listener(request, response);
  };
  const server: Server = tls === undefined ? createServer(counted) : createTlsServer(tls, counted);
  async function close(): Promise<void> {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
  onTestFinished(close);
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      resolve({ port, url: `http://127.0.0.1:${port}/jwks`, asked: () => asked, close });
    });
  });
}

/** Answers with what `body` says at that time. */
export function json(body: () => unknown): RequestListener {
  return (_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(body()));
  };
}

/** A JWK set of these keys, each under its name. */
export function keySet(...keys: readonly TestKey[]): { keys: JsonObject[] } {
  return { keys: keys.map(({ name, publicKey }) => ({ ...publicKey.jwk, kid: name })) };
}

export const AUDIENCE = 'https://authority.example';

/** An issuer of workloads that the operator wrote down: `ci-desk` becomes the agent `desk` of `acme`. */
export function issuerOf(key: TestKey, change: Partial<TrustedIssuer> = {}): TrustedIssuer {
  return {
    use: 'workload',
    issuer: 'https://ci.example',
    audience: AUDIENCE,
    algorithms: ['Ed25519', 'ES256'],
    jwks: keySet(key),
    bindings: [{ where: { sub: 'ci-desk' }, tenant: 'acme', name: 'desk' }],
    ...change,
  };
}

export const CLAIMS: JsonObject = {
  iss: 'https://ci.example',
  sub: 'ci-desk',
  aud: AUDIENCE,
  iat: TEST_TIME,
  exp: TEST_TIME + 300,
};

/** A token of that issuer; a claim that is `undefined` is left out. */
export function tokenOf(
  key: TestKey,
  claims: Readonly<Record<string, JsonValue | undefined>> = {},
  header: JsonObject = {},
): Promise<string> {
  const all = Object.entries({ ...CLAIMS, ...claims }).filter(([, value]) => value !== undefined);
  return signJwt({ kid: key.name, ...header }, Object.fromEntries(all) as JsonObject, key.signer);
}
