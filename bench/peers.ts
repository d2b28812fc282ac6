import { permit, typicalVerifier } from './calls.ts';
import {
  asyncSubject,
  type Effort,
  measure,
  microseconds,
  ratio,
  type Subject,
  subject,
} from './measure.ts';
import type { Peer } from './peer.ts';
import {
  receivedPresentation,
  signedInputs,
  typicalChain,
  typicalProof,
  verifyAll,
} from './scene.ts';

export interface PeerFigure {
  readonly peer: string;
  readonly hops: number;
  readonly signatures: number;
  readonly microseconds: number;
  /** To Taper with nothing cached, over as many hops. */
  readonly ratio: number;
  /** Characters that travel with a call. */
  readonly size: number;
}

/** Taper with nothing known, beside others that verify as many hops of the same authority. */
export async function measurePeers(
  peers: readonly Peer[],
  hops: number,
  effort: Effort,
): Promise<readonly PeerFigure[]> {
  const presentation = await typicalProof(await typicalChain(hops));
  const signed = signedInputs(presentation);
  const verifier = typicalVerifier(0);
  const chains = await Promise.all(
    peers.map(async ({ name, makeChain }) => ({ name, ...(await makeChain(hops)) })),
  );
  const subjects: Subject[] = [
    subject(
      'bare signatures',
      () => signed,
      (inputs) => verifyAll(inputs),
    ),
    subject(
      'taper',
      () => receivedPresentation(presentation),
      (input) => permit(verifier, input),
    ),
    ...chains.map(({ name, verify }) =>
      asyncSubject(
        name,
        () => undefined,
        async () => verify(),
      ),
    ),
  ];
  const samples = await measure(subjects, effort);
  const size = [...presentation.aat_chain, presentation.aat_pop].join('').length;
  const own = { size, signatures: hops + 1 };
  return [{ name: 'bare signatures', ...own }, { name: 'taper', ...own }, ...chains].map(
    ({ name, ...chain }) => ({
      peer: name,
      hops,
      signatures: chain.signatures,
      microseconds: microseconds(samples, name),
      ratio: ratio(samples, name, 'taper'),
      size: chain.size,
    }),
  );
}
