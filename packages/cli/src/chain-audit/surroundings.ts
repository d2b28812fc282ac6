import type { JsonValue } from '@taper/core';
import type { Failure } from '../failure.ts';
import type { RevocationReach } from './model.ts';

/** What a sample says of a whole chain, where a hop does not say otherwise. */
export interface Surroundings {
  readonly graceSeconds: number | undefined;
  /** What the resource does about revocations, by hop of a chain of so many hops. */
  revocationOf(hop: number, hops: number): RevocationReach;
  /** Refuses the sample, naming the member. */
  refuse(field: string, problem: string): Failure;
}

export function isSeconds(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
