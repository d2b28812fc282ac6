import { type IssueOptions, revocationSubject } from '@taper/core';
import { TEST_TIME, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  createForeignDomains,
  type ForeignDomainOptions,
} from '../../src/foreign/foreign-domain.ts';
import { claimsOf, handOn } from '../token/chains.ts';
import { KEYS, openOffice, PARTNER, spiffeId, subjectOf } from '../token/office.ts';
import { ISSUER } from '../token/proofs.ts';
import { LOG, LOG_TRUST, partnerRoot, stapleFor } from './partner.ts';

const { desk, till, partner } = KEYS;
const any = { constraint_type: 'wildcard' };
const DOMAIN: ForeignDomainOptions = { issuer: PARTNER, anchors: [partner.publicKey] };
const WATCHED: ForeignDomainOptions = {
  ...DOMAIN,
  revocation: { trust: LOG_TRUST, maxStaleness: 60 },
};

async function exchange(
  options: Partial<IssueOptions> = {},
  domain: ForeignDomainOptions = DOMAIN,
) {
  const office = await openOffice({ foreign: [domain] });
  return office.exchange(desk, subjectOf(await partnerRoot(options)));
}

describe('a chain of a foreign domain', () => {
  test('becomes a root of ours with the tools that the grant maps, and no others', async () => {
    const answer = await exchange();
    expect(answer.outcome).toBe('ok');
    const chain = await partnerRoot();
    const claims = claimsOf(answer.body['access_token'] as string);
    expect(claims).toMatchObject({
      iss: ISSUER,
      exp: TEST_TIME + 1800,
      del_max_depth: 1,
      taper: { tenant: 'acme' },
      authorization_details: [{ tools: { lookup: { order: any } } }],
      act: { iss: ISSUER, sub: spiffeId('desk') },
      taper_subject: { kind: 'foreign', iss: PARTNER },
    });
    expect(Object.keys(claims)).not.toContain('aud');
    expect(chain.anchor.issuer).toBe(PARTNER);
  });

  test('says nothing of agents of ours, whether there are such or not (D24, F16)', async () => {
    const caveats = { tenant: 'theirs' };
    const domain = { ...DOMAIN, tenant: 'theirs' };
    const outcomeOf = async (iss: string, name: string): Promise<string> => {
      const information = {
        act: { iss: PARTNER, sub: 'portal', act: { iss, sub: spiffeId(name) } },
      };
      return (await exchange({ caveats, information }, domain)).outcome;
    };
    expect(await outcomeOf(PARTNER, 'till')).toBe('ok');
    for (const name of ['till', 'nobody'])
      expect(await outcomeOf(ISSUER, name)).toBe('subject_refused: act');
  });

  test('and what it names of its own subjects is kept, but not in a shape that verifiers deny', async () => {
    const before = { kind: 'user', iss: 'https://login.partner.example', hash: 'A'.repeat(43) };
    const caveats = { tenant: 'theirs' };
    const domain = { ...DOMAIN, tenant: 'theirs' };
    const information = { taper_subject: before };
    const kept = await exchange({ caveats, information }, domain);
    expect(claimsOf(kept.body['access_token'] as string)['taper_subject']).toMatchObject({
      kind: 'foreign',
      subject: before,
    });
    // A plain root may say anything under that name: `issue` does not make one.
    const office = await openOffice({ foreign: [DOMAIN] });
    const plain = (await partnerRoot()).leaf.compact;
    const [header = ''] = plain.split('.');
    const payload = Buffer.from(
      JSON.stringify({ ...claimsOf(plain), taper_subject: { ...before, kind: 'agent' } }),
    ).toString('base64url');
    const signed = await partner.signer.sign(Buffer.from(`${header}.${payload}`));
    const token = `${header}.${payload}.${Buffer.from(signed).toString('base64url')}`;
    expect((await office.exchange(desk, token)).outcome).toBe('subject_refused: taper_subject');
  });

  test('stays within what the foreign leaf allows', async () => {
    const narrow = { constraint_type: 'exact', value: 'A-1' };
    const answer = await exchange({ tools: { find_order: { order: narrow } } });
    expect(claimsOf(answer.body['access_token'] as string)['authorization_details']).toEqual([
      { type: 'attenuating_agent_token', tools: { lookup: { order: narrow } } },
    ]);
  });

  test('without a mapping nothing crosses', async () => {
    for (const tool of ['drop_order', 'lookup', 'refund']) {
      const answer = await exchange({ tools: { [tool]: { order: any } } });
      expect(answer.outcome).toBe('grant_none: nothing_in_common');
    }
  });

  test('of a domain that is not configured does not come in, whatever a grant says', async () => {
    expect((await exchange()).outcome).toBe('ok');
    const office = await openOffice();
    const answer = await office.exchange(desk, subjectOf(await partnerRoot()));
    expect([answer.body['error'], answer.outcome]).toEqual([
      'invalid_request',
      'subject_refused: issuer',
    ]);
  });

  test('under an issuer that is almost the configured one does not come in (F07, F08)', async () => {
    for (const issuer of [
      `${PARTNER}/`,
      `${PARTNER}:443`,
      PARTNER.toUpperCase(),
      `${PARTNER}.evil.example`,
    ]) {
      expect((await exchange({ issuer })).outcome).toBe('subject_refused: issuer');
    }
  });

  test('under a key that is not the domain’s, or is ours, does not come in (F13)', async () => {
    for (const key of [testKey('partner staging'), KEYS.root, KEYS.desk])
      expect((await exchange({ signer: key.signer })).outcome).toBe('subject_refused: chain');
  });

  test('signed by the partner in our name does not come in', async () => {
    expect((await exchange({ issuer: ISSUER })).outcome).toBe('subject_refused: chain');
  });

  test('was made to be brought here, on every hop that names a place (F14)', async () => {
    const office = await openOffice({ foreign: [DOMAIN] });
    const other = 'https://tools.partner.example';
    const chains = [
      await partnerRoot({}, { unbound: true }),
      await partnerRoot({ audience: other }),
      await partnerRoot({ audience: `${ISSUER}/` }),
      await handOn(await partnerRoot({ audience: [other, ISSUER] }), desk, desk, {
        audience: other,
      }),
    ];
    for (const chain of chains)
      expect((await office.exchange(desk, subjectOf(chain))).outcome).toBe(
        'subject_refused: audience',
      );
    const good = await handOn(await partnerRoot({ audience: [other, ISSUER] }), desk, desk, {
      audience: ISSUER,
    });
    expect((await office.exchange(desk, subjectOf(good))).outcome).toBe('ok');
  });

  test('is exchanged by the holder of its leaf alone', async () => {
    const office = await openOffice({ foreign: [DOMAIN] });
    const chain = await partnerRoot();
    expect((await office.exchange(till, subjectOf(chain))).outcome).toBe(
      'actor_refused: not_named',
    );
  });

  test('in which a key is revoked in our log does not come in', async () => {
    const office = await openOffice({ foreign: [DOMAIN] });
    office.revoked.add(partner.publicKey.thumbprint);
    expect((await office.exchange(desk, subjectOf(await partnerRoot()))).outcome).toBe(
      'subject_refused: revoked',
    );
  });

  test('comes in for the one tenant that is configured, and for none otherwise', async () => {
    const tenant = 'their-tenant';
    const of = (name: string) => ({ caveats: { tenant: name } });
    expect((await exchange(of(tenant), { ...DOMAIN, tenant })).outcome).toBe('ok');
    expect((await exchange(of('another'), { ...DOMAIN, tenant })).outcome).toBe(
      'subject_refused: tenant',
    );
    expect((await exchange({}, { ...DOMAIN, tenant })).outcome).toBe('subject_refused: tenant');
    expect((await exchange(of(tenant))).outcome).toBe('subject_refused: tenant');
    expect((await exchange(of('acme'))).outcome).toBe('subject_refused: tenant');
  });

  test('has its tenant from its root: what a holder writes further down does not count', async () => {
    const tenant = 'their-tenant';
    const chain = await handOn(await partnerRoot(), desk, desk, { caveats: { tenant } });
    for (const domain of [DOMAIN, { ...DOMAIN, tenant }]) {
      const office = await openOffice({ foreign: [domain] });
      expect((await office.exchange(desk, subjectOf(chain))).outcome).toBe(
        'subject_refused: tenant',
      );
    }
  });

  const uncarried: readonly [string, IssueOptions['caveats']][] = [
    ['budget', { budget: { calls: '3' } }],
    ['purpose', { purpose: 'their-case' }],
    ['approvals', { approvals: { find_order: { finance: 1 } } }],
    ['definitions', { definitions: { find_order: 'A'.repeat(43) } }],
    ['revocation', { revocation: { log: LOG, epoch: 1, max_staleness: 60 } }],
  ];
  for (const [caveat, caveats] of uncarried) {
    test(`with a caveat (${caveat}) that cannot be kept here does not come in`, async () => {
      const answer = await exchange(caveats === undefined ? {} : { caveats });
      expect(answer.outcome).toBe('subject_refused: caveat');
      expect(answer.body['facts']).toMatchObject({ caveat });
    });
  }
});

