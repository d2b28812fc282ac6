import type { JsonObject } from '@taper/core';
import { expect } from 'vitest';
import { AuthorityRefusal } from '../src/refusal.ts';

/** Code and facts of what is thrown. */
export async function refusal(
  work: () => unknown,
): Promise<{ readonly code: string; readonly facts: JsonObject }> {
  try {
    await work();
  } catch (error) {
    if (error instanceof AuthorityRefusal) return { code: error.refusal, facts: error.facts };
    throw error;
  }
  return expect.unreachable('nothing was refused');
}
