import { createVerifier, type Presentation, type Verifier } from '@taper/core';
import { createEnforcementPoint, type EnforcementPoint } from '@taper/enforce';
import type { Figure, Section, Target } from './figure.ts';
import {
  asyncSubject,
  type Effort,
  measure,
  microseconds,
  ratio,
  type Samples,
  type Subject,
  subject,
} from './measure.ts';
import {
  ANCHOR,
  ARGS,
  AUDIENCE,
  NOW,
  received,
  receivedPresentation,
  signedInputs,
  TOOL,
  typicalChain,
  typicalChild,
  typicalProof,
  verifyAll,
} from './scene.ts';

const ARGS_TEXT = JSON.stringify(ARGS);

/** A verifier for the typical chains; 0 characters of cache make it forget everything. */
export function typicalVerifier(cacheCharacters?: number): Verifier {
  return createVerifier({
    anchors: [ANCHOR],
    audience: AUDIENCE,
    ...(cacheCharacters === undefined ? {} : { cacheCharacters }),
  });
}

/** An enforcement point whose clock stands still. */
export function typicalEnforcementPoint(): EnforcementPoint {
  return createEnforcementPoint({
    anchors: [ANCHOR],
    audience: AUDIENCE,
    clock: { now: () => NOW },
  });
}

/** Judges the typical call and insists on a permit. */
export function permit(verifier: Verifier, presentation: Presentation): void {
  const args = received(ARGS_TEXT);
  const decision = verifier.authorize({ presentation, tool: TOOL, args, now: NOW });
  if (decision.verdict !== 'permit') throw new Error(`Not permitted: ${decision.denial.code}.`);
}

/** A permitted call over chains of so many hops: nothing known, all known, all but the last hop known, and whole requests. */
export async function measureCalls(
  hops: number,
  effort: Effort,
): Promise<{ section: Section; targets: readonly Target[]; tokenSizes: readonly number[] }> {
  const chain = await typicalChain(hops);
  const presentation = await typicalProof(chain);
  const parent = hops === 1 ? undefined : await typicalChain(hops - 1);
  const signed = signedInputs(presentation);
  const cold = typicalVerifier(0);
  const cached = typicalVerifier();
  const point = typicalEnforcementPoint();
  const fresh = () => receivedPresentation(presentation);

  const subjects: Subject[] = [
    raw('raw all', signed),
    raw('raw proof', signed.slice(-1)),
    subject('cold', fresh, (input) => permit(cold, input)),
    subject('cached', fresh, (input) => permit(cached, input)),
    // Each request has its own proof, or it would be a replay.
    asyncSubject(
      'request',
      async () => received(JSON.stringify(await typicalProof(chain))),
      async (text) => {
        const decision = await point.authorize(JSON.parse(text), TOOL, received(ARGS_TEXT));
        if (decision.verdict !== 'permit') throw new Error(decision.denial.code);
      },
    ),
  ];
  if (parent !== undefined) {
    subjects.push(
      raw('raw last two', signed.slice(-2)),
      subject(
        'new last hop',
        async () => receivedPresentation(await typicalProof(await typicalChild(parent, hops - 1))),
        (input) => permit(cached, input),
      ),
    );
    permit(cached, await typicalProof(await typicalChild(parent, hops - 1)));
  }
  const samples = await measure(subjects, effort);
  const figures = [
    figure(samples, 'cold', 'raw all', hops + 1, 'nothing known'),
    ...(parent === undefined
      ? []
      : [figure(samples, 'new last hop', 'raw last two', 2, 'known but for the last hop')]),
    figure(samples, 'cached', 'raw proof', 1, 'chain known'),
    figure(samples, 'request', 'raw proof', 1, 'chain known, whole request'),
  ];
  const plural = `${hops} ${hops === 1 ? 'hop' : 'hops'}`;
  const [first] = figures;
  const [known, whole] = figures.slice(-2);
  return {
    section: {
      title: `A permitted call, chain of ${plural}`,
      legend:
        hops === 1
          ? 'A hop is a token. "Nothing known" checks every token\'s signature and the proof\'s; ' +
            '"chain known" has seen the tokens before and checks the proof. A whole request ' +
            'starts from JSON text and goes through an enforcement point with replay store.'
          : '',
      figures,
    },
    targets: [
      { name: `nothing known, ${plural}`, limit: 1.15, value: first?.ratio ?? NaN, unit: 'x' },
      { name: `chain known, ${plural}`, limit: 1.25, value: known?.ratio ?? NaN, unit: 'x' },
      { name: `whole request, ${plural}`, limit: 1.5, value: whole?.ratio ?? NaN, unit: 'x' },
    ],
    tokenSizes: [...presentation.aat_chain, presentation.aat_pop].map(({ length }) => length),
  };
}

function raw(name: string, signed: ReturnType<typeof signedInputs>): Subject {
  return subject(
    name,
    () => signed,
    (inputs) => verifyAll(inputs),
  );
}

function figure(
  samples: Samples,
  name: string,
  rawName: string,
  signatures: number,
  title: string,
): Figure {
  return {
    name: title,
    signatures,
    microseconds: microseconds(samples, name),
    raw: microseconds(samples, rawName),
    ratio: ratio(samples, name, rawName),
  };
}
