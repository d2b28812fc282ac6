import {
  type Decision,
  type DenialCode,
  derive,
  type Presentation,
  prove,
  type Verifier,
} from '@taper/core';
import type { EnforcementDecision } from '@taper/enforce';
import { typicalEnforcementPoint, typicalVerifier } from './calls.ts';
import type { Target } from './figure.ts';
import { claimsOf, forge, withSignatureOf } from './forge.ts';
import { asyncSubject, type Effort, measure, ratio, type Subject, subject } from './measure.ts';
import {
  ARGS,
  AUDIENCE,
  NOW,
  newId,
  received,
  receivedPresentation,
  signerAt,
  TOOL,
  typicalChain,
  typicalProof,
  typicalTools,
} from './scene.ts';

/** A way to be refused, over the chain of three hops whose call is permitted. */
interface Refusal {
  readonly name: string;
  readonly code: DenialCode;
  readonly presentation: Presentation;
  readonly tool?: string;
  readonly args?: string;
  readonly now?: number;
}

export interface DenialFigure {
  readonly name: string;
  readonly code: DenialCode;
  /** To a permit by a verifier that remembers nothing. */
  readonly cold: number;
  /** To a permit by a verifier that knows the permitted chain. */
  readonly cached: number;
}

const HOPS = 3;
const ARGS_TEXT = JSON.stringify(ARGS);

/** What a refused call costs, as a ratio to the permitted call over the same chain, with and without cache. */
export async function measureDenials(
  effort: Effort,
): Promise<{ figures: readonly DenialFigure[]; replay: number; targets: readonly Target[] }> {
  const chain = await typicalChain(HOPS);
  const good = await typicalProof(chain);
  const refusals = await makeRefusals(good);
  const [cold, cached] = [typicalVerifier(0), typicalVerifier()];
  judge(cached, { name: 'permit', presentation: good });
  const subjects: Subject[] = [];
  for (const each of [{ name: 'permit', presentation: good }, ...refusals]) {
    const fresh = () => ({ ...each, presentation: receivedPresentation(each.presentation) });
    subjects.push(
      subject(`${each.name}, cold`, fresh, (input) => judge(cold, input)),
      subject(`${each.name}, cached`, fresh, (input) => judge(cached, input)),
    );
  }
  const point = typicalEnforcementPoint();
  await point.authorize(good, TOOL, ARGS_TEXT);
  subjects.push(
    asyncSubject(
      'point permits',
      async () => receivedPresentation(await typicalProof(chain)),
      async (input) => expectVerdict(await point.authorize(input, TOOL, received(ARGS_TEXT))),
    ),
    asyncSubject(
      'point refuses replay',
      () => receivedPresentation(good),
      async (input) =>
        expectVerdict(await point.authorize(input, TOOL, received(ARGS_TEXT)), 'proof_replayed'),
    ),
  );
  const samples = await measure(subjects, effort);
  const figures = refusals.map(({ name, code }) => ({
    name,
    code,
    cold: ratio(samples, `${name}, cold`, 'permit, cold'),
    cached: ratio(samples, `${name}, cached`, 'permit, cached'),
  }));
  const replay = ratio(samples, 'point refuses replay', 'point permits');
  const worst = Math.max(replay, ...figures.flatMap((each) => [each.cold, each.cached]));
  return {
    figures,
    replay,
    targets: [{ name: 'worst denial, to the permit', limit: 1.1, value: worst, unit: 'x' }],
  };
}

function judge(
  verifier: Verifier,
  {
    presentation,
    tool = TOOL,
    args = ARGS_TEXT,
    now = NOW,
    code,
  }: Omit<Refusal, 'code'> & { code?: DenialCode },
): void {
  expectVerdict(verifier.authorize({ presentation, tool, args: received(args), now }), code);
}

/** A refusal for another reason than the one in question would be measured for nothing. */
function expectVerdict(decision: Decision | EnforcementDecision, code?: DenialCode): void {
  const found = decision.verdict === 'permit' ? undefined : decision.denial.code;
  if (found !== code) throw new Error(`Expected ${code ?? 'a permit'} and got ${found ?? 'one'}.`);
}

