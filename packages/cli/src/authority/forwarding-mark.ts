import { createHmac, timingSafeEqual } from 'node:crypto';
import { platform } from '@taper/core';

/** Header of a request that one node of an authority sends on to the node that writes its log. */
export const FORWARDED = 'taper-forwarded';

/** Seconds by which the time of a mark may differ from ours: it is on its way for less, and clocks of nodes differ by less. */
const TOLERANCE = 30;

/** Bytes of randomness: no mark counts twice. */
const ID = 16;

const DOMAIN = 'taper forwarded request v1';

const MARK =
  /^v1\.(0|[1-9][0-9]{0,12})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{1,256})\.([A-Za-z0-9_-]{43})$/;

/**
 * Says whose request it is that a node sends on, so that the writer counts it as that client's and not as the node's. A mark is an
 * HMAC-SHA-256 with a secret that the nodes share, over receiver, time, method, path and client; it counts at one node, for one request,
 * for half a minute. What is none says nothing: the request is whoever's it came from.
 */
export interface ForwardingMarks {
  /** @param receiver address of the node that gets it, as it advertises it. @param client as the rate limits of nodes call it. */
  make(request: Request, receiver: string, client: string): string;
  /** The client, once for each mark; `undefined` where there is no mark, or none that counts. */
  take(request: Request): string | undefined;
}

export interface ForwardingMarksOptions {
  /** Random bytes that all nodes share. */
  readonly secret: Uint8Array;
  /** Address of this node, as it advertises it. */
  readonly self: string;
  /** Seconds since the epoch. */
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
}

export function createForwardingMarks(options: ForwardingMarksOptions): ForwardingMarks {
  const { secret, self, clock, random } = options;
  /** Identifiers of marks that were taken, with the time from which they do not count anyway; in the order in which they came. */
  const taken = new Map<string, number>();

  function macOf(request: Request, receiver: string, said: readonly string[]): Buffer {
    const { pathname, search } = new URL(request.url);
    const text = [DOMAIN, receiver, request.method, pathname + search, ...said].join('\n');
    return createHmac('sha256', secret).update(text).digest();
  }

  function isFresh(id: string, now: number): boolean {
    for (const [old, end] of taken) {
      if (end >= now) break;
      taken.delete(old);
    }
    return !taken.has(id);
  }

  return Object.freeze<ForwardingMarks>({
    make(request, receiver, client) {
      const said = [
        String(clock()),
        platform.encodeBase64url(random(ID)),
        Buffer.from(client).toString('base64url'),
      ];
      const mac = macOf(request, receiver, said).toString('base64url');
      return ['v1', ...said, mac].join('.');
    },
    take(request) {
      const match = MARK.exec(request.headers.get(FORWARDED) ?? '');
      if (match === null) return undefined;
      const [, time = '', id = '', client = '', text = ''] = match;
      const mac = platform.decodeBase64url(text);
      const own = macOf(request, self, [time, id, client]);
      if (mac?.length !== own.length || !timingSafeEqual(mac, own)) return undefined;
      const now = clock();
      if (Math.abs(Number(time) - now) > TOLERANCE || !isFresh(id, now)) return undefined;
      taken.set(id, Number(time) + TOLERANCE);
      return Buffer.from(client, 'base64url').toString();
    },
  });
}
