import { DENIALS, type JsonObject } from '@taper/core';
import {
  CAST,
  type PresentationVector,
  present,
  type Scenario,
  TEST_TIME,
  type Vector,
  type VectorSuite,
} from '@taper/testkit';
import type { Case, Permitted } from './case.ts';
import { CALL, VALID } from './cases/call.ts';
import { CAPABILITY } from './cases/capability.ts';
import { CHILD } from './cases/child.ts';
import { EXTENSION } from './cases/extension.ts';
import { LIMITS } from './cases/limits.ts';
import { PRESENTATION, PRESENTED, type PresentationCase } from './cases/presentation.ts';
import { ROOT } from './cases/root.ts';

/** A vector of ours says what the suites of others need not. */
export interface OurVector extends Vector {
  readonly stricter?: true;
  readonly neighbour?: string;
}

export interface OurSuite extends VectorSuite {
  readonly vectors: readonly OurVector[];
  readonly elsewhere?: readonly Elsewhere[];
}

/** A denial code that no presentation alone can cause. */
export interface Elsewhere {
  readonly code: string;
  /** `enforcement`: needs an enforcement point with state. `unreachable`: earlier steps leave nothing for it. */
  readonly via: 'enforcement' | 'unreachable';
  readonly how: string;
}

const ELSEWHERE: readonly Elsewhere[] = [
  {
    code: 'chain_length_mismatch',
    via: 'unreachable',
    how: 'Step 5 is defense in depth: 3c and 4d leave no chain whose length disagrees with the depth of its leaf.',
  },
  {
    code: 'proof_replayed',
    via: 'enforcement',
    how: 'Send the presentation of a permitted call a second time, within the window of its proof.',
  },
  {
    code: 'replay_store_full',
    via: 'enforcement',
    how: 'Permit calls with different proofs until the store of used proofs is full, and send one more.',
  },
  {
    code: 'replay_store_unavailable',
    via: 'enforcement',
    how: 'Let the store of used proofs fail, hang or answer nonsense while a valid call is judged.',
  },
  {
    code: 'clock_unavailable',
    via: 'enforcement',
    how: 'Let the clock fail, answer no whole number of seconds, or step back by more than two seconds.',
  },
  {
    code: 'internal_error',
    via: 'enforcement',
    how: 'Let anything that the enforcement point calls throw, where no other code says what failed.',
  },
];

const PARAMS: VectorSuite['params'] = {
  now: TEST_TIME,
  max_iat_skew: 30,
  max_token_lifetime: 7_776_000,
  max_delegation_depth: 8,
  pop_window: 30,
  audience: CAST.audience,
};

function suite(
  name: string,
  about: string,
  vectors: readonly OurVector[],
  more: Partial<OurSuite> = {},
): OurSuite {
  const head = {
    spec: 'draft-niyikiza-oauth-attenuating-agent-tokens-02',
    suite: name,
    about,
    params: PARAMS,
    trust_anchors: CAST.anchors.map(({ issuer, key }) => ({
      iss: issuer,
      jwk: key.publicKey.jwk as unknown as JsonObject,
    })),
  };
  const whole = { ...head, vectors, ...more };
  const ids = [...vectors, ...(more.presentations ?? [])].map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new Error(`two vectors of ${name} are called ${twice}`);
  return whole;
}

function vector(
  id: string,
  title: string,
  description: string,
  scenario: Scenario,
  policy: Vector['policy'] = {},
): Omit<Vector, 'expected'> {
  const { now, tool, args_json, chain, pop } = present(scenario);
  return { id, title, description, now, tool, args_json, policy, chain, pop };
}

const PERMIT = { verdict: 'PERMIT', step: null, code: null, hop: null } as const;

/** What a verifier is given: two vectors that agree in it are one. */
function inputOf({ now, tool, args_json, policy, chain, pop }: Omit<Vector, 'expected'>): string {
  return JSON.stringify([now, tool, args_json, policy, chain, pop]);
}

/** Each denied vector behind its neighbour, where that is not there already. */
function vectorsOf(cases: readonly Case[], valid: readonly Permitted[] = []): OurVector[] {
  const permitted = new Map<string, string>();
  const vectors: OurVector[] = valid.map(validVector);
  for (const each of vectors) permitted.set(inputOf(each), each.id);
  for (const { id, step, code, hop, policy, note, stricter, ...each } of cases) {
    const own = `${id}.permitted`;
    const about = `The nearest to ${id} that is permitted.`;
    const kept = vector(own, each.accepts, about, each.permitted, policy);
    const neighbour = permitted.get(inputOf(kept)) ?? own;
    if (neighbour === own) {
      permitted.set(inputOf(kept), own);
      vectors.push({ ...kept, expected: PERMIT });
    }
    const summary = `Step ${step}: ${DENIALS[code].summary}`;
    const why = note === undefined ? summary : `${summary} ${note}`;
    vectors.push({
      ...vector(id, each.refuses, why, each.denied, policy),
      ...(stricter ? { stricter } : {}),
      neighbour,
      expected: { verdict: 'DENY', step, code, hop: hop ?? null },
    });
  }
  return vectors;
}

function validVector({ id, accepts, permitted, policy, note }: Permitted): OurVector {
  const description = note ?? 'A valid call.';
  return { ...vector(id, accepts, description, permitted, policy), expected: PERMIT };
}

function presentationVectors(each: PresentationCase): PresentationVector[] {
  const { id, step, code } = each;
  const { now, tool, args_json } = PRESENTED;
  const common = { now, tool, args_json, policy: {} };
  const neighbour = `${id}.permitted`;
  return [
    {
      id,
      title: each.refuses,
      description: `Step ${step}: ${DENIALS[code].summary}`,
      ...common,
      presentation_json: each.denied,
      expected: { verdict: 'DENY', step, code, hop: null },
    },
    {
      id: neighbour,
      title: each.accepts,
      description: `The nearest to ${id} that is permitted.`,
      ...common,
      presentation_json: each.permitted,
      expected: PERMIT,
    },
  ];
}

/** Every suite by the name of its file. The same bytes every time. */
export function makeSuites(): ReadonlyMap<string, OurSuite> {
  const core = vectorsOf([...ROOT, ...CHILD, ...CAPABILITY, ...CALL], VALID);
  return new Map([
    [
      'aat.json',
      suite(
        'taper-aat',
        'Each step of draft section 8 and each denial code, with the nearest call that is permitted.',
        core,
        { presentations: PRESENTATION.flatMap(presentationVectors), elsewhere: ELSEWHERE },
      ),
    ],
    [
      'aat-extensions.json',
      suite(
        'taper-aat-extensions',
        'The constraint types path, url, decimal, instant and cidr of docs/constraints.',
        vectorsOf(EXTENSION),
      ),
    ],
    [
      'aat-limits.json',
      suite(
        'taper-aat-limits',
        'Tokens and chains at the recommended limits of size. Large.',
        vectorsOf(LIMITS),
      ),
    ],
  ]);
}
