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
import { EXCHANGED, EXCHANGED_VALID } from './cases/exchanged.ts';
import { EXTENSION } from './cases/extension.ts';
import { HYBRID, HYBRID_VALID } from './cases/hybrid-root.ts';
import { HYBRID_KEY } from './cases/hybrid-signature.ts';
import { LIMITS } from './cases/limits.ts';
import { PRESENTATION, PRESENTED, type PresentationCase } from './cases/presentation.ts';
import { PROFILE, PROFILE_PRESENTATION, PROFILE_VALID } from './cases/profile.ts';
import { ROOT } from './cases/root.ts';
import { NEXT_ROOT, ROTATION, ROTATION_VALID } from './cases/rotation.ts';

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

/** Met in a session only: spec/session.md has its own vectors. */
const IN_A_SESSION: readonly Elsewhere[] = [
  ['session_malformed', 'Send a message that is not of the shape.'],
  ['session_handshake_refused', 'Sign the handshake with another key.'],
  ['session_unknown', 'Name a session that has ended.'],
  ['session_expired', 'Send a request at the second at which the session ends.'],
  ['session_mac_invalid', 'Change a byte of the arguments.'],
  ['session_sequence_replayed', 'Send a request twice.'],
  ['session_sequence_old', 'Send a request whose number lies behind the window.'],
  ['session_tool_not_allowed', 'Call a tool for which a session does not stand in.'],
  ['session_store_full', 'Open sessions until there is no room for another.'],
].map(([code = '', how = '']) => ({ code, via: 'enforcement', how }));

/** Met by what receives calls, before or beside the judgement. */
const BEFORE_A_CALL: readonly Elsewhere[] = [
  ['route_not_declared', 'Request a route that is declared with no tool.'],
  ['request_input_undeclared', 'Send a query parameter that the route does not declare.'],
  ['request_malformed', 'Send a body that is not what the route declares.'],
  ['request_too_large', 'Send a body that is larger than the route accepts.'],
  ['chain_not_stored', 'Name a chain by its hash that was not presented before.'],
  ['tool_definition_ambiguous', 'Pin a tool of whose name there are two.'],
].map(([code = '', how = '']) => ({ code, via: 'enforcement', how }));

/** Met where agents are known by a directory. */
const OF_AGENTS: readonly Elsewhere[] = [
  ['agent_unknown', 'Call with a key that was never enrolled, where only enrolled agents may.'],
  ['agent_not_active', 'Suspend an agent on the chain, and call.'],
  ['agent_blocked', 'Block an agent on the chain, and call.'],
  ['agent_not_allowed', 'Call with an agent that is not allowed, where only allowed ones may.'],
  ['agents_unavailable', 'Let the directory of agents fail, hang, be stale or answer nonsense.'],
].map(([code = '', how = '']) => ({ code, via: 'enforcement', how }));

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
    code: 'budget_meter_unknown',
    via: 'enforcement',
    how: 'Set a budget for a meter that the enforcement point does not have.',
  },
  {
    code: 'budget_amount_invalid',
    via: 'enforcement',
    how: 'Let a meter throw, or answer a number or a negative amount.',
  },
  {
    code: 'budget_exceeded',
    via: 'enforcement',
    how: 'Call once more than the budget of any token on the chain allows.',
  },
  {
    code: 'budget_ledger_full',
    via: 'enforcement',
    how: 'Fill the ledger with accounts, and call under a token with a new one.',
  },
  {
    code: 'budget_ledger_unavailable',
    via: 'enforcement',
    how: 'Let the ledger fail, hang or answer nonsense while a call with a budget is judged.',
  },
  {
    code: 'budget_reservation_lost',
    via: 'enforcement',
    how: 'Let the reservation of a call expire before it is settled.',
  },
  {
    code: 'approval_required',
    via: 'enforcement',
    how: 'Call a tool for which a caveat or the policy asks for an approval.',
  },
  {
    code: 'approval_approver_unknown',
    via: 'enforcement',
    how: 'Approve with a key that is not of the group.',
  },
  {
    code: 'approval_signature_invalid',
    via: 'enforcement',
    how: 'Change a byte of the signature of an approval.',
  },
  {
    code: 'approval_action_mismatch',
    via: 'enforcement',
    how: 'Present an approval for other arguments.',
  },
  {
    code: 'approval_expired',
    via: 'enforcement',
    how: 'Present an approval at the second at which it expires.',
  },
  {
    code: 'approval_by_requester',
    via: 'enforcement',
    how: 'Approve with the key of a holder on the chain.',
  },
  {
    code: 'approval_repeated',
    via: 'enforcement',
    how: 'Present two approvals of one approver.',
  },
  {
    code: 'approval_replayed',
    via: 'enforcement',
    how: 'Present the approvals of a call that has run.',
  },
  {
    code: 'approval_group_unknown',
    via: 'enforcement',
    how: 'Ask for approvals of a group that the enforcement point does not know.',
  },
  {
    code: 'approval_source_unavailable',
    via: 'enforcement',
    how: 'Let the source of approvals fail, hang or answer nonsense.',
  },
  {
    code: 'revoked',
    via: 'enforcement',
    how: 'Revoke a token or a key of the chain, and call.',
  },
  {
    code: 'key_rotated',
    via: 'enforcement',
    how: 'Let the authority’s log say that the key was replaced, and call with it once its time is over.',
  },
  {
    code: 'revocation_stale',
    via: 'enforcement',
    how: 'Let the view of revocations be older than `max_staleness`.',
  },
  {
    code: 'revocation_log_unknown',
    via: 'enforcement',
    how: 'Name a log that the enforcement point does not follow.',
  },
  {
    code: 'revocation_unavailable',
    via: 'enforcement',
    how: 'Let the view of revocations fail, hang or answer nonsense.',
  },
  {
    code: 'revocation_staple_invalid',
    via: 'enforcement',
    how: 'Where revocations are known from staples alone, send none, or one for another chain.',
  },
  {
    code: 'policy_denied',
    via: 'enforcement',
    how: 'Make a call that the policy does not permit.',
  },
  {
    code: 'policy_unavailable',
    via: 'enforcement',
    how: 'Let the policy engine fail, hang or answer nonsense.',
  },
  {
    code: 'audit_unavailable',
    via: 'enforcement',
    how: 'Let the audit log fail, hang or be full while a call is judged.',
  },
  ...OF_AGENTS,
  ...IN_A_SESSION,
  ...BEFORE_A_CALL,
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

