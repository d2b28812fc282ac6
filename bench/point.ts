import { createMemoryAuditSink, type EnforcementPoint } from '@taper/enforce';
import { typicalEnforcementPoint } from './calls.ts';
import type { Figure, Section } from './figure.ts';
import {
  asyncSubject,
  concurrentSubject,
  type Effort,
  measure,
  microseconds,
  ratio,
  type Subject,
} from './measure.ts';
import { memoryPorts, type Ports, pointWith, sqlitePorts, TENANT } from './ports.ts';
import {
  ARGS,
  received,
  receivedPresentation,
  type SignedInput,
  signedInputs,
  signerAt,
  TOOL,
  typicalChain,
  typicalProof,
  verifyAll,
} from './scene.ts';

const HOPS = 3;
const ARGS_TEXT = JSON.stringify(ARGS);

/** Calls under way at the same time, where they are. */
const WIDTH = 64;

/** One enforcement point, and the signatures that a call needs there. */
interface Variant {
  readonly name: string;
  readonly point: EnforcementPoint;
  readonly width: number;
  readonly signatures: 1 | 2 | 3;
}

const RAW = { 1: 'verify', 2: 'verify, sign', 3: 'verify, sign, verify' } as const;

/** A permitted call at enforcement points that keep more and more, in memory and on the disk. */
export async function measurePoint(effort: Effort): Promise<Section> {
  const chain = await typicalChain(HOPS, {
    caveats: { tenant: TENANT, budget: { calls: '1000000000000' } },
  });
  const plain = await typicalChain(HOPS);
  const quiet = memoryPorts();
  const audited = memoryPorts(createMemoryAuditSink());
  const disk = sqlitePorts(false);
  const auditedDisk = sqlitePorts(true);
  const variant = (
    name: string,
    ports: Ports,
    width: number,
    signatures: Variant['signatures'],
  ): Variant => ({ name, point: pointWith(ports.options), width, signatures });
  const variants: Variant[] = [
    { name: 'replay store alone', point: typicalEnforcementPoint(), width: 1, signatures: 1 },
    variant('all in memory, no audit', quiet, 1, 1),
    variant('all in memory, audit', audited, 1, 3),
    variant(`the same, ${WIDTH} at a time`, audited, WIDTH, 2),
    variant('all on SQLite, no audit', disk, 1, 1),
    variant(`the same, ${WIDTH} at a time`, disk, WIDTH, 1),
    variant('all on SQLite, audit', auditedDisk, 1, 3),
    variant(`the same, ${WIDTH} at a time`, auditedDisk, WIDTH, 2),
  ];
  try {
    const signed = signedInputs(await typicalProof(chain)).slice(-1);
    const samples = await measure(
      [
        rawSubject(1, signed),
        rawSubject(2, signed),
        rawSubject(3, signed),
        ...variants.map(({ point, width }, index) =>
          concurrentSubject(
            `${index}`,
            width,
            async () => receivedPresentation(await typicalProof(index === 0 ? plain : chain)),
            (presentation) => permitAt(point, presentation),
          ),
        ),
      ],
      effort,
    );
    return {
      title: `The enforcement point, chain of ${HOPS} hops known`,
      legend:
        'All of `authorize`. All: replay, revocation, a policy that costs nothing, and a budget ' +
        'with one account. With audit, each decision is signed, and one signature of each group ' +
        'checked. On SQLite a permit waits four times for the disk: budget, proof, event, budget.',
      figures: variants.map(
        ({ name, signatures }, index): Figure => ({
          name,
          signatures,
          microseconds: microseconds(samples, `${index}`),
          raw: microseconds(samples, RAW[signatures]),
          ratio: ratio(samples, `${index}`, RAW[signatures]),
        }),
      ),
    };
  } finally {
    disk.close();
    auditedDisk.close();
  }
}

/** Has the typical call judged and insists on a permit. */
export async function permitAt(
  point: EnforcementPoint,
  presentation: unknown,
  args: string = ARGS_TEXT,
): Promise<void> {
  const decision = await point.authorize(presentation, TOOL, received(args));
  if (decision.verdict !== 'permit') throw new Error(`Not permitted: ${decision.denial.code}.`);
}

/** So many signatures, bare: the proof is checked, the event is signed, what was signed is checked. */
function rawSubject(signatures: Variant['signatures'], signed: readonly SignedInput[]): Subject {
  const [proof] = signed;
  if (proof === undefined) throw new Error('There is nothing to verify.');
  const signer = signerAt(0);
  return asyncSubject(
    RAW[signatures],
    () => proof.input,
    async (input) => {
      verifyAll(signed);
      if (signatures > 1) await signer.sign(input);
      if (signatures > 2) verifyAll(signed);
    },
  );
}
