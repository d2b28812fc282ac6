import type { JsonObject, VerifiedChain } from '@taper/core';
import type { EnforcementPoint, InitiatorSession } from '@taper/enforce';
import { TENANT } from './ports.ts';
import { ARGS, NOW, received, TOOL, typicalChain, typicalProof } from './scene.ts';
import { openSession } from './session.ts';

const HOPS = 3;
const ARGS_TEXT = JSON.stringify(ARGS);

export interface TrafficOptions {
  readonly callsPerSecond: number;
  /** Calls after which the agents get another chain. */
  readonly callsPerChain: number;
  /** Every second call is made in a session that is opened with the chain. */
  readonly inSessions: boolean;
}

/** Calls as they come in over hours, each with its own proof, and the time at which they do. */
export interface Traffic {
  /** Seconds since the epoch. */
  readonly now: () => number;
  /** Makes so many calls; the last of them is a replay of the first signed one. */
  prepare(point: EnforcementPoint, calls: number): Promise<readonly JsonObject[]>;
}

export function createTraffic(options: TrafficOptions): Traffic {
  const { callsPerSecond, callsPerChain, inSessions } = options;
  let made = 0;
  let chain: VerifiedChain | undefined;
  let session: InitiatorSession | undefined;
  let chainIsFor = 0;
  const now = (): number => NOW + Math.floor(made / callsPerSecond);

  async function renew(point: EnforcementPoint): Promise<VerifiedChain> {
    chainIsFor = made + callsPerChain;
    chain = await typicalChain(HOPS, {
      caveats: { tenant: TENANT, budget: { calls: `${callsPerChain}` } },
      now: now(),
    });
    if (inSessions) session = await openSession(point, chain, now());
    return chain;
  }

  return {
    now,
    async prepare(point, calls) {
      const prepared: JsonObject[] = [];
      for (let index = 0; index < calls - 1; index += 1) {
        const current = chain === undefined || made >= chainIsFor ? await renew(point) : chain;
        made += 1;
        const request =
          session !== undefined && index % 2 === 1
            ? session.request(TOOL, ARGS_TEXT)
            : await typicalProof(current, { now: now() });
        prepared.push(JSON.parse(received(JSON.stringify(request))));
      }
      made += 1;
      const [first = {}] = prepared;
      return [...prepared, first];
    },
  };
}

/** Judges all at the same time, and insists on what becomes of them. Gives what each took, in milliseconds. */
export async function judgeAll(
  point: EnforcementPoint,
  calls: readonly JsonObject[],
): Promise<readonly number[]> {
  return Promise.all(
    calls.map(async (call, index) => {
      const start = performance.now();
      const decision = await point.authorize(call, TOOL, received(ARGS_TEXT));
      const took = performance.now() - start;
      const found = decision.verdict === 'permit' ? 'permit' : decision.denial.code;
      const expected = index === calls.length - 1 ? 'proof_replayed' : 'permit';
      if (found !== expected) throw new Error(`Expected ${expected} and got ${found}.`);
      return took;
    }),
  );
}
