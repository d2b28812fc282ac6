import { RateLimiterMemory } from 'rate-limiter-flexible';

/** Lets each client ask so often and no more often. */
export interface RateLimit {
  /** Seconds to wait; `undefined` when the request may go on. */
  take(client: string): Promise<number | undefined>;
}

/** Seconds over which requests are counted. */
const WINDOW = 10;

/** @param perSecond requests of one client, on average. */
export function createRateLimit(perSecond: number): RateLimit {
  const limiter = new RateLimiterMemory({ points: perSecond * WINDOW, duration: WINDOW });
  return {
    async take(client) {
      try {
        await limiter.consume(client);
        return undefined;
      } catch (refused) {
        const { msBeforeNext } = refused as { readonly msBeforeNext?: number };
        return Math.max(Math.ceil((msBeforeNext ?? 1000) / 1000), 1);
      }
    },
  };
}
