import {
  consentToRotation,
  createHybridSigner,
  createSigner,
  createVerifier,
  generateHybridKeyPair,
  generateKeyPair,
  issue,
  type Presentation,
  prove,
  rotateKey,
  type TrustAnchor,
  type Verifier,
} from '@taper/core';
import { permit } from './calls.ts';
import type { Figure, Section } from './figure.ts';
import { type Effort, measure, microseconds, ratio, type Subject, subject } from './measure.ts';
import {
  ANCHOR,
  ARGS,
  AUDIENCE,
  ISSUER,
  NOW,
  newId,
  receivedPresentation,
  signedInputs,
  signerAt,
  TOOL,
  typicalChain,
  typicalChild,
  typicalProof,
  typicalTools,
  verifyAll,
} from './scene.ts';

const HOPS = 3;
const CAVEATS = { tenant: 'acme' } as const;
const AGENT = 'spiffe://example.com/acme/agent/desk';

/** One kind of presentation, and how a verifier comes to it. */
interface Kind {
  readonly name: string;
  readonly presentation: Presentation;
  readonly anchor: TrustAnchor;
  /** Signatures of Ed25519 that nobody can leave out when nothing is known, and when the chain is. */
  readonly signatures: { readonly cold: number; readonly known: number };
}

/** What it costs that the key of a holder was replaced, and that a root has a second, post-quantum signature; beside the same call without. */
export async function measureSuccessors(effort: Effort): Promise<Section> {
  const kinds = [await plain(), await rotated(), await hybrid()];
  const plainKind = kinds[0] as Kind;
  const signed = signedInputs(plainKind.presentation);
  const subjects: Subject[] = [];
  for (const { name, presentation, anchor, signatures } of kinds) {
    const fresh = () => receivedPresentation(presentation);
    const [cold, known] = [verifierOf(anchor, 0), verifierOf(anchor)];
    permit(known, presentation);
    for (const [way, verifier] of [
      ['cold', cold],
      ['known', known],
    ] as const) {
      const bare = Array.from(
        { length: signatures[way] },
        (_, index) => signed[index % signed.length] as (typeof signed)[number],
      );
      subjects.push(
        subject(`${way} ${name}`, fresh, (input) => permit(verifier, input)),
        subject(
          `bare ${way} ${name}`,
          () => bare,
          (inputs) => verifyAll(inputs),
        ),
      );
    }
  }
  const samples = await measure(subjects, effort);
  const figures: Figure[] = (['cold', 'known'] as const).flatMap((way) =>
    kinds.map(({ name, signatures }) => ({
      name: `${name}, ${way === 'cold' ? 'nothing known' : 'chain known'}`,
      signatures: signatures[way],
      microseconds: microseconds(samples, `${way} ${name}`),
      raw: microseconds(samples, `bare ${way} ${name}`),
      ratio: ratio(samples, `${way} ${name}`, `bare ${way} ${name}`),
    })),
  );
  return {
    title: `Successors: a permitted call, chain of ${HOPS} hops with a tenant`,
    legend:
      'A rotation statement has three signatures: the root key’s and one by each of the two keys. ' +
      'The second signature of a hybrid root, ML-DSA-65, is not among the bare ones.',
    figures,
  };
}

function verifierOf(anchor: TrustAnchor, cacheCharacters?: number): Verifier {
  return createVerifier({
    anchors: [anchor],
    audience: AUDIENCE,
    profile: { tenant: CAVEATS.tenant },
    ...(cacheCharacters === undefined ? {} : { cacheCharacters }),
  });
}

async function plain(): Promise<Kind> {
  const chain = await typicalChain(HOPS, { caveats: CAVEATS });
  return {
    name: 'plain',
    presentation: await typicalProof(chain),
    anchor: ANCHOR,
    signatures: { cold: HOPS + 1, known: 1 },
  };
}

/** The proof is by a key that has replaced the holder's. */
async function rotated(): Promise<Kind> {
  const chain = await typicalChain(HOPS, { caveats: CAVEATS });
  const old = signerAt(HOPS);
  const signer = createSigner(generateKeyPair().privateJwk);
  const rotation = {
    issuer: ISSUER,
    subject: AGENT,
    oldKey: old.publicKey,
    newKey: signer.publicKey,
    now: NOW,
  };
  const statement = await rotateKey({
    ...rotation,
    signer: signerAt(0),
    consent: await consentToRotation({ ...rotation, signer: old }),
    acceptance: await consentToRotation({ ...rotation, signer }),
    overlap: 0,
    id: newId(),
  });
  return {
    name: 'key rotated',
    presentation: await prove(chain, {
      signer,
      tool: TOOL,
      args: ARGS,
      now: NOW,
      id: newId(),
      audience: AUDIENCE,
      rotation: [statement],
    }),
    anchor: ANCHOR,
    signatures: { cold: HOPS + 4, known: 1 },
  };
}

async function hybrid(): Promise<Kind> {
  const { privateJwk, key } = generateHybridKeyPair();
  let chain = await issue({
    issuer: ISSUER,
    signer: signerAt(0),
    hybrid: createHybridSigner(privateJwk),
    holder: signerAt(1).publicKey,
    tools: typicalTools(0),
    audience: AUDIENCE,
    caveats: CAVEATS,
    now: NOW,
    id: newId(),
    lifetime: 3600,
    maxDepth: 8,
  });
  for (let hop = 1; hop < HOPS; hop += 1) chain = await typicalChild(chain, hop);
  return {
    name: 'hybrid root',
    presentation: await typicalProof(chain),
    anchor: { ...ANCHOR, hybrid: key },
    signatures: { cold: HOPS + 1, known: 1 },
  };
}
