import { createHash, createHmac } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { NOW, Workspace } from './workspace.ts';

interface Report {
  readonly verdict: string;
  readonly chains: readonly {
    readonly format: string;
    readonly checks: Readonly<Record<string, string>>;
    readonly hops: readonly { readonly revocation_seconds: number | string | null }[];
    readonly findings: readonly {
      readonly code: string;
      readonly hop: number;
      readonly mode: string | null;
      readonly owasp: readonly string[];
    }[];
    readonly failure_modes: Readonly<Record<string, number>>;
  }[];
}

async function audit(sample: unknown, ...options: readonly string[]): Promise<Report> {
  const workspace = new Workspace('empty');
  const text = typeof sample === 'string' ? sample : JSON.stringify(sample);
  workspace.write('sample.json', text);
  const { result, exitCode } = await workspace.json(['audit', 'chain', 'sample.json', ...options]);
  const report = result as unknown as Report;
  expect(exitCode).toBe(report.verdict === 'pass' ? 0 : 1);
  return report;
}

/** Codes by hop of the only chain. */
async function codes(sample: unknown): Promise<readonly string[]> {
  const { chains } = await audit(sample);
  expect(chains).toHaveLength(1);
  return chains[0]?.findings.map(({ hop, code }) => `${hop}:${code}`) ?? [];
}

type PlainHop = Readonly<Record<string, unknown>>;

const ROOT: PlainHop = {
  to: 'planner',
  scope: ['files.read', 'files.write'],
  issued_at: NOW,
  expires_at: NOW + 600,
};
const CHILD: PlainHop = {
  to: 'reader',
  scope: ['files.read'],
  issued_at: NOW,
  expires_at: NOW + 600,
  parent_binding: 'signature',
};
const CHECKED = { checked: 'every_hop', max_age_seconds: 5 };

function plain(...hops: readonly PlainHop[]): object {
  return { format: 'plain', revocation: CHECKED, hops };
}

