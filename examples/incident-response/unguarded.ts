import { hash, type KeyObject, randomUUID, sign } from 'node:crypto';

// What an agent can write that was talked into something: a proof for any call whatever, truly signed with its own key, with nothing but
// node:crypto. The toolkit refuses to make it.

export function signByHand(
  key: KeyObject,
  chain: readonly string[],
  server: string,
  tool: string,
  args: object,
): Record<string, string> {
  const leaf = chain.at(-1) as string;
  const claims = JSON.parse(Buffer.from(leaf.split('.')[1] as string, 'base64url').toString()) as {
    readonly jti: string;
  };
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const header = encode({ alg: 'Ed25519', typ: 'aat-pop+jwt' });
  const payload = encode({
    jti: randomUUID(),
    iat: Math.floor(Date.now() / 1000),
    aat_id: claims.jti,
    aat_hash: hash('sha256', leaf.slice(0, leaf.lastIndexOf('.')), 'base64url'),
    aat_aud: server,
    aat_tool: tool,
    hta: args,
  });
  const signature = sign(null, Buffer.from(`${header}.${payload}`), key).toString('base64url');
  const presentation = { aat_chain: chain, aat_pop: `${header}.${payload}.${signature}` };
  const base64 = Buffer.from(JSON.stringify(presentation)).toString('base64');
  return { 'Taper-Presentation': `:${base64}:` };
}
