import { describe, expect, it } from 'vitest';
import { type JsonResult, Workspace } from './workspace.ts';

const TOOLS = { refund: {} };
const ANCHORS = ['--anchors', 'anchors.json'];
const CALL = [...ANCHORS, '--tool', 'refund', '--args', '{}'];
const REFUND = { name: 'refund', description: 'Pays back.', inputSchema: { type: 'object' } };

/** A workspace with a chain of one token with these caveats. */
async function issued(...more: readonly string[]): Promise<Workspace> {
  const workspace = new Workspace();
  await workspace.issue(TOOLS, more);
  return workspace;
}

/** And with a proof in call.json. */
async function proved(...more: readonly string[]): Promise<Workspace> {
  const workspace = await issued(...more);
  const { exitCode, stderr } = await workspace.taper([
    ...['prove', 'chain.json', '--key', 'planner.jwk', ...CALL, '--out', 'call.json', '--force'],
  ]);
  expect([stderr.includes('taper:'), exitCode]).toEqual([false, 0]);
  return workspace;
}

/** The claim `taper` of the last token, as inspect decodes it. */
async function caveatsIn(workspace: Workspace): Promise<unknown> {
  const { result } = await workspace.json(['inspect', 'chain.json']);
  return result.parts.at(-1).claims.taper;
}

const making = (workspace: Workspace, ...more: readonly string[]): Promise<JsonResult> =>
  workspace.json([
    ...['delegate', 'chain.json', '--key', 'planner.jwk', '--holder', 'reader.pub.jwk', ...ANCHORS],
    ...['--tools', JSON.stringify(TOOLS), ...more],
  ]);

describe('making a token with caveats', () => {
  it('writes what the options say', async () => {
    const workspace = await issued(
      ...['--tenant', 'acme', '--purpose', 'q3', '--budget', 'calls=10', '--budget', 'EUR=2.50'],
      ...['--approval', 'refund=finance:2', '--approval', 'refund=legal:1'],
      ...['--pin', JSON.stringify({ tools: [REFUND, { name: 'other', inputSchema: {} }] })],
      ...['--caveats', '{"revocation":{"log":"log.example","epoch":3,"max_staleness":60}}'],
    );
    expect(await caveatsIn(workspace)).toEqual({
      tenant: 'acme',
      purpose: 'q3',
      budget: { calls: '10', EUR: '2.50' },
      approvals: { refund: { finance: 2, legal: 1 } },
      definitions: { refund: 'ectGdBAYUgYfdIeB1iMLOutpl6nxg0Meskqzz4npOSo' },
      revocation: { log: 'log.example', epoch: 3, max_staleness: 60 },
    });
  });

  it('makes plain AAT without them', async () => {
    const { result } = await (await issued()).json(['inspect', 'chain.json']);
    expect(result.parts[0].header).toEqual({ alg: 'Ed25519', typ: 'aat+jwt' });
    expect(result.parts[0].claims).not.toHaveProperty('taper');
  });

  it('takes a tool whose name holds equals signs and colons', async () => {
    const workspace = new Workspace();
    const tool = 'https://x.example/?a=b:c';
    await workspace.issue({ [tool]: {} }, ['--approval', `${tool}=finance:1`]);
    expect(await caveatsIn(workspace)).toEqual({ approvals: { [tool]: { finance: 1 } } });
  });

  it.each<[string, readonly string[]]>([
    ['a budget without a limit', ['--budget', 'calls']],
    ['a budget with an empty limit', ['--budget', 'calls=']],
    ['a budget without a meter', ['--budget', '=1']],
    ['a meter twice', ['--budget', 'calls=1', '--budget', 'calls=2']],
    ['an approval without a count', ['--approval', 'refund=finance']],
    ['an approval without a group', ['--approval', 'refund=:1']],
    ['a group twice', ['--approval', 'refund=finance:1', '--approval', 'refund=finance:2']],
    ['an empty tenant (F03)', ['--tenant', '']],
    ['a caveat twice', ['--tenant', 'a', '--caveats', '{"tenant":"b"}']],
  ])('is wrong usage with %s', async (_what, more) => {
    const { exitCode, error } = await making(await issued(), ...more);
    expect([exitCode, error.code]).toEqual([2, 'usage']);
  });

  it.each<[string, readonly string[], string]>([
    ['no caveat in them (H11)', ['--caveats', '{}'], 'caveats_malformed'],
    ['null', ['--caveats', 'null'], 'caveats_malformed'],
    ['an empty budget (H11)', ['--caveats', '{"budget":{}}'], 'caveats_malformed'],
    ['a limit that is none', ['--budget', 'EUR=1e3'], 'caveats_malformed'],
    ['an approval of nobody', ['--approval', 'refund=finance:0'], 'caveats_malformed'],
    ['a member that is not known (D14)', ['--caveats', '{"rate":1}'], 'caveat_unknown'],
    ['another tenant than the parent (F01)', ['--tenant', 'evil'], 'tenant_mismatch'],
  ])(
    'is refused with %s, with the denial that verification would give',
    async (_what, more, code) => {
      const { exitCode, error } = await making(await issued('--tenant', 'acme'), ...more);
      expect([exitCode, error.code, error.denial.code]).toEqual([1, 'refused', code]);
    },
  );

  it.each<[string, string]>([
    ['no definition of a granted tool', '[]'],
    ['another tool only', '{"name":"other","inputSchema":{}}'],
    ['a definition without a schema', '{"name":"refund"}'],
    ['no object', '"refund"'],
  ])('needs the definition of every granted tool to pin them: not %s', async (_what, text) => {
    const { exitCode, error } = await making(await issued(), '--pin', text);
    expect([exitCode, error.code]).toEqual([1, 'definition_malformed']);
  });
});

