import { TaperError } from '@taper/core';
import type { PolicyEngine } from '../port/policy-engine.ts';
import type { LoadedPolicy, LoadedPolicyEngine } from './loaded-engine.ts';

export interface PolicySetOptions {
  /** Makes an engine of everything that is to be in force, or throws. It must read all it needs before it returns. */
  readonly load: () => LoadedPolicyEngine | Promise<LoadedPolicyEngine>;
  /**
   * Whether policies may take the place of those in force. Here a roll-back can be refused: versions are hashes, which have
   * no order, so only the deployment knows which of two is the newer. Default: they may.
   */
  readonly admit?: (next: LoadedPolicy, current: LoadedPolicy) => boolean | Promise<boolean>;
  /** Is told of every `reload`, for logs and alarms. What it throws is ignored. */
  readonly onReload?: (outcome: ReloadOutcome) => void;
}

/** `kept`: the policies that were in force still are. */
export type ReloadOutcome =
  | { readonly outcome: 'replaced'; readonly policy: LoadedPolicy; readonly replaced: LoadedPolicy }
  | { readonly outcome: 'kept'; readonly policy: LoadedPolicy; readonly error: TaperError };

/** Policies that can be replaced while calls are judged. */
export interface PolicySet extends PolicyEngine {
  /** What is in force. */
  readonly policy: LoadedPolicy;
  /**
   * Loads anew. What is in force changes in one step, once everything has been read, checked and admitted: a call is judged by the
   * old set or the new one, whole. Never rejects. Reloads run one after the other.
   */
  reload(): Promise<ReloadOutcome>;
}

/**
 * Loads a policy set: whole, or not at all.
 *
 * @throws {TaperError} `policy_invalid` (a `PolicyLoadError`, with file and line) when it is broken. Do not start without it.
 */
export async function createPolicySet(options: PolicySetOptions): Promise<PolicySet> {
  if (typeof options.load !== 'function')
    throw new TaperError('option_invalid', '`load` must be a function that gives a policy engine.');
  const { load, admit, onReload } = options;
  let current = await loadWhole(load);
  let last: Promise<unknown> = Promise.resolve();

  const replace = async (): Promise<ReloadOutcome> => {
    const replaced = current.policy;
    try {
      const next = await loadWhole(load);
      if (admit !== undefined && (await admit(next.policy, replaced)) !== true) {
        throw new TaperError('refused', `Version ${next.policy.version} was not admitted.`, {
          hint: 'The policies on disk are not those that should be in force; an older copy may have come back.',
        });
      }
      current = next;
      return { outcome: 'replaced', policy: next.policy, replaced };
    } catch (error) {
      return { outcome: 'kept', policy: replaced, error: asTaperError(error) };
    }
  };

  return {
    get policy() {
      return current.policy;
    },
    decide: (input) => current.decide(input),
    reload() {
      const reloaded = last.then(replace).then((outcome) => {
        try {
          onReload?.(outcome);
        } catch {
          // A listener that fails does not undo what has happened.
        }
        return outcome;
      });
      last = reloaded;
      return reloaded;
    },
  };
}

async function loadWhole(load: PolicySetOptions['load']): Promise<LoadedPolicyEngine> {
  let engine: LoadedPolicyEngine;
  try {
    engine = await load();
  } catch (error) {
    throw asTaperError(error);
  }
  const { id, version } = engine?.policy ?? {};
  if (typeof engine?.decide !== 'function' || typeof id !== 'string' || typeof version !== 'string')
    throw new TaperError('policy_invalid', '`load` gave no policy engine.', {
      hint: 'Return what `createCedarEngine`, `loadCedarEngine` or `loadOpaBundle` gives.',
    });
  return engine;
}

function asTaperError(error: unknown): TaperError {
  if (error instanceof TaperError) return error;
  return new TaperError('policy_invalid', 'The policies could not be loaded.', { cause: error });
}
