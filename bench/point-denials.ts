import type { DenialCode, JsonObject, Presentation, VerifiedChain } from '@taper/core';
import { createMemoryAuditSink, type EnforcementPoint } from '@taper/enforce';
import type { Target } from './figure.ts';
import { claimsOf, forge } from './forge.ts';
import { asyncSubject, type Effort, measure, ratio, type Subject } from './measure.ts';
import { memoryPorts, pointWith, TENANT, UNWANTED_ORDER } from './ports.ts';
import {
  ARGS,
  received,
  receivedPresentation,
  signerAt,
  TOOL,
  typicalChain,
  typicalProof,
} from './scene.ts';

/** A way to be refused by one stage of the enforcement point, over a chain that it knows. */
interface Refusal {
  readonly name: string;
  readonly code: DenialCode;
  readonly args?: JsonObject;
  /** A presentation of its own for each call, as for permits. */
  readonly present: () => Presentation | Promise<Presentation>;
}

export interface PointDenialFigure {
  readonly name: string;
  readonly code: DenialCode;
  /** To the permitted call at the same enforcement point, which writes no audit events. */
  readonly quiet: number;
  /** The same, where both are written into an audit log. */
  readonly audited: number;
}

const HOPS = 3;

/** What each stage's refusal costs, as a ratio to the permitted call. Every port is there, in memory. */
export async function measurePointDenials(
  effort: Effort,
): Promise<{ figures: readonly PointDenialFigure[]; targets: readonly Target[] }> {
  const chain = await typicalChain(HOPS, {
    caveats: { tenant: TENANT, budget: { calls: '1000000000000' } },
  });
  const revoked = await typicalChain(HOPS, {
    caveats: { tenant: TENANT, budget: { calls: '1000000000000' } },
  });
  const used = await typicalProof(chain);
  const refusals = await refusalsOver(chain, revoked, used);
  const subjects: Subject[] = [];
  for (const log of ['quiet', 'audited'] as const) {
    const ports = memoryPorts(log === 'audited' ? createMemoryAuditSink() : undefined);
    await ports.revoke({ token: revoked.leaf.hash });
    const point = pointWith(ports.options);
    await judge(point, used);
    const permitted: Refusal = {
      name: 'permit',
      code: 'internal_error',
      present: () => typicalProof(chain),
    };
    for (const { name, code, args, present } of [permitted, ...refusals]) {
      const expected = name === 'permit' ? undefined : code;
      subjects.push(
        asyncSubject(
          `${name}, ${log}`,
          async () => receivedPresentation(await present()),
          (presentation) => judge(point, presentation, expected, args),
        ),
      );
    }
  }
  const samples = await measure(subjects, effort);
  const figures = refusals.map(({ name, code }) => ({
    name,
    code,
    quiet: ratio(samples, `${name}, quiet`, 'permit, quiet'),
    audited: ratio(samples, `${name}, audited`, 'permit, audited'),
  }));
  const worst = (log: 'quiet' | 'audited') => Math.max(...figures.map((figure) => figure[log]));
  return {
    figures,
    targets: [
      { name: 'worst denial at the point, no audit', limit: 1.1, value: worst('quiet'), unit: 'x' },
      { name: 'worst denial at the point, audit', limit: 1.1, value: worst('audited'), unit: 'x' },
    ],
  };
}

/** A refusal for another reason than the one in question would be measured for nothing. */
async function judge(
  point: EnforcementPoint,
  presentation: Presentation,
  expected?: DenialCode,
  args: JsonObject = ARGS,
): Promise<void> {
  const decision = await point.authorize(presentation, TOOL, received(JSON.stringify(args)));
  const found = decision.verdict === 'permit' ? undefined : decision.denial.code;
  if (found !== expected)
    throw new Error(`Expected ${expected ?? 'a permit'} and got ${found ?? 'one'}.`);
}

async function refusalsOver(
  chain: VerifiedChain,
  revoked: VerifiedChain,
  used: Presentation,
): Promise<readonly Refusal[]> {
  const elsewhere = await typicalChain(HOPS, {
    caveats: { tenant: 'evil', budget: { calls: '1000000000000' } },
  });
  const spent = await typicalChain(HOPS, { caveats: { tenant: TENANT, budget: { calls: '0' } } });
  const tooMuch = { ...ARGS, amount: 251 };
  const unwanted = { ...ARGS, order_id: UNWANTED_ORDER };
  return [
    {
      name: 'proof by a thief',
      code: 'signature_invalid',
      async present() {
        const { aat_chain, aat_pop } = await typicalProof(chain);
        return { aat_chain, aat_pop: await forge('aat-pop+jwt', claimsOf(aat_pop), signerAt(9)) };
      },
    },
    {
      name: 'argument refused',
      code: 'argument_refused',
      args: tooMuch,
      present: () => typicalProof(chain), // the proof for others is not even compared
    },
    {
      name: "another tenant's chain",
      code: 'tenant_mismatch',
      present: () => typicalProof(elsewhere),
    },
    { name: 'leaf revoked', code: 'revoked', present: () => typicalProof(revoked) },
    {
      name: 'denied by policy',
      code: 'policy_denied',
      args: unwanted,
      present: () => typicalProof(chain, { args: unwanted }),
    },
    { name: 'budget spent', code: 'budget_exceeded', present: () => typicalProof(spent) },
    { name: 'proof used before', code: 'proof_replayed', present: () => used },
  ];
}