describe('taper verify', () => {
  it('knows the profile, and lists what is left to the enforcement point', async () => {
    const caveats = ['--budget', 'calls=1', '--approval', 'refund=finance:1', '--purpose', 'q3'];
    const { exitCode, result } = await (await proved(...caveats)).json([
      'verify',
      'call.json',
      ...CALL,
    ]);
    expect(exitCode).toBe(0);
    expect(result).toMatchObject({
      verdict: 'permit',
      not_judged: ['replay', 'revocation', 'approvals', 'budget'],
    });
    const plain = await (await proved()).json(['verify', 'call.json', ...CALL]);
    expect(plain.result.not_judged).toEqual(['replay', 'revocation']);
  });

  it('--plain judges as a verifier of plain AAT (Z05)', async () => {
    const workspace = await proved('--purpose', 'q3');
    const { exitCode, result } = await workspace.json(['verify', 'call.json', ...CALL, '--plain']);
    expect(exitCode).toBe(1);
    expect(result.denial).toMatchObject({ code: 'critical_header_unknown', hop: 0, step: '3a' });
    const plain = await proved();
    expect(await plain.json(['verify', 'call.json', ...CALL, '--plain'])).toMatchObject({
      exitCode: 0,
    });
  });

  it.each<[string, readonly string[], readonly string[], string]>([
    ['the tenant', ['--tenant', 'acme'], ['--tenant', 'acme'], 'permit'],
    ['another tenant (F01)', ['--tenant', 'acme'], ['--tenant', 'evil'], 'tenant_mismatch'],
    ['no tenant (X05)', ['--tenant', 'acme'], [], 'tenant_mismatch'],
    ['a tenant that the chain does not name (F03)', [], ['--tenant', 'acme'], 'tenant_mismatch'],
    ['the purpose', ['--purpose', 'q3'], ['--purpose', 'q3'], 'permit'],
    ['another purpose', ['--purpose', 'q3'], ['--purpose', 'q4'], 'purpose_mismatch'],
    ['no purpose', ['--purpose', 'q3'], [], 'permit'],
    [
      'the definition',
      ['--pin', JSON.stringify(REFUND)],
      ['--definition', JSON.stringify(REFUND)],
      'permit',
    ],
    [
      'its hash',
      ['--pin', JSON.stringify(REFUND)],
      ['--definition', 'ectGdBAYUgYfdIeB1iMLOutpl6nxg0Meskqzz4npOSo'],
      'permit',
    ],
    [
      'a definition that has changed',
      ['--pin', JSON.stringify(REFUND)],
      ['--definition', JSON.stringify({ ...REFUND, description: 'Pays back!' })],
      'definition_changed',
    ],
    ['no definition', ['--pin', JSON.stringify(REFUND)], [], 'definition_unknown'],
  ])('and receipt judge with %s', async (_what, made, given, verdict) => {
    const workspace = await proved(...made);
    const judged = await workspace.json(['verify', 'call.json', ...CALL, ...given]);
    expect(judged.result.denial?.code ?? judged.result.verdict).toBe(verdict);
    const drawn = await workspace.json(['receipt', 'call.json', ...CALL, ...given]);
    expect(drawn.result.denial?.code ?? 'permit').toBe(verdict);
  });

  it.each(['--tenant', '--purpose', '--definition'])(
    '--plain does not go with %s',
    async (option) => {
      const workspace = await proved();
      const value = option === '--definition' ? 'A'.repeat(43) : 'x';
      const { exitCode, error } = await workspace.json([
        'verify',
        'call.json',
        ...CALL,
        '--plain',
        option,
        value,
      ]);
      expect([exitCode, error.code]).toEqual([2, 'usage']);
    },
  );

  it.each(['[]', '{"name":1}', `[${JSON.stringify(REFUND)},${JSON.stringify(REFUND)}]`])(
    'takes one definition of a tool, and not %s',
    async (text) => {
      const workspace = await proved();
      const { exitCode, error } = await workspace.json([
        'verify',
        'call.json',
        ...CALL,
        '--definition',
        text,
      ]);
      expect([exitCode, error.code]).toEqual([1, 'definition_malformed']);
    },
  );
});

describe('taper receipt', () => {
  it('draws the caveats of each hop', async () => {
    const workspace = await issued('--purpose', 'q3', '--budget', 'calls=10');
    const { result } = await workspace.json(['receipt', 'chain.json', ...ANCHORS]);
    expect(result.hops[0].caveats).toEqual({ purpose: 'q3', budget: { calls: '10' } });
    const plain = await workspace.json(['receipt', 'chain.json', ...ANCHORS, '--plain']);
    expect(plain.result.denial.code).toBe('critical_header_unknown');
  });
});

describe('taper inspect', () => {
  it('names the caveats that it has decoded and not verified', async () => {
    const workspace = await issued('--purpose', 'q3', '--budget', 'calls=10');
    const { stdout } = await workspace.taper(['inspect', 'chain.json']);
    expect(stdout).toMatch(/^ +caveats +budget, purpose$/m);
  });
});
