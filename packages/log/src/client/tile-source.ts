import { TaperError } from '@taper/core';
import type { TileSource } from '../port/tile-store.ts';
import { parseTilePath } from '../tile/path.ts';
import {
  type ExchangeOptions,
  exchange,
  parsePrefix,
  parseTimeout,
  refusedAnswer,
} from './exchange.ts';

export interface HttpTileSourceOptions extends ExchangeOptions {
  /** The log's URL prefix (C2SP tlog-tiles), such as `https://log.example.com/authority`. */
  readonly url: string;
  /** Plain HTTP to other machines, for logs whose every byte is checked anyway. Default false: it shows everybody on the way what is read. */
  readonly allowHttp?: boolean;
}

/** Bytes of a checkpoint (core reads no longer notes). */
const MAX_CHECKPOINT = 1_000_000;

/** 256 hashes of 32 bytes (tlog-tiles). */
const MAX_TILE = 256 * 32;

/** 256 entries of 65,535 bytes with two bytes of length each (tlog-tiles). */
const MAX_BUNDLE = 256 * (2 + 65_535);

/**
 * A log on a server (C2SP tlog-tiles), as a {@link TileSource} that also reads `checkpoint`. What it reads is bounded and in
 * time, and otherwise as the server gave it: a reader or monitor judges it.
 *
 * `read` rejects with `log_unavailable` when there is no answer in time or the server is out of order, with `log_unverified`
 * for an answer that cannot be one, and with `option_invalid` for a path that is none of tlog-tiles.
 *
 * @throws {TaperError} `option_invalid`.
 */
export function createHttpTileSource(options: HttpTileSourceOptions): TileSource {
  const prefix = parsePrefix(options.url, options.allowHttp);
  const timeout = parseTimeout(options.timeout);
  return Object.freeze({
    async read(path: string): Promise<Uint8Array | undefined> {
      const url = `${prefix}/${path}`;
      const { status, bytes } = await exchange(
        url,
        { headers: { accept: path === 'checkpoint' ? 'text/plain' : 'application/octet-stream' } },
        { ...options, timeout, item: path, most: mostOf(path) },
      );
      if (status === 200) return bytes;
      if (status === 404 || status === 410) return undefined;
      throw refusedAnswer(path, status);
    },
  });
}

/** @throws {TaperError} `option_invalid`. */
function mostOf(path: string): number {
  if (path === 'checkpoint') return MAX_CHECKPOINT;
  if (parseTilePath(path) === undefined) {
    throw new TaperError('option_invalid', 'A log has no resource at this path.');
  }
  return path.startsWith('tile/entries/') ? MAX_BUNDLE : MAX_TILE;
}
