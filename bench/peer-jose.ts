import { hash } from 'node:crypto';
import { importJWK, type JWK, type JWTPayload, jwtVerify } from 'jose';
import type { Peer } from './peer.ts';
import {
  ANCHOR,
  ARGS,
  AUDIENCE,
  NOW,
  received,
  TOOL,
  typicalChain,
  typicalProof,
} from './scene.ts';

/** The constraints of the typical tools, as a program of our own would read them. */
interface Claims extends JWTPayload {
  readonly par_hash?: string;
  readonly cnf: { readonly jwk: JWK };
  readonly authorization_details: readonly [{ readonly tools: Tools }];
}
type Tools = Record<string, Record<string, { max?: number; values?: string[]; value?: string }>>;

type Key = Awaited<ReturnType<typeof importJWK>>;

interface ProofClaims extends JWTPayload {
  readonly aat_hash: string;
  readonly aat_tool: string;
  readonly hta: typeof ARGS;
}

/** The very tokens that Taper verifies, by a JWT library and twenty lines of a user's own. */
export const jose: Peer = {
  name: 'jose',
  checks:
    'types, issuer, parent hashes, proof by the holder; tools and amounts, by hand-written code for these very tools',
  leavesOut:
    'any other constraint, duplicate members, limits, depth, weak keys, canonical signatures',
  async makeChain(hops) {
    const { aat_chain: tokens, aat_pop: proof } = await typicalProof(await typicalChain(hops));
    const rootKey = await importJWK({ ...ANCHOR.key.jwk }, 'Ed25519');
    const verify = async (): Promise<void> => {
      let key: Key = rootKey;
      let parent: { readonly tools: Tools; readonly hash: string } | undefined;
      for (const token of tokens.map(received)) {
        const claims: Claims = await verified<Claims>(token, key, 'aat+jwt');
        const [{ tools }] = claims.authorization_details;
        if (parent !== undefined) {
          insist(claims.par_hash === parent.hash);
          insist(isNarrower(parent.tools, tools));
        }
        parent = {
          tools,
          hash: hash('sha256', token.slice(0, token.lastIndexOf('.')), 'base64url'),
        };
        key = await importJWK(claims.cnf.jwk, 'Ed25519');
      }
      const call: ProofClaims = await verified<ProofClaims>(received(proof), key, 'aat-pop+jwt');
      insist(call['aat_aud'] === AUDIENCE && call.aat_hash === parent?.hash);
      insist(call.aat_tool === TOOL && JSON.stringify(call.hta) === JSON.stringify(ARGS));
      insist(parent !== undefined && isGranted(parent.tools));
    };
    const size = [...tokens, proof].reduce((sum, { length }) => sum + length, 0);
    return { size, signatures: hops + 1, verify };
  },
};

async function verified<Payload extends JWTPayload>(
  token: string,
  key: Key,
  typ: string,
): Promise<Payload> {
  const currentDate = new Date(NOW * 1000);
  const { payload } = await jwtVerify<Payload>(token, key, {
    algorithms: ['Ed25519'],
    typ,
    currentDate,
  });
  return payload;
}

function isNarrower(outer: Tools, inner: Tools): boolean {
  return Object.entries(inner).every(([tool, constraints]) => {
    const above = outer[tool];
    if (above === undefined) return false;
    return Object.entries(above).every(([name, constraint]) => {
      const below = constraints[name];
      if (constraint.max !== undefined) return (below?.max ?? Infinity) <= constraint.max;
      return JSON.stringify(below) === JSON.stringify(constraint);
    });
  });
}

function isGranted(tools: Tools): boolean {
  const { amount, currency, order_id } = tools[TOOL] ?? {};
  return (
    Number(ARGS['amount']) <= (amount?.max ?? 0) &&
    ARGS['currency'] === currency?.value &&
    order_id?.values?.includes(String(ARGS['order_id'])) === true
  );
}

function insist(holds: boolean): void {
  if (!holds) throw new Error('refused');
}
