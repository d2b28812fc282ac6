import type { KeyRecord } from '../port/store.ts';
import { isAccepted, unknownAgent } from './agent-key.ts';
import { type AgentRevocation, changeOf, revocationsOf } from './agent-life.ts';
import { type Actor, changeStore, logChange } from './change.ts';
import type { IdentityContext } from './context.ts';
import { successorsOf } from './key-origin.ts';

export interface CompromiseRequest {
  /** RFC 7638 thumbprint of a key of an agent. */
  readonly key: string;
  readonly by: Actor;
  /**
   * Says that the key leaked only after it had been replaced, so that the keys which its holder replaced it by are the holder's. Without it
   * they are marked too: whoever has a key can replace it. Default: false.
   */
  readonly keepSuccessors?: boolean;
}

/** Keys that were marked as compromised, and what has to be revoked so that enforcement points know. */
export interface CompromisedKeys extends AgentRevocation {
  /** Thumbprints: the key that was named, then those that came from it, also where they were marked before. */
  readonly marked: readonly string[];
  /** Thumbprints of keys that are not marked, and are accepted still or came from the one that was named. */
  readonly kept: readonly string[];
}

/**
 * Marks a key as compromised, and with it every key that came by a rotation which it proved, directly or through others: they are not accepted
 * from now on, and what they did is to be revoked whole. Keys that an operator or a workload's token brought in are kept. An agent whose current
 * key is marked has none until the operator rotates it. For keys that are marked it answers the same again.
 * @throws {AuthorityRefusal} `agent_unknown` where no agent has or had the key.
 */
export async function markCompromised(
  context: IdentityContext,
  { key: thumbprint, by, keepSuccessors = false }: CompromiseRequest,
): Promise<CompromisedKeys> {
  const now = context.clock();
  return await changeStore(context.store, async (tx) => {
    const named = await tx.findKey(thumbprint);
    const before = named?.purpose === 'agent' ? await tx.findAgent(named.holder) : undefined;
    if (named === undefined || before === undefined) throw unknownAgent();
    const keys = await tx.listKeys('agent', before.id);
    const successors = await successorsOf(tx, named, keys);
    const chosen = keepSuccessors ? [named] : [named, ...successors];
    const left = keys.filter((key) => !chosen.some((each) => each.thumbprint === key.thumbprint));
    const kept = left.filter(
      (key) => key.state !== 'compromised' && (successors.includes(key) || isAccepted(key, now)),
    );
    const fresh = chosen.filter(({ state }) => state !== 'compromised');
    const versions = fresh.map((_, place) => ({ ...before, version: before.version + place + 1 }));
    // In one go: a thief can have made a thousand keys, and a database may be a millisecond away.
    const marking = fresh.map((key, place) => {
      const agent = versions[place] ?? before;
      return [
        tx.updateAgent(agent),
        tx.updateKey({ ...key, state: 'compromised', endsAt: Math.min(now, key.endsAt ?? now) }),
        logChange(tx, {
          ...changeOf(now, 'key.compromised', agent, by),
          details: {
            key: key.thumbprint,
            ...(key === named ? {} : { successor_of: thumbprint }),
            ...(place === 0 && kept.length > 0 ? { kept: thumbprintsOf(kept) } : {}),
          },
        }),
      ];
    });
    await Promise.all(marking.flat());
    const agent = versions.at(-1) ?? before;
    return {
      agent,
      revocations: revocationsOf(agent, chosen),
      marked: thumbprintsOf(chosen),
      kept: thumbprintsOf(kept),
    };
  });
}

function thumbprintsOf(keys: readonly KeyRecord[]): readonly string[] {
  return keys.map(({ thumbprint }) => thumbprint);
}