describe('where the domain’s revocation log is configured', () => {
  async function bring(
    changes: Parameters<typeof stapleFor>[1] = {},
    { options = {}, evidence }: { options?: Partial<IssueOptions>; evidence?: string } = {},
  ) {
    const office = await openOffice({ foreign: [WATCHED] });
    const chain = await partnerRoot(options);
    const staple = evidence ?? (await stapleFor(revocationSubject(chain), changes));
    return office.exchange(desk, subjectOf(chain), { subject_evidence: staple });
  }

  test('a fresh staple lets the chain in, for as long as the staple counts', async () => {
    const answer = await bring({ time: TEST_TIME - 20 });
    expect(answer.outcome).toBe('ok');
    // As of 20 seconds ago, and good for 60.
    expect(answer.body['expires_in']).toBe(40);
  });

  test('a chain without a staple stays outside', async () => {
    expect((await exchange({}, WATCHED)).outcome).toBe('subject_refused: staple_missing');
  });

  test('a revoked key refuses', async () => {
    const answer = await bring({ revokedKey: desk.publicKey.thumbprint });
    expect([answer.outcome, answer.body['facts']]).toEqual([
      'subject_refused: revoked',
      { reason: 'revoked', what: 'key' },
    ]);
  });

  test('a staple that is too old or from the future refuses, at the second', async () => {
    expect((await bring({ time: TEST_TIME - 59 })).body['expires_in']).toBe(1);
    for (const time of [TEST_TIME - 60, TEST_TIME - 3600, TEST_TIME + 61])
      expect((await bring({ time })).outcome).toBe('subject_refused: staple_stale');
  });

  test('a staple of another log, by another key, of another chain, or none, refuses', async () => {
    expect((await bring({ origin: 'log.other.example' })).outcome).toBe(
      'subject_refused: staple_invalid',
    );
    expect((await bring({ signer: testKey('other log') })).outcome).toBe(
      'subject_refused: staple_invalid',
    );
    for (const evidence of ['x', 'AAAA', 'A'.repeat(100_000)])
      expect((await bring({}, { evidence })).outcome).toBe('subject_refused: staple_invalid');
  });

  const demand = (log: string, epoch: number, max_staleness: number) => ({
    options: { caveats: { revocation: { log, epoch, max_staleness } } },
  });
  test('the caveat of the chain is kept: its staleness bounds the root, and its epoch must have been reached', async () => {
    expect((await bring({}, demand(LOG, 5, 30))).body['expires_in']).toBe(30);
    expect((await bring({}, demand(LOG, 5, 300))).body['expires_in']).toBe(60);
    expect((await bring({}, demand(LOG, 6, 30))).outcome).toBe('subject_refused: staple_stale');
    expect((await bring({}, demand('log.third.example', 1, 30))).outcome).toBe(
      'subject_refused: caveat',
    );
  });
});

