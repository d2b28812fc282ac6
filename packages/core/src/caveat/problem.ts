import type { CapabilityProblem } from '../capability.ts';
import { isProblem } from '../denial.ts';
import type { JsonObject } from '../json.ts';
import type { CaveatsInit } from './caveats.ts';
import { readCaveats } from './shape.ts';

/**
 * Why caveats cannot stand in a token, or `undefined` where they can (spec/profile.md section 3): for whoever keeps them before there
 * is a token.
 */
export function caveatsProblem(caveats: CaveatsInit): CapabilityProblem | undefined {
  const object = { taper: caveats as unknown as JsonObject };
  const read = readCaveats({ object, numbers: undefined }, true, true);
  return read !== undefined && isProblem(read) ? { code: read.code, facts: read.facts } : undefined;
}
