import type { DenialCode } from '@taper/core';
import { type Presented, present, type Vector } from '@taper/testkit';

/** What arrived where a presentation belongs, and the nearest to it that is permitted. */
export interface PresentationCase {
  readonly id: string;
  /** `null` for a rule that the draft has no step for. */
  readonly step: string | null;
  readonly code: DenialCode;
  readonly policy?: Vector['policy'];
  readonly refuses: string;
  readonly denied: string | null;
  readonly accepts: string;
  readonly permitted: string;
}

/** The call of every case here. */
export const PRESENTED: Presented = present();

const { chain, pop } = PRESENTED;
const whole = JSON.stringify({ aat_chain: chain, aat_pop: pop });
const malformed = {
  step: '1',
  code: 'presentation_malformed',
  accepts: 'accepts the presentation without the fault',
  permitted: whole,
} as const;

export const PRESENTATION: readonly PresentationCase[] = [
  {
    id: '1.no-presentation',
    step: '1',
    code: 'presentation_missing',
    refuses: 'refuses a call without a presentation',
    denied: null,
    accepts: 'accepts the call with one',
    permitted: whole,
  },
  {
    ...malformed,
    id: '1.chain-text',
    refuses: 'refuses a chain that is one string (D16)',
    denied: JSON.stringify({ aat_chain: chain.join(','), aat_pop: pop }),
  },
  {
    ...malformed,
    id: '1.chain-null',
    refuses: 'refuses a chain that is null (D16)',
    denied: JSON.stringify({ aat_chain: null, aat_pop: pop }),
  },
  {
    ...malformed,
    id: '1.token-object',
    refuses: 'refuses a token that is no string (B10)',
    denied: JSON.stringify({ aat_chain: [{ jws: chain[0] }, chain[1]], aat_pop: pop }),
  },
  {
    ...malformed,
    id: '1.duplicate-member',
    refuses: 'refuses a presentation that names its chain twice (C04)',
    denied: whole.replace('{', '{"aat_chain":[],'),
    accepts: 'accepts a member that nobody knows',
    permitted: whole.replace('{', '{"trace":"x",'),
  },
  {
    ...malformed,
    id: '1.array',
    refuses: 'refuses a presentation that is an array',
    denied: JSON.stringify([chain, pop]),
  },
  {
    ...malformed,
    id: '1.proof-array',
    refuses: 'refuses a list of proofs',
    denied: JSON.stringify({ aat_chain: chain, aat_pop: [pop] }),
  },
  {
    id: '7.no-proof',
    step: '7',
    code: 'proof_missing',
    refuses: 'refuses a chain without a proof',
    denied: JSON.stringify({ aat_chain: chain }),
    accepts: 'accepts the chain with its proof',
    permitted: whole,
  },
];
