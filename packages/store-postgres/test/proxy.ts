import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** What a statement `COMMIT` looks like on the wire: a simple query, its length, its text. */
const COMMIT = Buffer.from('Q\0\0\0\x0bCOMMIT\0');

/** What a server says that gives up: an ErrorResponse, its length, its fields. */
function panic(state: string): Buffer {
  const fields = Buffer.from(`SPANIC\0VPANIC\0C${state}\0Mpanic\0\0`);
  const length = Buffer.alloc(4);
  length.writeInt32BE(fields.length + 4);
  return Buffer.concat([Buffer.from('E'), length, fields]);
}

/** A way to a server that can be cut. */
export interface TestProxy {
  /** The same URL by this way. */
  url(url: string): string;
  /**
   * Cuts the way at the next commit: before the server has heard of it, or behind it, so that only the answer is lost; and for
   * `milliseconds` nobody comes through.
   */
  cutAtCommit(when: 'before' | 'after', milliseconds: number): void;
  /** The same, behind it, where the last that is heard of the server is that it ends with this SQLSTATE. */
  panicAtCommit(state: string, milliseconds: number): void;
  /** Cuts all connections, and lets nobody through until {@link mend}. */
  cut(): void;
  /** Lets nothing through and closes nothing, as a network does that drops packets. */
  freeze(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function openProxy(port: number): Promise<TestProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let plan:
    | { readonly when: 'before' | 'after'; readonly milliseconds: number; readonly says?: Buffer }
    | undefined;
  let open = true;
  let frozen = false;

  const cut = (): void => {
    open = false;
    for (const pair of pairs) for (const each of pair) each.destroy();
  };
  const mend = (): void => {
    open = true;
    frozen = false;
    for (const pair of pairs) for (const each of pair) each.resume();
  };
  const server = createServer((client) => {
    if (!open) {
      client.destroy();
      return;
    }
    const upstream = connect(port, '127.0.0.1');
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [upstream, client] as const]) {
      from.on('error', () => {});
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
      if (frozen) from.pause();
    }
    let muted = false;
    client.on('data', (bytes: Buffer) => {
      const found = plan;
      if (found === undefined || !bytes.includes(COMMIT)) {
        upstream.write(bytes);
        return;
      }
      plan = undefined;
      setTimeout(mend, found.milliseconds).unref();
      if (found.when === 'before') {
        cut();
        return;
      }
      muted = true;
      open = false;
      // The server answers once it has committed; that answer goes no further.
      upstream.once('data', () => {
        if (found.says === undefined) cut();
        else client.write(found.says, cut);
      });
      upstream.write(bytes);
    });
    upstream.on('data', (bytes: Buffer) => {
      if (!muted) client.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port.');
  return {
    url(url) {
      const changed = new URL(url);
      changed.port = String(address.port);
      return changed.href;
    },
    cutAtCommit(when, milliseconds) {
      plan = { when, milliseconds };
    },
    panicAtCommit(state, milliseconds) {
      plan = { when: 'after', milliseconds, says: panic(state) };
    },
    cut,
    freeze() {
      frozen = true;
      for (const pair of pairs) for (const each of pair) each.pause();
    },
    mend,
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
