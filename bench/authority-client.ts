import { Agent, request as ask } from 'node:http';
import type { FormRequest } from './authority-requests.ts';

/** What came back over the socket. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  /** `DPoP-Nonce`. */
  readonly nonce: string | undefined;
}

/** Sends forms to the token endpoint of a node, over connections that stay open. */
export interface TokenClient {
  send(request: FormRequest): Promise<Answer>;
  /** A nonce that the authority accepts for five minutes. */
  nonce(): Promise<string>;
  close(): void;
}

/** @param connections that are open at most. */
export function createTokenClient(url: string, connections: number): TokenClient {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const target = `${url}/oauth/token`;
  const send = ({ proof, body }: FormRequest): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = ask(
        target,
        {
          method: 'POST',
          agent,
          headers: {
            DPoP: proof,
            'Content-Type': 'application/x-www-form-urlencoded',
            'Content-Length': Buffer.byteLength(body),
          },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('error', reject);
          response.on('end', () => {
            const nonce = response.headers['dpop-nonce'];
            resolve({
              status: response.statusCode ?? 0,
              text,
              nonce: typeof nonce === 'string' ? nonce : undefined,
            });
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  return {
    send,
    async nonce() {
      const { nonce } = await send({ proof: '', body: 'grant_type=client_credentials' });
      if (nonce === undefined) throw new Error('the authority gives no nonce');
      return nonce;
    },
    close: () => agent.destroy(),
  };
}
