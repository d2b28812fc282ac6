import { setTimeout as pause } from 'node:timers/promises';
import type { HeldLease, PostgresLease } from './lease.ts';

/** What a node runs while it holds a lease. */
export interface Tenure {
  /** Settles when it cannot go on, so that the lease had better be given up. */
  readonly ended: Promise<unknown>;
  close(): Promise<void>;
}

export interface TenureKeeper {
  /** The lease while it is held here and what runs under it has begun. */
  readonly held: HeldLease | undefined;
  /** Ends what runs, and gives up the lease. */
  close(): Promise<void>;
}

/** Milliseconds before a node tries again that could not begin. */
const RETRY_PAUSE = 500;

/**
 * Waits for a lease, runs what belongs to it until it is lost or ends, and waits for it again, until it is closed.
 * @param begin starts it. What it throws is told to `onFailure`, and the lease is given up for a moment, so that another node can try.
 * @param onFailure is told of everything that failed. What it throws is ignored.
 */
export function keepTenure(
  lease: PostgresLease,
  begin: (held: HeldLease) => Promise<Tenure>,
  onFailure: (cause: unknown) => void = () => {},
): TenureKeeper {
  const closing = new AbortController();
  let current: HeldLease | undefined;

  async function tell(act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (cause) {
      if (closing.signal.aborted) return false;
      try {
        onFailure(cause);
      } catch {
        // Whoever is told has no say.
      }
      return false;
    }
  }

  async function serve(held: HeldLease): Promise<void> {
    const tenure = await begin(held);
    try {
      current = held;
      await Promise.race([aborted(held.ended), aborted(closing.signal), tenure.ended]);
    } finally {
      current = undefined;
      await tenure.close();
    }
  }

  const running = (async () => {
    while (!closing.signal.aborted) {
      const fine = await tell(async () => {
        const held = await lease.acquire(closing.signal);
        try {
          await serve(held);
        } finally {
          await held.release();
        }
      });
      if (!fine)
        await pause(RETRY_PAUSE, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  })();

  return Object.freeze<TenureKeeper>({
    get held() {
      return current;
    },
    async close() {
      closing.abort();
      await running;
    },
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
