import { writeSync } from 'node:fs';
import type { Denial } from '@taper/core';
import type { Attempt } from './attack.ts';
import { AUDIENCE, type Family } from './family.ts';

/** Bytes held back before they are written. */
const CHUNK = 1 << 20;

/** What Taper made of an attempt: nothing to object, or the denial; its code also tells of an exception. */
export type Verdict = (Pick<Denial, 'hop' | 'step'> & { readonly code: string }) | undefined;

/** Takes down what was judged and what came of it, for verifiers in other languages. */
export interface Emitter {
  family: (family: Family, number: number) => void;
  /** `id` is `FAMILY.MUTATION`, as `--replay` takes it. */
  attempt: (family: Family, id: string, operator: string, attempt: Attempt, got: Verdict) => void;
  close: () => void;
}

/**
 * JSON lines to an open file. A family begins with a line of what its verifier trusts; each attempt follows in a line of
 * its own. A token that has stood in the family before is its number, counted from 0 in the order of first appearance.
 */
export function createEmitter(file: number): Emitter {
  let known = new Map<string, number>();
  let held = '';
  const write = (record: object): void => {
    held += `${JSON.stringify(record)}\n`;
    if (held.length > CHUNK) flush();
  };
  const flush = (): void => {
    const bytes = Buffer.from(held);
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    held = '';
  };
  const numberOf = (token: string): number | string => {
    const number = known.get(token);
    if (number === undefined) known.set(token, known.size);
    return number ?? token;
  };
  return {
    family: ({ anchors, profile }, number) => {
      known = new Map();
      const trust = anchors.map(({ issuer, key }) => ({ iss: issuer, jwk: key.publicKey.jwk }));
      write({ family: number, anchors: trust, audience: AUDIENCE, profile: profile ?? null });
    },
    attempt: (family, id, operator, { chain, invocation, now = family.now }, got) => {
      write({
        id,
        operator,
        now,
        chain: chain.map(numberOf),
        ...(invocation && { call: callOf(invocation) }),
        expected: {
          verdict: got === undefined ? 'PERMIT' : 'DENY',
          code: got?.code ?? null,
          step: got?.step ?? null,
          hop: got?.hop ?? null,
        },
      });
    },
    close: flush,
  };
}

function callOf({ tool, args, proof }: NonNullable<Attempt['invocation']>): object {
  return { tool, args_json: typeof args === 'string' ? args : JSON.stringify(args), pop: proof };
}