const ANCHORS: VectorSuite['trust_anchors'] = CAST.anchors.map(({ issuer, key }) => ({
  iss: issuer,
  jwk: key.publicKey.jwk as unknown as JsonObject,
}));

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
    trust_anchors: ANCHORS,
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
    const summary = summaryOf(step, code);
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

function summaryOf(step: string | null, code: keyof typeof DENIALS): string {
  const { summary } = DENIALS[code];
  return step === null ? summary : `Step ${step}: ${summary}`;
}

function validVector({ id, accepts, permitted, policy, note }: Permitted): OurVector {
  const description = note ?? 'A valid call.';
  return { ...vector(id, accepts, description, permitted, policy), expected: PERMIT };
}

function presentationVectors(each: PresentationCase): PresentationVector[] {
  const { id, step, code } = each;
  const { now, tool, args_json } = PRESENTED;
  const common = { now, tool, args_json, policy: each.policy ?? {} };
  const neighbour = `${id}.permitted`;
  return [
    {
      id,
      title: each.refuses,
      description: summaryOf(step, code),
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
      'taper-profile.json',
      suite(
        'taper-profile',
        'Caveats, the profile of spec/profile.md: marks, shapes, accumulation, joins, and the checks that need no state.',
        vectorsOf([...PROFILE, ...EXCHANGED], [...PROFILE_VALID, ...EXCHANGED_VALID]),
        { presentations: PROFILE_PRESENTATION.flatMap(presentationVectors) },
      ),
    ],
    [
      'taper-rotation.json',
      suite(
        'taper-rotation',
        'Rotated keys, spec/rotation.md: statements in the headers of children and proofs.',
        vectorsOf(ROTATION, ROTATION_VALID),
        {
          trust_anchors: [
            ...ANCHORS,
            {
              iss: CAST.anchors[0]?.issuer as string,
              jwk: NEXT_ROOT.publicKey.jwk as unknown as JsonObject,
            },
          ],
        },
      ),
    ],
    [
      'taper-hybrid-roots.json',
      suite(
        'taper-hybrid-roots',
        'Roots with a second, post-quantum signature, spec/hybrid-roots.md: the first anchor asks for it.',
        vectorsOf(HYBRID, HYBRID_VALID),
        {
          trust_anchors: ANCHORS.map((anchor, index) =>
            index === 0 ? { ...anchor, hybrid: { alg: 'ML-DSA-65', key: HYBRID_KEY } } : anchor,
          ),
        },
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
