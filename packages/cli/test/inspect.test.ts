import { describe, expect, it } from 'vitest';
import { Workspace } from './workspace.ts';

const segment = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const HEADER = segment({ alg: 'Ed25519', typ: 'aat+jwt' });

function token(claims: unknown): string {
  return `${HEADER}.${segment(claims)}.${'A'.repeat(86)}`;
}

describe('taper inspect', () => {
  it('heads every screen UNVERIFIED', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    for (const argument of ['call.json', 'chain.json', token({ iss: 'PERMIT' })]) {
      const { exitCode, stdout } = await workspace.taper(['inspect', argument]);
      expect(exitCode).toBe(0);
      for (const screen of stdout.trimEnd().split('\n\n')) expect(screen).toMatch(/^UNVERIFIED /);
      expect((await workspace.json(['inspect', argument])).result.verified).toBe(false);
    }
  });

  it('never shows a private key that a token carries, however it is written', async () => {
    const workspace = new Workspace();
    const secret = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A';
    workspace.guard(secret);
    const key = { kty: 'OKP', crv: 'Ed25519', x: 'x', d: secret };
    const cases = [
      token({ cnf: { jwk: key } }),
      token({ cnf: { jwk: { d: secret } } }),
      token({ keys: [key] }),
      token(`{"jti":"a","jti":"b","cnf":{"jwk":${JSON.stringify(key)}}}`),
      token(`{"cnf":{"jwk":{"kty":"OKP","\\u0064":"${secret}"}}}`),
      token(`{"cnf":{"jwk":{"kty":"OKP","d":"${secret}"`),
      `${segment({ alg: 'none', jwk: key })}.${segment({})}.`,
    ];
    for (const compact of cases) {
      await workspace.taper(['inspect', compact]);
      await workspace.json(['inspect', compact]);
      workspace.write('token.txt', compact);
      await workspace.taper(['inspect', 'token.txt']);
    }
  });

  it.each([
    ['a member twice', '{"jti":"a","jti":"b"}', { jti: 'b' }],
    ['no JSON', 'hello', null],
    ['a member __proto__', '{"__proto__":{}}', null],
    ['too many brackets', '['.repeat(129) + ']'.repeat(129), null],
  ])('says of claims with %s what is wrong', async (_, text, shown) => {
    const { exitCode, result } = await new Workspace().json(['inspect', token(text)]);
    expect(exitCode).toBe(0);
    expect(result.parts[0].claims).toEqual(shown);
    expect(result.parts[0]).toHaveProperty('claims_problem');
  });

  it('shows the tokens that can be decoded beside one that cannot, and exits with 1', async () => {
    const workspace = new Workspace();
    workspace.write('chain.json', JSON.stringify([token({ jti: 'a' }), 'a.b']));
    const { exitCode, result, error } = await workspace.json(['inspect', 'chain.json']);
    expect(exitCode).toBe(1);
    expect(result.parts).toMatchObject([{ claims: { jti: 'a' } }, { part: 'token 2 of 2' }]);
    expect(error).toMatchObject({ code: 'token_malformed', field: 'token 2 of 2' });
  });
});