async function makeRefusals(good: Presentation): Promise<readonly Refusal[]> {
  const [root = '', middle = '', leaf = ''] = good.aat_chain;
  const proof = good.aat_pop;
  const rootOnly = await typicalChain(1);
  const proofClaims = claimsOf(proof);
  const holder = signerAt(HOPS);
  const proofWith = async (changes: object): Promise<Presentation> => ({
    ...good,
    aat_pop: await forge('aat-pop+jwt', { ...proofClaims, ...changes }, holder),
  });
  const leafWith = async (changes: object): Promise<Presentation> => ({
    ...good,
    aat_chain: [
      root,
      middle,
      await forge('aat+jwt', { ...claimsOf(leaf), ...changes }, signerAt(2)),
    ],
  });
  const wider = { type: 'attenuating_agent_token', tools: typicalTools(-1) };
  const chainOf = (...tokens: readonly string[]): Presentation => ({ ...good, aat_chain: tokens });
  return [
    {
      name: 'root signed by nobody we trust',
      code: 'signature_invalid',
      presentation: chainOf(withSignatureOf(root, middle), middle, leaf),
    },
    {
      name: 'wrong signature in the middle',
      code: 'signature_invalid',
      presentation: chainOf(root, withSignatureOf(middle, root), leaf),
    },
    {
      name: 'wrong signature of the leaf',
      code: 'signature_invalid',
      presentation: chainOf(root, middle, withSignatureOf(leaf, root)),
    },
    {
      name: 'leaf wider than its parent',
      code: 'constraint_widened',
      presentation: await leafWith({ authorization_details: [wider] }),
    },
    {
      name: 'leaf from another chain',
      code: 'parent_hash_mismatch',
      presentation: await leafWith({ par_hash: 'A'.repeat(43) }),
    },
    {
      name: 'a token left out',
      code: 'signature_invalid',
      presentation: chainOf(root, leaf),
    },
    {
      name: 'leaf expired',
      code: 'token_expired',
      presentation: await expiredLeaf(),
      now: NOW + 5,
    },
    {
      name: 'proof by a thief',
      code: 'signature_invalid',
      presentation: {
        ...good,
        aat_pop: await forge('aat-pop+jwt', proofClaims, signerAt(9)),
      },
    },
    {
      name: 'proof for another token',
      code: 'proof_token_mismatch',
      presentation: await proofWith({ aat_hash: 'A'.repeat(43) }),
    },
    {
      name: 'proof for another server',
      code: 'proof_audience_mismatch',
      presentation: await proofWith({ aat_aud: 'https://evil.example' }),
    },
    {
      name: 'proof for other arguments',
      code: 'proof_arguments_mismatch',
      presentation: await proofWith({ hta: { ...ARGS, amount: 42.51 } }),
    },
    { name: 'proof too old', code: 'proof_outside_window', presentation: good, now: NOW + 31 },
    {
      name: 'argument refused',
      code: 'argument_refused',
      presentation: good,
      args: JSON.stringify({ ...ARGS, amount: 251 }),
    },
    { name: 'tool not granted', code: 'tool_not_granted', presentation: good, tool: 'orders.drop' },
  ];

  async function expiredLeaf(): Promise<Presentation> {
    const two = await derive(rootOnly, {
      signer: signerAt(1),
      holder: signerAt(2).publicKey,
      tools: typicalTools(1),
      now: NOW,
      id: newId(),
      maxDepth: 8,
    });
    const short = await derive(two, {
      signer: signerAt(2),
      holder: signerAt(3).publicKey,
      tools: typicalTools(2),
      now: NOW,
      id: newId(),
      lifetime: 5,
    });
    const options = { signer: holder, tool: TOOL, args: ARGS, now: NOW, id: newId() };
    return prove(short, { ...options, audience: AUDIENCE });
  }
}
