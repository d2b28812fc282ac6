import { randomBytes } from 'node:crypto';
import { testKey } from '@taper/testkit';
import { describe, expect, it } from 'vitest';
import {
  type Administrators,
  createAdministrators,
} from '../../src/administration/administrators.ts';
import {
  BY,
  enrolled,
  ISSUER,
  identityKey,
  rootKey,
  type TestAuthority,
  testAuthority,
} from '../identity/authority.ts';

const OPERATOR = { kind: 'operator', id: 'test' } as const;

function open(authority: TestAuthority): Administrators {
  return createAdministrators({
    store: authority.store,
    issuer: ISSUER,
    root: rootKey.signer,
    audience: `${ISSUER}/admin`,
    tools: () => ({ 'taper:admin/x': { '*': { constraint_type: 'wildcard' } } }),
    ownKeys: [identityKey.publicKey, testKey('authority log').publicKey],
    clock: authority.clock.now,
    random: (length) => new Uint8Array(randomBytes(length)),
  });
}

function refusal(code: string): unknown {
  return expect.objectContaining({ refusal: code });
}

describe('the key of an administrator', () => {
  it('is none of the authority’s own, and none that anybody else has or had (Q04)', async () => {
    const authority = testAuthority();
    const administrators = open(authority);
    const agent = await enrolled(authority, 'desk');
    for (const key of [rootKey, identityKey, testKey('authority log'), agent]) {
      const jwk = { ...key.publicKey.jwk };
      await expect(administrators.add({ name: 'ada', jwk }, OPERATOR)).rejects.toThrow(
        refusal('key_in_use'),
      );
    }
    expect(await administrators.list()).toEqual([]);
    const jwk = { ...testKey('ada').publicKey.jwk };
    await administrators.add({ name: 'ada', jwk }, OPERATOR);
    await expect(administrators.add({ name: 'bob', jwk }, OPERATOR)).rejects.toThrow(
      refusal('key_in_use'),
    );
    await expect(
      authority.agents.enrol({
        possession: { key: testKey('ada').publicKey },
        admission: { kind: 'operator', tenant: 'acme', name: 'till', by: BY },
      }),
    ).rejects.toThrow(refusal('key_in_use'));
  });

  it('is renewed only while it is an administrator’s, and never comes back (M12)', async () => {
    const authority = testAuthority();
    const administrators = open(authority);
    const add = (name: string): Promise<unknown> =>
      administrators.add({ name, jwk: { ...testKey(name).publicKey.jwk } }, OPERATOR);
    await add('ada');
    await add('bob');
    const { thumbprint } = testKey('ada').publicKey;
    expect((await administrators.renew(thumbprint)).administrator.name).toBe('ada');
    await administrators.remove('ada', OPERATOR);
    for (const ask of [administrators.renew, administrators.require])
      await expect(ask(thumbprint)).rejects.toThrow(refusal('administrator_unknown'));
    await expect(add('ada')).rejects.toThrow(refusal('administrator_exists'));
    await expect(administrators.remove('bob', OPERATOR)).rejects.toThrow(
      refusal('administrator_last'),
    );
  });
});