describe('taper audit chain: hops described in JSON', () => {
  it('passes a chain that narrows, ends in time, can be revoked and is bound', async () => {
    const { verdict, chains } = await audit(plain(ROOT, CHILD));
    expect(chains[0]?.findings).toEqual([]);
    expect(verdict).toBe('pass');
    expect(chains[0]?.checks).toEqual({
      scope: 'pass',
      time: 'pass',
      revocation: 'pass',
      receipt: 'pass',
    });
  });

  const cases: readonly [string, readonly PlainHop[], readonly string[]][] = [
    [
      'a hop that has what its parent has not',
      [ROOT, { ...CHILD, scope: ['mail.send'] }],
      ['1:scope_introduced'],
    ],
    ['a hop that names no scope', [ROOT, { ...CHILD, scope: null }], ['1:scope_omitted']],
    [
      'a hop whose scope nobody recorded',
      [ROOT, { to: 'reader', issued_at: NOW, expires_at: NOW, parent_binding: 'hash' }],
      ['1:scope_unrecorded'],
    ],
    [
      'a prefix, at each hop that has it',
      [
        { ...ROOT, scope: ['files:*'] },
        { ...CHILD, scope: ['files:*'] },
      ],
      ['0:scope_pattern', '1:scope_pattern'],
    ],
    [
      'what is a subset only by prefix',
      [
        { ...ROOT, scope: ['repo'] },
        { ...CHILD, scope: ['repo:read'] },
      ],
      ['1:scope_by_pattern'],
    ],
    [
      'a name that only begins alike, as something new',
      [
        { ...ROOT, scope: ['repo'] },
        { ...CHILD, scope: ['repository'] },
      ],
      ['1:scope_introduced'],
    ],
    [
      'a path that ends in a separator',
      [{ ...ROOT, scope: ['/srv/reports/'] }],
      ['0:scope_pattern'],
    ],
    [
      'an end after that of its parent',
      [ROOT, { ...CHILD, expires_at: NOW + 601 }],
      ['1:expiry_increases'],
    ],
    ['no end', [ROOT, { ...CHILD, expires_at: 'never' }], ['1:expiry_missing']],
    ['an end that nobody recorded', [{ ...ROOT, expires_at: undefined }], ['0:expiry_unrecorded']],
    ['a grace', [{ ...ROOT, grace_seconds: 30 }], ['0:expiry_grace']],
    [
      'a refresh that was seen to set the end anew',
      [{ ...ROOT, renewed_to: [NOW + 601] }],
      ['0:refresh_resets'],
    ],
    ['a refresh that may', [{ ...ROOT, renewal: 'resets' }], ['0:refresh_possible']],
    ['a hop bound by nothing', [ROOT, { ...CHILD, parent_binding: 'none' }], ['1:parent_unbound']],
    ['a hop bound by a name', [ROOT, { ...CHILD, parent_binding: 'name' }], ['1:parent_by_name']],
    [
      'a hop of which nobody knows how it is bound',
      [ROOT, { ...CHILD, parent_binding: undefined }],
      ['1:parent_unrecorded'],
    ],
    [
      'a hop at which nobody looks for revocations, for as long as the leaf counts',
      [{ ...ROOT, revocation: { checked: false } }, CHILD],
      ['0:revocation_slow'],
    ],
    [
      'a hop that cannot be revoked at all',
      [{ ...ROOT, expires_at: 'never', revocation: { checked: false } }],
      ['0:expiry_missing', '0:revocation_never'],
    ],
    ['a tenant that gets lost', [{ ...ROOT, tenant: 'acme' }, CHILD], ['1:tenant_lost']],
    [
      'an audience that gets lost where a domain is crossed',
      [
        { ...ROOT, domain: 'a.example', audience: ['https://files.example'] },
        { ...CHILD, domain: 'b.example' },
      ],
      ['1:audience_lost'],
    ],
    [
      'a scope that is written in another form after a border',
      [ROOT, { ...CHILD, scope: undefined, tools: { read: {} } }],
      ['1:scope_incomparable'],
    ],
    [
      'a join that adds up what its parents have',
      [
        ROOT,
        { ...CHILD, scope: ['files.read'] },
        { ...CHILD, parents: [0], scope: ['files.write'] },
        { ...CHILD, parents: [1, 2], scope: ['files.read', 'files.write'] },
      ],
      ['3:join_union', '3:join_union'],
    ],
    [
      'typed constraints that grow',
      [
        {
          ...ROOT,
          scope: undefined,
          tools: { pay: { amount: { constraint_type: 'range', max: 10 } } },
        },
        {
          ...CHILD,
          scope: undefined,
          tools: { pay: { amount: { constraint_type: 'range', max: 11 } } },
        },
      ],
      ['1:scope_widened'],
    ],
  ];
  test.each(cases)('finds %s', async (_, hops, expected) => {
    expect(await codes(plain(...hops))).toEqual(expected);
  });

  const passing: readonly [string, readonly PlainHop[]][] = [
    ['an end equal to that of its parent', [ROOT, { ...CHILD, expires_at: NOW + 600 }]],
    [
      'a refresh bounded by the end that was granted',
      [{ ...ROOT, renewal: 'bounded', renewed_to: [NOW + 600] }],
    ],
    ['no grace, said so', [{ ...ROOT, grace_seconds: 0 }]],
    [
      'a join that holds what all of its parents have',
      [
        ROOT,
        { ...CHILD, scope: ['files.read', 'files.write'] },
        { ...CHILD, parents: [0], scope: ['files.read'] },
        { ...CHILD, parents: [1, 2], scope: ['files.read'] },
      ],
    ],
    [
      'typed constraints that narrow',
      [
        {
          ...ROOT,
          scope: undefined,
          tools: { pay: { amount: { constraint_type: 'range', max: 10 } } },
        },
        {
          ...CHILD,
          scope: undefined,
          tools: { pay: { amount: { constraint_type: 'range', max: 10 } } },
        },
      ],
    ],
    [
      'a tenant that stays',
      [
        { ...ROOT, tenant: 'acme' },
        { ...CHILD, tenant: 'acme' },
      ],
    ],
  ];
  test.each(passing)('passes %s', async (_, hops) => {
    expect(await codes(plain(...hops))).toEqual([]);
  });

  it('says how long a revocation takes, and holds it against --within', async () => {
    const blind = { ...ROOT, revocation: { checked: false } };
    const { chains } = await audit(plain(blind, CHILD));
    expect(chains[0]?.hops.map(({ revocation_seconds }) => revocation_seconds)).toEqual([600, 5]);
    expect((await audit(plain(blind, CHILD), '--within', '600')).verdict).toBe('pass');
    expect((await audit(plain(blind, CHILD), '--within', '599')).verdict).toBe('fail');
  });

  it('does not pass a chain of which nobody says whether revocations are looked for', async () => {
    const { verdict, chains } = await audit({ format: 'plain', hops: [ROOT] });
    expect(verdict).toBe('unproved');
    expect(chains[0]?.checks['revocation']).toBe('unproved');
  });

  it('maps findings to the seven failure modes and to OWASP', async () => {
    const { chains } = await audit(
      plain(
        {
          ...ROOT,
          scope: ['a:*'],
          grace_seconds: 1,
          renewal: 'possible',
          revocation: { checked: false },
        },
        { ...CHILD, scope: undefined, tools: {}, parent_binding: 'none' },
        { ...CHILD, parents: [0], scope: ['x'] },
        { ...CHILD, parents: [0], scope: ['y'] },
        { ...CHILD, parents: [2, 3], scope: ['x', 'y'] },
      ),
    );
    expect(
      Object.entries(chains[0]?.failure_modes ?? {}).filter(([, count]) => count === 0),
    ).toEqual([]);
    const owasp = new Set(chains[0]?.findings.flatMap((finding) => finding.owasp));
    expect([...owasp].sort()).toEqual(['ASI03', 'ASI07', 'ASI10']);
  });
});

