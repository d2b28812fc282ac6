import { createPublicKey, hash, type KeyObject, randomUUID, sign } from 'node:crypto';

// What an attacker writes: raw tokens and proofs with nothing but node:crypto.
// Nothing of Taper is imported here, since Taper's own makers refuse to make any of this.

/** The arguments of a tool call. */
export type Arguments = { readonly [name: string]: string };

/** What travels with a tool call. */
export interface Presentation {
  readonly aat_chain: readonly string[];
  readonly aat_pop: string;
}

/** What the attacker has got hold of. */
export interface Loot {
  readonly key: KeyObject;
  /** Tokens, root first. */
  readonly chain: readonly string[];
  /** The server's own name for itself. */
  readonly server: string;
}

/** A proof for any call whatever, truly signed with the attacker's key. */
export function forgeProof(
  { key, chain, server }: Loot,
  tool: string,
  args: Arguments,
  alg = 'Ed25519',
): Presentation {
  const leaf = chain.at(-1) as string;
  const claims = {
    jti: randomUUID(),
    iat: seconds(),
    aat_id: claimsOf(leaf)['jti'],
    aat_hash: hashOf(leaf),
    aat_aud: server,
    aat_tool: tool,
    hta: args,
  };
  return { aat_chain: chain, aat_pop: signJws({ alg, typ: 'aat-pop+jwt' }, claims, key) };
}

/** A token of one's own making below the stolen or granted leaf, with the tools that one would like to have. */
export function forgeChild({ key, chain, server }: Loot, tools: object): Loot {
  const leaf = chain.at(-1) as string;
  const parent = claimsOf(leaf) as { exp: number; del_depth: number; del_max_depth: number };
  const { kty, crv, x } = createPublicKey(key).export({ format: 'jwk' });
  const thumbprint = hash('sha256', `{"crv":"${crv}","kty":"${kty}","x":"${x}"}`, 'base64url');
  const claims = {
    jti: randomUUID(),
    iss: `urn:ietf:params:oauth:jwk-thumbprint:sha-256:${thumbprint}`,
    iat: seconds(),
    exp: parent.exp,
    del_depth: parent.del_depth + 1,
    del_max_depth: parent.del_max_depth,
    par_hash: hashOf(leaf),
    cnf: { jwk: { kty, crv, x } },
    authorization_details: [{ type: 'attenuating_agent_token', tools }],
  };
  const child = signJws({ alg: 'Ed25519', typ: 'aat+jwt' }, claims, key);
  return { key, chain: [...chain, child], server };
}

function signJws(header: { alg: string; typ: string }, claims: object, key: KeyObject): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const input = `${encode(header)}.${encode(claims)}`;
  if (header.alg === 'none') return `${input}.`;
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
}

function claimsOf(token: string): { readonly [claim: string]: unknown } {
  return JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString());
}

function hashOf(token: string): string {
  return hash('sha256', token.slice(0, token.lastIndexOf('.')), 'base64url');
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
