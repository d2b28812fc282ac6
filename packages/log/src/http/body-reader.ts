import { readBody } from './body.ts';

/**
 * Why there is no body: it has more bytes than it may, it did not come in time, or its sender was the slowest of so many that
 * others had to have the place.
 */
export type MissingBody = 'too_long' | 'late' | 'crowded_out';

/** Reads bodies of requests, so many at one time and each within a time. */
export interface BodyReader {
  /** @param most bytes. */
  read(request: Request, most: number): Promise<Uint8Array | MissingBody>;
}

/**
 * @param places bodies that are read at one time. One more takes the place of the one that has taken longest: whoever sends at once
 * is served, however many hold their connections open.
 * @param patience milliseconds that a body may take.
 */
export function createBodyReader(places: number, patience: number): BodyReader {
  const reading = new Set<(why: MissingBody) => void>();
  return {
    async read(request, most) {
      const [slowest] = reading.size >= places ? reading : [];
      slowest?.('crowded_out');
      const over = new AbortController();
      let missing: MissingBody = 'too_long';
      const give = (why: MissingBody): void => {
        missing = why;
        reading.delete(give);
        over.abort();
      };
      reading.add(give);
      const timer = setTimeout(give, patience, 'late');
      try {
        return (await readBody(request, most, over.signal)) ?? missing;
      } finally {
        clearTimeout(timer);
        reading.delete(give);
      }
    },
  };
}
