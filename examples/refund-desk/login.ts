import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerQuestions } from './processes.ts';

// The shop's login, an OpenID Connect issuer of which we need two things: its keys, and the ID token of somebody who has signed in.
// It was there long before there were agents, and knows nothing of them.

export interface SignIn {
  readonly user: string;
  /** What the user may do, as the shop's administrators have set it. */
  readonly scope: string;
  /** Whom the ID token is for. */
  readonly audience: string;
}

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const kid = randomUUID();
let issuer = '';

answerQuestions({
  async listen(): Promise<string> {
    const jwks = {
      keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }],
    };
    const server = createServer(({ url }, response) => {
      if (url !== '/jwks') response.statusCode = 404;
      response.setHeader('Content-Type', 'application/jwk-set+json');
      response.end(url === '/jwks' ? JSON.stringify(jwks) : '{}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return issuer;
  },

  /** What comes out when somebody has signed in with a browser: an ID token for half an hour. */
  signIn({ user, scope, audience }: SignIn): string {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer,
      sub: user,
      aud: audience,
      scope,
      iat: now,
      exp: now + 1800,
      nonce: randomUUID(),
    };
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const input = `${encode({ alg: 'ES256', typ: 'JWT', kid })}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(input), {
      key: privateKey,
      dsaEncoding: 'ieee-p1363',
    });
    return `${input}.${signature.toString('base64url')}`;
  },
});
