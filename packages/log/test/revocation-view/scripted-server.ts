import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ScriptedLog } from './scripted-log.ts';

/** What the server answers to one request: JSON, or whatever is written by hand. */
type Answer = object | ((response: ServerResponse) => void);

export interface ScriptedServer {
  readonly url: string;
  /** What is asked for, such as `tail?from=3`. */
  readonly requests: string[];
  /** The checkpoint that is served. Publish to change it. */
  note: string;
  size: number;
  /** Whether connections for pushing are taken. */
  pushes: boolean;
  /** Connections that are being pushed to. */
  readonly connections: Set<ServerResponse>;
  /** Stands in for the honest answer, where it is set. */
  tail: ((from: number) => Answer) | undefined;
  snapshot: Answer | undefined;
  /** Signs and serves a checkpoint of the log as it is now, without pushing it. */
  publish(): Promise<string>;
  /** Pushes as the service does. */
  pushEntries(from?: number, entries?: readonly string[]): void;
  pushNote(note?: string): void;
  /** Pushes any bytes. */
  push(bytes: string): void;
  /** Drops every pushing connection. */
  cut(): void;
  close(): Promise<void>;
}

/** A revocation service on a real socket, which does what it is told to. Honest unless told otherwise. */
export async function startServer(log: ScriptedLog): Promise<ScriptedServer> {
  let pushed = 0;
  const answer = (response: ServerResponse, given: Answer, status = 200): void => {
    if (typeof given === 'function') {
      given(response);
      return;
    }
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(given));
  };
  const server = createServer((request: IncomingMessage, response) => {
    const url = new URL(request.url ?? '', 'http://localhost');
    const name = url.pathname.replace(/.*\//, '');
    const from = Number(url.searchParams.get('from'));
    scripted.requests.push(`${name}${url.search}`);
    if (name === 'tail') {
      if (scripted.tail !== undefined) return answer(response, scripted.tail(from));
      if (scripted.note === '') return answer(response, { code: 'log_unavailable' }, 503);
      if (from > scripted.size)
        return answer(response, { code: 'tail_ahead', checkpoint: scripted.note }, 409);
      const entries = log.entries.slice(from, Math.min(scripted.size, from + 1_000));
      const more = from + entries.length < scripted.size;
      return answer(response, { from, entries, checkpoint: scripted.note, more });
    }
    if (name === 'events' && scripted.pushes) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(': hello\n\n');
      scripted.connections.add(response);
      response.on('close', () => scripted.connections.delete(response));
      return;
    }
    if (name === 'snapshot' && scripted.snapshot !== undefined)
      return answer(response, scripted.snapshot);
    answer(response, { code: 'not_found' }, 404);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const { port } = server.address() as AddressInfo;

  const scripted: ScriptedServer = {
    url: `http://127.0.0.1:${port}/revocation`,
    requests: [],
    note: '',
    size: 0,
    pushes: true,
    connections: new Set(),
    tail: undefined,
    snapshot: undefined,
    async publish() {
      const size = log.entries.length;
      scripted.note = await log.note({ size });
      scripted.size = size;
      return scripted.note;
    },
    pushEntries(from = pushed, entries = log.entries.slice(from)) {
      pushed = log.entries.length;
      scripted.push(
        `event: entries\nid: ${from + entries.length}\ndata: ${JSON.stringify({ from, entries })}\n\n`,
      );
    },
    pushNote(note = scripted.note) {
      scripted.push(`event: checkpoint\ndata: ${JSON.stringify({ checkpoint: note })}\n\n`);
    },
    push(bytes) {
      for (const connection of scripted.connections) connection.write(bytes);
    },
    cut() {
      for (const connection of scripted.connections) connection.destroy();
    },
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
  return scripted;
}
