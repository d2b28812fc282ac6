import { createAsyncVerifier, type Denial, importPublicKey, platform } from '../../src/index.ts';
import { readPublicKey } from '../../src/key.ts';
import { precheckSignature } from '../../src/signature.ts';
import { judgeAsync } from '../log-proof/judge.ts';

/** A vector suite in the form that `taper conformance` reads. */
export interface Suite {
  readonly params: { readonly audience: string };
  readonly trust_anchors: readonly { readonly iss: string; readonly jwk: unknown }[];
  readonly vectors: readonly Vector[];
}

export interface Vector {
  readonly id: string;
  readonly now: number;
  readonly tool: string;
  readonly args_json: string;
  readonly policy: {
    readonly require_pop_aud?: boolean;
    readonly require_chain_aud?: boolean;
    readonly nonce?: string;
  };
  readonly chain: readonly string[];
  readonly pop: string;
}

export interface Answer {
  readonly id: string;
  readonly verdict: string;
  readonly denial: Denial | undefined;
}

/** Judges every vector with the browser build. */
async function judge(suite: Suite): Promise<readonly Answer[]> {
  const anchors = suite.trust_anchors.map(({ iss, jwk }) => ({
    issuer: iss,
    key: importPublicKey(jwk),
  }));
  const answers: Answer[] = [];
  for (const { id, policy, chain, pop, tool, args_json, now } of suite.vectors) {
    const verifier = createAsyncVerifier({
      anchors,
      audience: suite.params.audience,
      requireProofAudience: policy.require_pop_aud ?? false,
      requireChainAudience: policy.require_chain_aud ?? false,
      ...(policy.nonce === undefined
        ? {}
        : { acceptsNonce: (nonce: string) => nonce === policy.nonce }),
    });
    const presentation = { aat_chain: chain, aat_pop: pop };
    const decision = await verifier.authorize({ presentation, tool, args: args_json, now });
    answers.push({
      id,
      verdict: decision.verdict,
      denial: decision.verdict === 'deny' ? decision.denial : undefined,
    });
  }
  return answers;
}

export interface SignatureCase {
  readonly jwk: { readonly [member: string]: string };
  readonly input: string;
  readonly signature: string;
}

/** Key check, signature form, then WebCrypto, as a verifier asks them. All bytes are hex. */
async function checkSignatures(cases: readonly SignatureCase[]): Promise<readonly string[]> {
  const bytes = (hex: string): Uint8Array =>
    Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  const verdicts: string[] = [];
  for (const { jwk, input, signature } of cases) {
    const key = readPublicKey(jwk);
    if (typeof key === 'string') {
      verdicts.push(key);
      continue;
    }
    const malformed = precheckSignature(key.alg, bytes(signature));
    const valid =
      malformed === undefined && (await platform.verifyAsync(key, bytes(input), bytes(signature)));
    verdicts.push(malformed ?? (valid ? 'valid' : 'signature_invalid'));
  }
  return verdicts;
}

export interface TaperPage {
  readonly platform: string;
  readonly judge: typeof judge;
  readonly checkSignatures: typeof checkSignatures;
  readonly judgeLog: typeof judgeAsync;
}

const page: TaperPage = { platform: platform.name, judge, checkSignatures, judgeLog: judgeAsync };
Object.assign(globalThis, { taper: page });
