import {
  type Agent,
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isJsonObject, type JsonObject, parseJson, TaperError } from '@taper/core';

/** PEM. */
export interface TlsIdentity {
  /** Certificates to trust instead of the system's. */
  readonly ca?: string;
  /** Our own certificate, where the server asks for one. */
  readonly cert?: string;
  readonly key?: string;
}

export interface ConnectionSettings {
  /** `http:` or `https:`; a path in it stands before every path. */
  readonly url: URL;
  readonly token: (() => string | Promise<string>) | undefined;
  readonly tls: TlsIdentity;
  /** Milliseconds from the question to the last byte of the answer, waiting for a connection included. */
  readonly timeout: number;
  /** Bytes. */
  readonly maxResponse: number;
  readonly maxConnections: number;
}

export interface ServerAnswer {
  readonly status: number;
  readonly body: JsonObject;
}

/** Connections to one server, kept open between questions. */
export interface ServerConnection {
  /** @throws {TaperError} `policy_unavailable` when there is no whole answer in time that is a JSON object. */
  ask(method: 'GET' | 'POST', path: string, body?: string): Promise<ServerAnswer>;
  /** Breaks off what is under way. Further questions are refused. */
  close(): void;
}

/** Neither follows redirects nor looks at proxy settings of the environment. */
export function connectTo(settings: ConnectionSettings): ServerConnection {
  const { url, tls, maxConnections } = settings;
  const choices = { keepAlive: true, maxSockets: maxConnections, maxFreeSockets: maxConnections };
  const agent: Agent =
    url.protocol === 'https:' ? new HttpsAgent({ ...choices, ...tls }) : new HttpAgent(choices);
  const underWay = new Set<AbortController>();
  let isClosed = false;

  return {
    async ask(method, path, body) {
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), settings.timeout);
      underWay.add(abort);
      try {
        if (isClosed) throw unavailable('The connection to OPA was closed.');
        return await exchange(settings, agent, { method, path, body, signal: abort.signal });
      } catch (error) {
        if (error instanceof TaperError) throw error;
        if (isClosed) throw unavailable('The connection to OPA was closed.');
        if (abort.signal.aborted)
          throw unavailable(`OPA did not answer within ${settings.timeout} ms.`);
        const { code } = error as { code?: unknown };
        throw unavailable(
          `OPA cannot be reached (${typeof code === 'string' ? code : 'unknown'}).`,
        );
      } finally {
        clearTimeout(timer);
        underWay.delete(abort);
      }
    },
    close() {
      isClosed = true;
      for (const abort of underWay) abort.abort();
      agent.destroy();
    },
  };
}

interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body: string | undefined;
  readonly signal: AbortSignal;
}

async function exchange(
  settings: ConnectionSettings,
  agent: Agent,
  question: Question,
): Promise<ServerAnswer> {
  const authorization = await authorize(settings.token, question.signal);
  const response = await send(settings.url, agent, question, authorization);
  try {
    checkHeaders(response, settings.maxResponse);
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > settings.maxResponse) throw tooLong(settings.maxResponse);
      chunks.push(chunk);
    }
    if (!response.complete) throw unavailable('OPA broke off its answer.');
    return { status: response.statusCode ?? 0, body: readBody(Buffer.concat(chunks)) };
  } catch (error) {
    response.destroy();
    throw error;
  }
}

async function authorize(
  token: ConnectionSettings['token'],
  signal: AbortSignal,
): Promise<Record<string, string>> {
  if (token === undefined) return {};
  const given = token();
  if (typeof given === 'string') return { authorization: `Bearer ${given}` };
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('late')), { once: true });
  });
  let fresh: string;
  try {
    fresh = await Promise.race([given, late]);
  } catch {
    throw unavailable('No token for OPA could be had.');
  }
  return { authorization: `Bearer ${fresh}` };
}

function send(
  url: URL,
  agent: Agent,
  question: Question,
  authorization: Record<string, string>,
): Promise<IncomingMessage> {
  const { method, path, body, signal } = question;
  const options = {
    agent,
    method,
    signal,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? undefined : Number(url.port),
    path: `${url.pathname.replace(/\/$/, '')}${path}`,
    headers: {
      accept: 'application/json',
      ...authorization,
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    },
  };
  return new Promise<IncomingMessage>((resolve, reject) => {
    const request: ClientRequest =
      url.protocol === 'https:' ? httpsRequest(options) : httpRequest(options);
    let isAnswered = false;
    request.on('response', (response) => {
      isAnswered = true;
      resolve(response);
    });
    request.on('upgrade', (_, socket) => {
      socket.destroy();
      reject(unavailable('OPA wants to change the protocol.'));
    });
    request.on('error', (error: Error & { code?: string }) => {
      // The server closed a kept connection just as it was used again. A question changes nothing, so it can be asked anew.
      const isStale =
        !isAnswered && request.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(error.code ?? '');
      if (isStale && !signal.aborted) resolve(send(url, agent, question, authorization));
      else reject(error);
    });
    request.end(body);
  });
}

function checkHeaders({ statusCode = 0, headers }: IncomingMessage, maxResponse: number): void {
  if (statusCode >= 300 && statusCode < 400)
    throw unavailable(
      `OPA's address redirects (status ${statusCode}), which is not followed.`,
      'Give the address of OPA itself.',
    );
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    throw unavailable('OPA answered in an encoding that was not asked for.');
  const type = headers['content-type'] ?? '';
  if (!/^application\/json(?: *; *charset="?utf-8"?)? *$/i.test(type))
    throw unavailable(
      `OPA's address answered something else than JSON (status ${statusCode}).`,
      'Perhaps `url` names another server, or a proxy before it.',
    );
  if (Number(headers['content-length'] ?? 0) > maxResponse) throw tooLong(maxResponse);
}

function readBody(bytes: Uint8Array): JsonObject {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw unavailable('OPA answered with bytes that are no UTF-8.');
  }
  const read = parseJson(text);
  if (!read.ok) throw unavailable(`OPA answered with JSON that is refused: ${read.problem}.`);
  if (!isJsonObject(read.value)) throw unavailable('OPA answered with JSON that is no object.');
  return read.value;
}

function tooLong(limit: number): TaperError {
  return unavailable(
    `OPA's answer is longer than ${limit} bytes.`,
    'Let `path` name the rule that decides, not a package.',
  );
}

/** Without a cause: errors of connections can hold the request, and so the token. */
export function unavailable(message: string, hint?: string): TaperError {
  return new TaperError('policy_unavailable', message, hint === undefined ? {} : { hint });
}
