import { Buffer } from 'node:buffer';
import {
  type ChainVerdict,
  createSigner,
  createVerifier,
  type Decision,
  derive,
  generateKeyPair,
  issue,
  type JsonObject,
  prove,
  type Signer,
  type VerifiedChain,
  type Verifier,
} from '../../src/index.ts';

/** 2026-06-21T00:00:00Z. */
export const NOW = 1_782_000_000;
export const ISSUER = 'https://authority.example';
export const AUDIENCE = 'https://payments.example';

function newSigner(): Signer {
  return createSigner(generateKeyPair().privateJwk);
}

export const authority: Signer = newSigner();
export const planner: Signer = newSigner();
export const billing: Signer = newSigner();
export const worker: Signer = newSigner();
export const stranger: Signer = newSigner();

/** The reader knows three of the four keys. */
export const NAMES: ReadonlyMap<string, string> = new Map([
  [authority.publicKey.thumbprint, 'head office'],
  [planner.publicKey.thumbprint, 'planner'],
  [billing.publicKey.thumbprint, 'billing'],
]);

const wildcard = { constraint_type: 'wildcard' };

/** Three hops, on which every dimension narrows: tools, arguments, presence, `*`, time, depth and audience. */
export const root: VerifiedChain = await issue({
  issuer: ISSUER,
  signer: authority,
  holder: planner.publicKey,
  now: NOW,
  id: 'token-0',
  lifetime: 3600,
  maxDepth: 4,
  tools: {
    refund: {
      amount: { constraint_type: 'range', max: 100 },
      currency: { constraint_type: 'one_of', values: ['EUR', 'USD'] },
      note: { ...wildcard, optional: true },
      reason: { ...wildcard, optional: true },
    },
    mail: {},
    ledger: { account: wildcard },
  },
});

const middle: VerifiedChain = await derive(root, {
  signer: planner,
  holder: billing.publicKey,
  now: NOW + 10,
  id: 'token-1',
  lifetime: 1800,
  maxDepth: 3,
  tools: {
    refund: {
      amount: { constraint_type: 'range', max: 20 },
      currency: { constraint_type: 'one_of', values: ['EUR', 'USD'] },
      note: { ...wildcard, optional: true },
      reason: wildcard,
    },
    mail: { to: { constraint_type: 'one_of', values: ['a@x.example', 'b@x.example'] } },
  },
});

export const chain: VerifiedChain = await derive(middle, {
  signer: billing,
  holder: worker.publicKey,
  now: NOW + 20,
  id: 'token-2',
  audience: AUDIENCE,
  tools: {
    refund: {
      amount: { constraint_type: 'range', max: 20 },
      currency: { constraint_type: 'exact', value: 'EUR' },
      reason: wildcard,
    },
  },
});

export const compacts: readonly string[] = chain.tokens.map(({ compact }) => compact);

/** A verifier without a cache, so that a test never depends on the one before it. */
const verifier: Verifier = createVerifier({
  anchors: [{ issuer: ISSUER, key: authority.publicKey }],
  audience: AUDIENCE,
  cacheCharacters: 0,
});

export function verify(tokens: readonly string[], now: number = NOW + 30): ChainVerdict {
  return verifier.verifyChain(tokens, now);
}

export const ARGS: JsonObject = { amount: 12, currency: 'EUR', reason: 'secret-value-4711' };

/** The proof is for {@link ARGS}, or for other arguments that the leaf grants; the call is made with `args`. */
export async function call(
  args: JsonObject = ARGS,
  change: { readonly now?: number; readonly proven?: JsonObject; readonly of?: VerifiedChain } = {},
): Promise<Decision> {
  const presentation = await prove(change.of ?? chain, {
    signer: worker,
    tool: 'refund',
    args: change.proven ?? ARGS,
    now: NOW + 30,
    id: 'proof-1',
    audience: AUDIENCE,
  });
  return verifier.authorize({ presentation, tool: 'refund', args, now: change.now ?? NOW + 30 });
}

export const permit: Decision = await call();

/** The token with other claims, signed by `signer`: what a dishonest holder makes. */
export async function forge(
  compact: string,
  signer: Signer,
  change: (claims: Record<string, never>) => unknown,
): Promise<string> {
  const [header = '', payload = ''] = compact.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  change(claims);
  const input = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  const signature = await signer.sign(Buffer.from(input));
  return `${input}.${Buffer.from(signature).toString('base64url')}`;
}

/** Sets the constraint of an argument of `refund` in the token's claims. */
function refundArgument(argument: string, constraint: JsonObject) {
  return (claims: Record<string, never>): void => {
    const details = claims['authorization_details'] as unknown as [
      { tools: { refund: Record<string, JsonObject> } },
    ];
    details[0].tools.refund[argument] = constraint;
  };
}

/** The middle token asks for more than its parent grants; the leaf after it is presented all the same. */
export const widened: ChainVerdict = verify([
  compacts[0] as string,
  await forge(
    compacts[1] as string,
    planner,
    refundArgument('amount', { constraint_type: 'wildcard' }),
  ),
  compacts[2] as string,
]);
