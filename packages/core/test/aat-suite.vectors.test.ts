import { describe, expect, test } from 'vitest';
import { nodePlatform } from '../src/crypto/node.ts';
import {
  createSigner,
  createVerifier,
  type Decision,
  derive,
  importPublicKey,
  issue,
  type JsonObject,
  prove,
  type Signer,
  type ToolMap,
  type VerifiedChain,
} from '../src/index.ts';
import { thirdPartyVectors } from './third-party-vectors.ts';

interface Suite {
  readonly params: { readonly audience: string };
  readonly keys: {
    readonly [role: string]: { readonly seed_hex: string; readonly jwk: JsonObject };
  };
  readonly trust_anchors: readonly { readonly iss: string; readonly jwk: JsonObject }[];
  readonly vectors: readonly Vector[];
}

interface Vector {
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
  readonly expected: { readonly verdict: 'PERMIT' | 'DENY'; readonly step: string | null };
}

const suite = thirdPartyVectors<Suite>('aat/aat-vectors-compact.json');

const NOTHING: Suite = { params: { audience: '' }, keys: {}, trust_anchors: [], vectors: [] };

describe.skipIf(suite === undefined)('the AAT suite', () => {
  // What is skipped is read all the same.
  const { params, keys, trust_anchors: anchors, vectors } = suite ?? NOTHING;

  function judge(vector: Vector, verifySignature = nodePlatform.verify): Decision {
    const { nonce, require_pop_aud: popAud, require_chain_aud: chainAud } = vector.policy;
    const verifier = createVerifier({
      anchors: anchors.map(({ iss, jwk }) => ({ issuer: iss, key: importPublicKey(jwk) })),
      audience: params.audience,
      requireProofAudience: popAud ?? false,
      requireChainAudience: chainAud ?? false,
      ...(nonce === undefined ? {} : { acceptsNonce: (given: string) => given === nonce }),
      ...(verifySignature === undefined ? {} : { verifySignature }),
    });
    const { chain, pop, tool, args_json: args, now } = vector;
    return verifier.authorize({
      presentation: { aat_chain: chain, aat_pop: pop },
      tool,
      args,
      now,
    });
  }

  test.each((suite?.vectors ?? []).map((vector) => [vector.id, vector] as const))(
    '%s has the verdict and the step that the suite expects, on OpenSSL and on the platform’s own',
    (_id, vector) => {
      for (const decision of [judge(vector), judge(vector, undefined)]) {
        const denied = decision.verdict === 'deny' ? decision.denial.step : undefined;
        expect(decision.verdict).toBe(vector.expected.verdict === 'PERMIT' ? 'permit' : 'deny');
        expect(vector.expected.step?.split('/') ?? [undefined]).toContain(denied);
      }
    },
  );

  test('has 115 vectors', () => {
    expect(vectors).toHaveLength(115);
  });

  describe('is made again byte for byte', () => {
    const signers = Object.values(keys).map(({ seed_hex: seed, jwk }) =>
      createSigner({ ...jwk, d: Buffer.from(seed, 'hex').toString('base64url') }),
    );
    const payloadOf = (compact: string) =>
      JSON.parse(Buffer.from(compact.split('.')[1] ?? '', 'base64url').toString());
    const signerOf = (jwk: JsonObject): Signer => {
      const { thumbprint } = importPublicKey(jwk);
      return signers.find(({ publicKey }) => publicKey.thumbprint === thumbprint) as Signer;
    };

    /** Only through the public makers, from nothing but the claims that a caller chooses. */
    async function remake({
      chain,
      pop,
      tool,
      args_json,
      now,
    }: Vector): Promise<readonly string[]> {
      let made: VerifiedChain | undefined;
      let signer = signerOf(anchors[0]?.jwk as JsonObject);
      for (const claims of chain.map(payloadOf)) {
        const common = {
          signer,
          holder: importPublicKey(claims.cnf.jwk),
          tools: claims.authorization_details[0].tools as ToolMap,
          now: claims.iat as number,
          id: claims.jti as string,
          lifetime: (claims.exp - claims.iat) as number,
          maxDepth: claims.del_max_depth as number,
          ...(claims.aud === undefined ? {} : { audience: claims.aud as string }),
        };
        made = await (made === undefined
          ? issue({ ...common, issuer: claims.iss as string })
          : derive(made, common));
        signer = signerOf(claims.cnf.jwk);
      }
      const proof = payloadOf(pop);
      const presentation = await prove(made as VerifiedChain, {
        signer,
        tool,
        args: args_json,
        now: proof.iat as number,
        id: proof.jti as string,
        ...(proof.aat_aud === undefined ? {} : { audience: proof.aat_aud as string }),
        ...(proof.nonce === undefined ? {} : { nonce: proof.nonce as string }),
      });
      expect(now - proof.iat).toBeLessThanOrEqual(30);
      return [...presentation.aat_chain, presentation.aat_pop];
    }

    const permitted = (suite?.vectors ?? []).filter(
      ({ expected }) => expected.verdict === 'PERMIT',
    );
    test.each(permitted.map((vector) => [vector.id, vector] as const))(
      '%s',
      async (_id, vector) => {
        expect(await remake(vector)).toEqual([...vector.chain, vector.pop]);
      },
    );

    test('every vector that is permitted', () => {
      expect(permitted.length).toBe(29);
    });
  });
});
