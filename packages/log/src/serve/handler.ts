import { TaperError } from '@taper/core';
import { COMMON, checkpointAnswer, refusal } from '../http/answer.ts';
import type { TileSource } from '../port/tile-store.ts';
import { parseTilePath, TILE_WIDTH, tilePath } from '../tile/path.ts';

export interface LogHandlerOptions {
  /** Where tiles and entry bundles are read. */
  readonly tiles: TileSource;
  /** The latest published checkpoint, signed; `undefined` while there is none. */
  readonly checkpoint: () => string | undefined | Promise<string | undefined>;
  /** Path under which the log is mounted, without a slash at its end. Default: none. */
  readonly prefix?: string;
  /** Is told why a request was answered 500. What it throws is ignored. */
  readonly onFailure?: (cause: unknown) => void;
}

/** Tiles never change. */
const IMMUTABLE = 'public, max-age=31536000, immutable';

/** Bytes from which compressing pays. */
const WORTH_COMPRESSING = 1024;

/**
 * Serves a log (C2SP tlog-tiles) as a fetch-style handler: `GET {prefix}/checkpoint`, `{prefix}/tile/<L>/<N>[.p/<W>]` and
 * `{prefix}/tile/entries/<N>[.p/<W>]`, each path in its one form. Anybody may read, from any web page. Entry bundles are
 * compressed for who accepts gzip. Resolves whatever happens, and tells no one what went wrong but `onFailure`.
 */
export function createLogHandler(
  options: LogHandlerOptions,
): (request: Request) => Promise<Response> {
  const { tiles, checkpoint, prefix = '', onFailure } = options;
  if (prefix !== '' && !/^(?:\/[A-Za-z0-9._~-]+)+$/.test(prefix)) {
    throw new TaperError('option_invalid', 'The prefix is a path without a slash at its end.');
  }
  return async (request) => {
    try {
      const { pathname } = new URL(request.url);
      const path = pathname.startsWith(`${prefix}/`) ? pathname.slice(prefix.length + 1) : '';
      const isCheckpoint = path === 'checkpoint';
      if (!isCheckpoint && parseTilePath(path) === undefined) return refusal(404, 'not found');
      if (request.method === 'OPTIONS') return preflight();
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return refusal(405, 'method not allowed', { Allow: 'GET, HEAD' });
      if (isCheckpoint) {
        const note = await checkpoint();
        return note === undefined ? refusal(404, 'no checkpoint yet') : checkpointAnswer(note);
      }
      const bytes = await readTile(tiles, path);
      return bytes === undefined
        ? refusal(404, 'not found')
        : await tileAnswer(request, path, bytes);
    } catch (cause) {
      try {
        onFailure?.(cause);
      } catch {
        // The answer is the same.
      }
      return refusal(500, 'the log has failed to read it');
    }
  };
}

/** A partial tile may be gone once the full one is there, and is then the beginning of it. */
async function readTile(tiles: TileSource, path: string): Promise<Uint8Array | undefined> {
  const bytes = await tiles.read(path);
  const name = parseTilePath(path);
  if (bytes !== undefined || name === undefined || name.width === TILE_WIDTH) return bytes;
  if (name.level === 'entries') return undefined;
  const full = await tiles.read(tilePath({ ...name, width: TILE_WIDTH }));
  return full?.subarray(0, name.width * (full.length / TILE_WIDTH));
}

async function tileAnswer(request: Request, path: string, bytes: Uint8Array): Promise<Response> {
  const isBundle = path.startsWith('tile/entries/');
  const headers = {
    ...COMMON,
    'Content-Type': 'application/octet-stream',
    'Cache-Control': IMMUTABLE,
    // Hashes do not compress.
    ...(isBundle ? { Vary: 'Accept-Encoding' } : {}),
  };
  const body = new Uint8Array(bytes);
  if (!isBundle || bytes.length < WORTH_COMPRESSING || !acceptsGzip(request))
    return new Response(body, { headers });
  const packed = new Response(body).body?.pipeThrough(new CompressionStream('gzip'));
  const whole = new Uint8Array(await new Response(packed ?? null).arrayBuffer());
  return new Response(whole, { headers: { ...headers, 'Content-Encoding': 'gzip' } });
}

/** Whether `Accept-Encoding` names gzip, and not with weight 0. */
function acceptsGzip(request: Request): boolean {
  const accepted = request.headers.get('accept-encoding') ?? '';
  return accepted.split(',').some((each) => {
    const [coding = '', ...parameters] = each.split(';').map((part) => part.trim().toLowerCase());
    return coding === 'gzip' && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}

function preflight(): Response {
  return new Response(null, {
    status: 204,
    headers: { ...COMMON, 'Access-Control-Allow-Methods': 'GET, HEAD' },
  });
}