test('a root key of ours is no foreign anchor (Q04)', async () => {
  const domain = { ...DOMAIN, anchors: [KEYS.root.publicKey] };
  await expect(openOffice({ foreign: [domain] })).rejects.toMatchObject({ code: 'option_invalid' });
});

describe('the configuration', () => {
  const refused: readonly [string, readonly unknown[]][] = [
    ['our own issuer', [{ ...DOMAIN, issuer: ISSUER }]],
    ['an issuer twice', [DOMAIN, { ...DOMAIN, anchors: [till.publicKey] }]],
    ['one key for two domains (Q04)', [DOMAIN, { ...DOMAIN, issuer: 'https://third.example' }]],
    ['no anchor', [{ ...DOMAIN, anchors: [] }]],
    ['an option that nobody knows', [{ ...DOMAIN, jwks_uri: 'https://partner.example/jwks' }]],
    ['a staleness of nothing', [{ ...DOMAIN, revocation: { trust: LOG_TRUST, maxStaleness: 0 } }]],
    [
      'a log without a key',
      [{ ...DOMAIN, revocation: { trust: { ...LOG_TRUST, keys: [] }, maxStaleness: 9 } }],
    ],
    ['a tenant without a name', [{ ...DOMAIN, tenant: '' }]],
  ];
  for (const [rule, domains] of refused) {
    test(`with ${rule} is refused`, () => {
      expect(() =>
        createForeignDomains(domains as readonly ForeignDomainOptions[], ISSUER),
      ).toThrow(expect.objectContaining({ code: 'option_invalid' }));
    });
  }
});
