import { type Denial, denial, type VerifiedChain, type VerifiedProof } from '@taper/core';
import type { Permitted } from '../decision.ts';
import type { Settings } from '../options.ts';
import type { Judge } from './judge.ts';

/** Milliseconds between two looks at what runs. */
const INTERVAL = 1_000;

/** A permitted call that is still running. */
interface Running {
  readonly chains: readonly VerifiedChain[];
  readonly proofs: readonly (VerifiedProof | undefined)[];
  readonly evidence: string | undefined;
  readonly stop: (cause: Denial) => void;
  /** It is being looked at; `again`: something happened since. */
  state: 'idle' | 'looking' | 'again';
}

export interface Watch {
  /** Only what was permitted here can be watched. */
  remember(permitted: Permitted, evidence: string | undefined): void;
  over(permitted: Permitted, stop: (cause: Denial) => void): () => void;
}

/** Looks again and again at the chains of calls that run, as they were looked at when the call was let run. */
export function createWatch(judge: Judge, { revocation }: Pick<Settings, 'revocation'>): Watch {
  const permits = new WeakMap<Permitted, string | undefined>();
  const running = new Set<Running>();
  let end: (() => void) | undefined;

  async function look(each: Running): Promise<void> {
    if (each.state !== 'idle') {
      each.state = 'again';
      return;
    }
    each.state = 'looking';
    const cause = await judge
      .lapse(each.chains, each.evidence, each.proofs)
      .catch(() => denial('internal_error'));
    const again = (each.state as Running['state']) === 'again';
    each.state = 'idle';
    if (!running.has(each)) return;
    if (cause !== undefined) finish(each, cause);
    else if (again) await look(each);
  }

  function finish(each: Running, cause: Denial): void {
    forget(each);
    try {
      each.stop(cause);
    } catch {
      // Whoever is called was told not to throw; the others are looked at all the same.
    }
  }

  function forget(each: Running): void {
    running.delete(each);
    if (running.size > 0) return;
    end?.();
    end = undefined;
  }

  const lookAtAll = (): void => {
    for (const each of running) void look(each);
  };

  /** A view that fails at it is asked every second all the same. */
  function subscribe(): (() => void) | undefined {
    try {
      return revocation?.onRevoked?.(lookAtAll);
    } catch {
      return undefined;
    }
  }

  function begin(): () => void {
    const timer = setInterval(lookAtAll, INTERVAL);
    timer.unref();
    const unsubscribe = subscribe();
    return () => {
      clearInterval(timer);
      unsubscribe?.();
    };
  }

  return {
    remember: (permitted, evidence) => void permits.set(permitted, evidence),
    over(permitted, stop) {
      const permitsOf = permits.has(permitted) ? permitted.permits : [];
      const chains = permitsOf.map(({ chain }) => chain);
      const proofs = permitsOf.map(({ proof }) => proof);
      const evidence = permits.get(permitted);
      const each: Running = { chains, proofs, evidence, stop, state: 'idle' };
      running.add(each);
      end ??= begin();
      if (chains.length === 0)
        queueMicrotask(() => running.has(each) && finish(each, denial('internal_error')));
      else void look(each);
      return () => forget(each);
    },
  };
}
