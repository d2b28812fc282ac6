import {
  buildEvidence,
  type EvidenceTrust,
  joinPresentations,
  noteKey,
  type PublicKey,
  readEvidenceTrust,
  type VerifiedChain,
  verifyEvidence,
} from '@taper/core';
import { createAuditRecorder } from '@taper/enforce';
import {
  auditEvidenceSource,
  createLogAuditSink,
  createMemoryAuditSidecar,
  createMemoryCheckpointStore,
  createMemoryTileStore,
  openLog,
} from '@taper/log';
import type { Figure, Section } from './figure.ts';
import { asyncSubject, type Effort, measure, microseconds, ratio } from './measure.ts';
import { pointWith } from './ports.ts';
import {
  ANCHOR,
  ARGS,
  AUDIENCE,
  ISSUER,
  type SignedInput,
  signedInputs,
  signerAt,
  TOOL,
  typicalChain,
  typicalProof,
  verifyAll,
} from './scene.ts';

const HOPS = 3;
const ORIGIN = 'audit.example.com/refunds';

/** Signs events, and nothing else; the next one signs the checkpoints. */
const emitter = signerAt(8);
const logSigner = signerAt(9);

/** A bundle that shows every event of its log, and what has to be checked of it. */
interface Subject {
  readonly name: string;
  readonly bundle: string;
  readonly events: number;
  readonly signatures: number;
}

/** Checking bundles of so many calls, each permitted and carried out, with arguments, proofs and tokens shown. */
export async function measureEvidence(calls: number, effort: Effort): Promise<Section> {
  const chain = await typicalChain(HOPS);
  const subjects: readonly Subject[] = [
    await subjectOf('calls of one chain', calls, chain),
    await subjectOf(`calls of one chain, ${20 * calls} of them`, 20 * calls, chain),
    await subjectOf('calls, each of another chain', calls),
  ];
  const trust = policy();
  for (const { bundle, events } of subjects) await pass(bundle, events, trust);
  const signed = signedInputs(await typicalProof(chain)).slice(-1);
  const samples = await measure(
    subjects.flatMap(({ bundle, events, signatures }, at) => [
      asyncSubject(
        `raw ${at}`,
        () => signatures,
        async (count) => checkAll(signed, count),
      ),
      asyncSubject(
        `${at}`,
        () => Buffer.from(bundle),
        (bytes) => pass(bytes, events, trust),
      ),
    ]),
    effort,
  );
  return {
    title: `Evidence, chains of ${HOPS} hops`,
    legend:
      'For each event of a bundle that shows calls and their outcomes: all of `verifyEvidence`, ' +
      'from bytes. Bare: the signatures of events and proofs, of each token once, and of the ' +
      'checkpoint; a call has two events.',
    figures: subjects.map(
      ({ name, events, signatures }, at): Figure => ({
        name,
        signatures: Math.round((10 * signatures) / events) / 10,
        microseconds: microseconds(samples, `${at}`) / events,
        raw: microseconds(samples, `raw ${at}`) / events,
        ratio: ratio(samples, `${at}`, `raw ${at}`),
      }),
    ),
  };
}

/** An enforcement point permits calls, and its log shows them. */
async function subjectOf(name: string, calls: number, shared?: VerifiedChain): Promise<Subject> {
  const log = await openLog({
    origin: ORIGIN,
    signer: logSigner,
    tiles: createMemoryTileStore(),
    checkpoints: createMemoryCheckpointStore(),
    create: true,
  });
  const sidecar = createMemoryAuditSidecar();
  const name_ = emitter.publicKey.thumbprint;
  const sink = createLogAuditSink({ log, emitter: name_, sidecar });
  const audit = createAuditRecorder({ sink, signer: emitter, emitter: name_, keepEvidence: true });
  const point = pointWith({ audit });
  for (let made = 0; made < calls; made += 1) {
    const presentation = await typicalProof(shared ?? (await typicalChain(HOPS)));
    const decision = await point.authorize(joinPresentations([presentation]), TOOL, ARGS);
    if (decision.verdict !== 'permit') throw new Error(decision.denial.code);
    await point.conclude(decision, 'executed');
  }
  const { note: checkpoint } = await log.publish();
  const source = await auditEvidenceSource({ reader: log.reader, checkpoint, sidecar });
  const tokens = HOPS * (shared === undefined ? calls : 1);
  return {
    name,
    bundle: await buildEvidence({ logs: [source] }),
    events: 2 * calls,
    signatures: 3 * calls + tokens + 1,
  };
}

async function pass(
  bundle: string | Uint8Array,
  events: number,
  trust: EvidenceTrust,
): Promise<void> {
  const verdict = await verifyEvidence(bundle, trust);
  const { authentic, authorized, complete, problems } = verdict;
  const isPassed = [authentic, authorized, complete].every((each) => each === 'pass');
  if (!isPassed || verdict.events.length !== events)
    throw new Error(`The bundle does not pass: ${problems[0]?.code} ${problems[0]?.path}.`);
}

function checkAll(signed: readonly SignedInput[], count: number): void {
  for (let checked = 0; checked < count; checked += 1) verifyAll(signed);
}

function policy(): EvidenceTrust {
  const jwk = ({ jwk: { ...members } }: PublicKey) => members;
  return readEvidenceTrust(
    JSON.stringify({
      taper_trust: 1,
      anchors: [{ issuer: ISSUER, key: jwk(ANCHOR.key) }],
      emitters: [
        {
          name: emitter.publicKey.thumbprint,
          key: jwk(emitter.publicKey),
          log: ORIGIN,
          enforcement_points: [AUDIENCE],
        },
      ],
      logs: [{ origin: ORIGIN, keys: [noteKey(ORIGIN, logSigner.publicKey, 1).text] }],
      // What it costs to check a staple is measured by itself.
      required: { revocation: 'optional' },
    }),
  );
}