function jwt(claims: object, typ = 'at+jwt'): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'ES256', typ })}.${part(claims)}.${'A'.repeat(86)}`;
}

const USER = {
  iss: 'https://as.example',
  sub: 'alice',
  iat: NOW,
  exp: NOW + 600,
  scope: 'read write',
};
const EXCHANGED = { ...USER, scope: 'read', act: { sub: 'planner' } };

describe('taper audit chain: token exchange', () => {
  const oauth = (...hops: readonly unknown[]): object => ({ revocation: CHECKED, hops });

  it('compares the scopes and ends of exchanged tokens, and finds that nothing binds them', async () => {
    expect(await codes(oauth(jwt(USER), jwt(EXCHANGED)))).toEqual(['1:parent_unbound']);
    expect(await codes(oauth(USER, { ...EXCHANGED, scope: 'read admin' }))).toEqual([
      '1:scope_introduced',
      '1:parent_unbound',
    ]);
    expect(await codes(oauth(USER, { ...EXCHANGED, exp: NOW + 3600 }))).toContain(
      '1:expiry_increases',
    );
  });

  it('finds an actor that is dropped (D24), and passes one that is carried on', async () => {
    const second = { ...EXCHANGED, act: { sub: 'reader', act: { sub: 'planner' } } };
    expect(await codes(oauth(USER, EXCHANGED, second))).not.toContain('2:actor_dropped');
    const dropped = { ...EXCHANGED, act: { sub: 'reader' } };
    expect(await codes(oauth(USER, EXCHANGED, dropped))).toContain('2:actor_dropped');
    expect(await codes(oauth(USER, { ...EXCHANGED, act: undefined }))).toContain('1:actor_dropped');
  });

  it('finds a subject that changes, and `may_act` without an issuer (D23, D25)', async () => {
    expect(await codes(oauth(USER, { ...EXCHANGED, sub: 'mallory' }))).toContain(
      '1:subject_changed',
    );
    const named = (mayAct: object): object => oauth({ ...USER, may_act: mayAct });
    expect(await codes(named({ sub: 'planner' }))).toContain('0:may_act_without_issuer');
    expect(await codes(named({ sub: 'planner', iss: USER.iss }))).toEqual([]);
  });

  it('finds a refresh without bounds, a token without scope, and one without end', async () => {
    expect(await codes(oauth({ ...USER, scope: 'read offline_access' }))).toEqual([
      '0:refresh_possible',
    ]);
    expect(await codes(oauth({ ...USER, scope: undefined }))).toEqual(['0:scope_omitted']);
    expect(await codes(oauth({ ...USER, exp: undefined }))).toEqual(['0:expiry_missing']);
  });

  it('says of one token with nested actors that nobody can compare what they were allowed', async () => {
    const nested = jwt({ ...USER, act: { sub: 'c', act: { sub: 'b', act: { sub: 'a' } } } });
    const { chains } = await audit({ revocation: CHECKED, hops: [nested] });
    expect(chains[0]?.format).toBe('oauth');
    expect(chains[0]?.findings.filter(({ code }) => code === 'scope_unrecorded')).toHaveLength(2);
    expect(chains[0]?.checks['scope']).toBe('unproved');
  });

  it('finds that only the leaf is looked up', async () => {
    const sample = { revocation: { checked: 'leaf', max_age_seconds: 5 }, hops: [USER, EXCHANGED] };
    const { chains } = await audit(sample);
    expect(chains[0]?.findings).toContainEqual(
      expect.objectContaining({ hop: 0, code: 'revocation_slow', mode: 'revocation_blind' }),
    );
  });
});

/** The binary format of libmacaroons, version 2, as its documentation has it. */
function macaroon(identifier: string, caveats: readonly string[]): string {
  const field = (type: number, bytes: Buffer): Buffer => {
    const length =
      bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
    return Buffer.concat([Buffer.from([type, ...length]), bytes]);
  };
  const end = Buffer.from([0]);
  let signature = createHmac('sha256', 'key').update(identifier).digest();
  for (const caveat of caveats) signature = createHmac('sha256', signature).update(caveat).digest();
  return Buffer.concat([
    Buffer.from([2]),
    field(1, Buffer.from('https://mint.example')),
    field(2, Buffer.from(identifier)),
    end,
    ...caveats.flatMap((caveat) => [field(2, Buffer.from(caveat)), end]),
    end,
    field(6, signature),
  ]).toString('base64url');
}

describe('taper audit chain: macaroons', () => {
  const ENDS = 'time < 2026-01-01T01:00:00Z';
  const minted = (...hops: readonly (readonly string[])[]): object => ({
    revocation: CHECKED,
    hops: hops.map((caveats) => macaroon('key 7', caveats)),
  });

  it('passes caveats that can be compared and that were only added', async () => {
    expect(
      await codes(minted([ENDS], [ENDS, 'account = 42'], [ENDS, 'account = 42', 'op = read'])),
    ).toEqual([]);
  });

  it('finds a prefix, a pattern, and text that no rule compares', async () => {
    expect(await codes(minted([ENDS, 'path prefix /srv']))).toEqual(['0:scope_pattern']);
    expect(await codes(minted([ENDS, 'path = /srv/*']))).toEqual(['0:scope_pattern']);
    expect(await codes(minted([ENDS, 'only on weekdays, please!']))).toEqual(['0:caveat_opaque']);
  });

  it('finds that there is no end, and takes the earliest where there are several', async () => {
    expect(await codes(minted(['account = 42']))).toEqual(['0:expiry_missing']);
    expect(await codes(minted([ENDS], [ENDS, 'time < 2026-02-01T00:00:00Z']))).toEqual([]);
  });

  it('finds a caveat that is gone, moved or changed, and another macaroon', async () => {
    expect(await codes(minted([ENDS, 'account = 42'], [ENDS]))).toEqual(['1:caveat_dropped']);
    expect(await codes(minted([ENDS, 'account = 42'], [ENDS, 'account = 43']))).toEqual([
      '1:caveat_dropped',
    ]);
    const other = {
      revocation: CHECKED,
      hops: [macaroon('key 7', [ENDS]), macaroon('key 8', [ENDS])],
    };
    expect(await codes(other)).toEqual(['1:parent_hash_wrong']);
  });

  it('reads the JSON form, and says of a third party that its discharge is missing', async () => {
    const json = {
      v: 2,
      l: 'https://mint.example',
      i: 'key 7',
      c: [
        { i: ENDS },
        { i64: Buffer.from('user').toString('base64url'), v64: 'AAAA', l: 'https://id.example' },
      ],
      s64: createHash('sha256').update('x').digest('base64url'),
    };
    expect(await codes({ revocation: CHECKED, hops: [json] })).toEqual(['0:caveat_third_party']);
  });

  const whole = Buffer.from(macaroon('key 7', [ENDS]), 'base64url');
  test.each(Array.from({ length: 40 }, (_, index) => Math.floor((index * whole.length) / 40)))(
    'refuses one that was cut off after %i bytes, or that something follows',
    async (length) => {
      for (const bytes of [whole.subarray(0, length), Buffer.concat([whole, Buffer.from([1])])]) {
        const workspace = new Workspace('empty');
        const hops = [bytes.toString('base64url')];
        workspace.write('sample.json', JSON.stringify({ format: 'macaroon', hops }));
        const { exitCode, stderr } = await workspace.taper(['audit', 'chain', 'sample.json']);
        expect(exitCode).toBe(1);
        expect(stderr).toContain('hops[0]');
      }
    },
  );

  const folder = resolve(
    import.meta.dirname,
    '../../../../shared/vectors/libmacaroons-vtest/test/unit',
  );
  test.runIf(existsSync(folder))(
    'reads every macaroon of version 2 that libmacaroons publishes',
    async () => {
      let read = 0;
      for (const name of readdirSync(folder).filter((each) => /_v2_\d+\.vtest$/.test(each))) {
        const lines = readFileSync(join(folder, name), 'utf8').trim().split('\n');
        const { chains } = await audit({ hops: [lines.at(-1)] });
        expect(chains[0]?.format).toBe('macaroon');
        read += 1;
      }
      expect(read).toBeGreaterThan(5);
    },
  );
});

describe('taper audit chain: AAT', () => {
  it('passes a chain that demands fresh revocations, and finds one that does not', async () => {
    const caveats = { taper: { revocation: { log: 'log.example', epoch: 1, max_staleness: 30 } } };
    const tools = { read: { path: { constraint_type: 'exact', value: '/a' } } };
    const details = [{ type: 'attenuating_agent_token', tools }];
    const root = {
      iss: 'https://issuer.example',
      iat: NOW,
      exp: NOW + 600,
      authorization_details: details,
    };
    const first = jwt({ ...root, ...caveats }, 'aat+jwt');
    const hash = createHash('sha256')
      .update(first.split('.').slice(0, 2).join('.'))
      .digest('base64url');
    const child = {
      iss: 'urn:x',
      iat: NOW,
      exp: NOW + 600,
      par_hash: hash,
      authorization_details: details,
    };
    const { chains, verdict } = await audit({ aat_chain: [first, jwt(child, 'aat+jwt')] });
    expect(chains[0]).toMatchObject({ format: 'aat', findings: [] });
    expect(verdict).toBe('pass');
    expect(chains[0]?.hops.map(({ revocation_seconds }) => revocation_seconds)).toEqual([30, 30]);

    const spliced = {
      ...child,
      par_hash: 'A'.repeat(43),
      authorization_details: [{ ...details[0], tools: { read: {} } }],
    };
    expect(await codes({ aat_chain: [first, jwt(spliced, 'aat+jwt')] })).toEqual([
      '1:parent_hash_wrong',
      '1:scope_widened',
    ]);
    expect(await codes({ aat_chain: [jwt(root, 'aat+jwt')] })).toEqual(['0:revocation_slow']);
  });
});

describe('taper audit chain: input and output', () => {
  const refused: readonly [string, unknown, string][] = [
    ['no hops', {}, 'hops'],
    ['hops that are no list', { hops: {} }, 'hops'],
    ['an empty list of chains', { chains: [] }, 'chains'],
    ['a member that no hop has', { format: 'plain', hops: [{ expiry: 1 }] }, 'hops[0].expiry'],
    ['a parent that comes later', { format: 'plain', hops: [{ parents: [0] }] }, 'hops[0].parents'],
    ['a grace that is no number', { grace_seconds: 'none', hops: [ROOT] }, 'grace_seconds'],
    ['an unknown format', { format: 'ucan', hops: [ROOT] }, 'format'],
    [
      'a check of revocations that says nothing',
      { revocation: {}, hops: [ROOT] },
      'revocation.checked',
    ],
    ['a token that is none', { format: 'oauth', hops: ['a.b'] }, 'hops[0]'],
    [
      'an AAT whose claims are no object',
      { format: 'aat', hops: [`e30.${Buffer.from('[]').toString('base64url')}.x`] },
      'hops[0]',
    ],
  ];
  test.each(refused)('refuses %s, naming the member', async (_, sample, field) => {
    const workspace = new Workspace('empty');
    workspace.write('sample.json', JSON.stringify(sample));
    const { error } = await workspace.json(['audit', 'chain', 'sample.json']);
    expect(error).toMatchObject({ code: 'sample_malformed', field, file: 'sample.json' });
  });

  it('reads tokens as lines of text, and several chains of one file', async () => {
    const { chains } = await audit(`${jwt(USER)}\n${jwt(EXCHANGED)}\n`);
    expect(chains[0]?.hops).toHaveLength(2);
    const { chains: two } = await audit({ chains: [plain(ROOT), plain(ROOT, CHILD)] });
    expect(two.map(({ hops }) => hops.length)).toEqual([1, 2]);
  });

  it('shows nothing of a sample that could move the cursor or act on a page (C21, S12)', async () => {
    const workspace = new Workspace('empty');
    const hostile = '\u001b[2J<script>alert(1)</script>\u202e';
    workspace.write(
      'sample.json',
      JSON.stringify(plain({ ...ROOT, to: hostile, scope: [`${hostile}*`] })),
    );
    const text = await workspace.taper(['audit', 'chain', 'sample.json']);
    expect(text.stdout).not.toContain('\u001b');
    expect(text.stdout).not.toContain('\u202e');
    const html = await workspace.taper(['audit', 'chain', 'sample.json', '--html']);
    expect(html.stdout).not.toContain('<script');
    expect(html.stdout).toContain("default-src 'none'");
  });

  it('has an example of each form in its documentation, which does what the documentation says', async () => {
    const text = readFileSync(resolve(import.meta.dirname, '../../../docs/audit-chain.md'), 'utf8');
    const samples = [...text.matchAll(/```json\n(.*?)```/gs)].map(([, sample]) => sample as string);
    const reports = await Promise.all(samples.map((sample) => audit(sample)));
    const formats = reports.flatMap(({ chains }) => chains.map(({ format }) => format));
    expect([...new Set(formats)].sort()).toEqual(['macaroon', 'oauth', 'plain']);
    for (const { chains } of reports)
      for (const { findings } of chains)
        for (const { code } of findings) expect(text).toContain(`\`${code}\``);
  });
});
