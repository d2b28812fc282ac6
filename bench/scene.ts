import { createPublicKey, verify as verifyWithOpenSsl } from 'node:crypto';
import {
  type CaveatsInit,
  constraint,
  createSigner,
  derive,
  generateKeyPair,
  issue,
  type JsonObject,
  type Presentation,
  type PublicKey,
  platform,
  prove,
  type SignatureVerifier,
  type Signer,
  type ToolMap,
  type TrustAnchor,
  type VerifiedChain,
} from '@taper/core';

/** Seconds since the epoch, for everything in the bench. */
export const NOW = 1_800_000_000;
export const AUDIENCE = 'https://tools.example.com';
export const ISSUER = 'https://auth.example.com';
export const TOOL = 'refund.create';
export const ARGS: JsonObject = { amount: 42.5, currency: 'EUR', order_id: 'ord_1042' };

/** Ten key pairs; the first is the root issuer's, the others belong to agents. */
const SIGNERS: readonly Signer[] = Array.from({ length: 10 }, () =>
  createSigner(generateKeyPair().privateJwk),
);
export const ANCHOR: TrustAnchor = { issuer: ISSUER, key: signerAt(0).publicKey };

let made = 0;

/** As long as a UUID, and never the same. */
export function newId(): string {
  made += 1;
  return `0198c2f4-77aa-7bcc-8dde-${made.toString(16).padStart(12, '0')}`;
}

export function signerAt(index: number): Signer {
  const signer = SIGNERS[index];
  if (signer === undefined) throw new Error(`There is no signer ${index}.`);
  return signer;
}

/** What the examples grant: two tools and four constraints; each hop lowers the amount. */
export function typicalTools(hop: number): ToolMap {
  const order = constraint.oneOf('ord_1042', 'ord_1043', 'ord_1044');
  return {
    'orders.read': { order_id: order },
    [TOOL]: {
      amount: constraint.range({ min: 0.01, max: 250 - hop }),
      currency: constraint.exact('EUR'),
      order_id: order,
    },
  };
}

/** What is not typical about a chain. */
export interface ChainOptions {
  /** Of the root. Default: none. */
  readonly caveats?: CaveatsInit;
  /** Seconds since the epoch at which all of it is made. Default {@link NOW}. */
  readonly now?: number;
}

/** A root and what agents have derived from it: as many tokens as hops. */
export async function typicalChain(
  hops: number,
  { caveats, now = NOW }: ChainOptions = {},
): Promise<VerifiedChain> {
  let chain = await issue({
    issuer: ISSUER,
    signer: signerAt(0),
    holder: signerAt(1).publicKey,
    tools: typicalTools(0),
    audience: AUDIENCE,
    now,
    id: newId(),
    lifetime: 3600,
    maxDepth: 8,
    ...(caveats === undefined ? {} : { caveats }),
  });
  for (let hop = 1; hop < hops; hop += 1) chain = await typicalChild(chain, hop, now);
  return chain;
}

/** The next hop of a typical chain. */
export function typicalChild(
  parent: VerifiedChain,
  hop: number,
  now: number = NOW,
): Promise<VerifiedChain> {
  return derive(parent, {
    signer: signerAt(hop),
    holder: signerAt(hop + 1).publicKey,
    tools: typicalTools(hop),
    now,
    id: newId(),
    maxDepth: 8,
  });
}

/** A proof of the typical call by the holder of the leaf. */
export function typicalProof(
  chain: VerifiedChain,
  { args = ARGS, now = NOW }: { readonly args?: JsonObject; readonly now?: number } = {},
): Promise<Presentation> {
  const signer = signerAt(chain.tokens.length);
  return prove(chain, { signer, tool: TOOL, args, now, id: newId(), audience: AUDIENCE });
}

/** A signature as the backend gets it. */
export interface SignedInput {
  readonly key: PublicKey;
  readonly input: Uint8Array;
  readonly signature: Uint8Array;
}

/** The signatures of a presentation, in order: those of the tokens, then that of the proof. */
export function signedInputs({ aat_chain, aat_pop }: Presentation): readonly SignedInput[] {
  return [...aat_chain, aat_pop].map((compact, index) => {
    const end = compact.lastIndexOf('.');
    const signature = platform.decodeBase64url(compact.slice(end + 1));
    if (signature === undefined) throw new Error('A signature of our own making does not decode.');
    const input = platform.asciiBytes(compact.slice(0, end));
    return { key: signerAt(index).publicKey, input, signature };
  });
}

/** The backend that the verifier uses, bare. */
const rawVerify: SignatureVerifier = (key, input, signature) =>
  platform.verify?.(key, input, signature) === true;

/** OpenSSL with a key that has been read before, bare. */
export function openSslVerifier(): SignatureVerifier {
  const keys = new Map(
    SIGNERS.map(({ publicKey }) => [
      publicKey,
      createPublicKey({ key: { ...publicKey.jwk }, format: 'jwk' }),
    ]),
  );
  return (key, input, signature) => {
    const known = keys.get(key);
    return known !== undefined && verifyWithOpenSsl(null, input, known, signature);
  };
}

export function verifyAll(
  signed: readonly SignedInput[],
  verify: SignatureVerifier = rawVerify,
): void {
  for (const { key, input, signature } of signed) {
    if (!verify(key, input, signature)) throw new Error('A signature of our own does not verify.');
  }
}

/** A string with the same characters that the engine has not seen: no hash, no shared memory. */
export function received(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

/** A presentation as a server has it from a request. */
export function receivedPresentation({ aat_chain, aat_pop }: Presentation): Presentation {
  return { aat_chain: aat_chain.map(received), aat_pop: received(aat_pop) };
}
