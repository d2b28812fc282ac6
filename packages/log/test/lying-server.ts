import { type Served, serveHere } from './served.ts';

/** What a lie makes of a request: an answer, `hang` for none ever, or `undefined` for the truth. */
export type Lie = (path: string) => Response | 'hang' | undefined;

/** A log server on a socket that answers as its script says. */
export interface LyingServer extends Served {
  /** What it serves when it does not lie; may be exchanged for another log at any time. */
  files: ReadonlyMap<string, Uint8Array>;
  /** Bytes in place of those of a path; `undefined`: not there. */
  swap(path: string, bytes: Uint8Array | string | undefined): void;
  /** Everything goes by this first. */
  lie: Lie | undefined;
  /** Tells the truth again. */
  repent(): void;
  /** Paths that were asked for. */
  readonly asked: string[];
}

/** Starts a server that serves these files, until it is told to lie. */
export async function lyingServer(files: ReadonlyMap<string, Uint8Array>): Promise<LyingServer> {
  const swapped = new Map<string, Uint8Array | string | undefined>();
  const hanging: (() => void)[] = [];
  const asked: string[] = [];
  const served = await serveHere(async (request) => {
    const path = new URL(request.url).pathname.slice(1);
    asked.push(path);
    const lie = server.lie?.(path);
    if (lie === 'hang') await new Promise<void>((resolve) => hanging.push(resolve));
    else if (lie !== undefined) return lie;
    const bytes = swapped.has(path) ? swapped.get(path) : server.files.get(path);
    if (bytes === undefined) return new Response('not found\n', { status: 404 });
    return new Response(typeof bytes === 'string' ? bytes : new Uint8Array(bytes));
  });
  const server: LyingServer = {
    url: served.url,
    files,
    lie: undefined,
    asked,
    swap: (path, bytes) => void swapped.set(path, bytes),
    repent() {
      swapped.clear();
      server.lie = undefined;
    },
    async close() {
      for (const resolve of hanging.splice(0)) resolve();
      await served.close();
    },
  };
  return server;
}
