import { DENIALS } from '@taper/core';
import { describe, expect, it } from 'vitest';
import { NOW, READ_ONE, READ_TWO, VERIFY_Q1, Workspace } from './workspace.ts';

const AUDIENCE = 'https://files.example';

async function verify(
  workspace: Workspace,
  more: readonly string[] = [],
  base: readonly string[] = VERIFY_Q1,
): Promise<{ exitCode: number; code: string | undefined; step: string | undefined }> {
  const { exitCode, result } = await workspace.json(['verify', 'call.json', ...base, ...more]);
  expect(exitCode).toBe(result.verdict === 'permit' ? 0 : 1);
  return { exitCode, code: result.denial?.code, step: result.denial?.step };
}

const PERMIT = { exitCode: 0, code: undefined, step: undefined };

describe('taper verify', () => {
  it('permits the call that was proved', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    expect(await verify(workspace)).toEqual(PERMIT);
  });

  it('takes the presentation from standard input', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    const stdin = workspace.read('call.json');
    const { result } = await workspace.json(['verify', '-', ...VERIFY_Q1], { stdin });
    expect(result.verdict).toBe('permit');
  });

  it('takes the arguments from standard input', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    const { result } = await workspace.json(
      ['verify', 'call.json', ...VERIFY_Q1.slice(0, -1), '-'],
      { stdin: '{ "path" : "/q1" }\n' },
    );
    expect(result.verdict).toBe('permit');
  });

  it.each([
    ['a member twice', '{"path":"/q1","path":"/q1"}', 'arguments_malformed'],
    ['no object', '["/q1"]', 'arguments_malformed'],
    ['no JSON', 'path=/q1', 'arguments_malformed'],
    ['another value', '{"path":"/q2"}', 'proof_arguments_mismatch'],
    ['a value beyond the grant', '{"path":"/q3"}', 'argument_refused'],
    ['lost digits', '{"path":9007199254740993}', 'argument_number_inadmissible'],
  ])('denies arguments with %s', async (_, args, code) => {
    const workspace = new Workspace();
    await workspace.prove();
    workspace.write('args.json', args);
    const base = ['--anchors', 'anchors.json', '--tool', 'read_file', '--args'];
    for (const given of [args, '@args.json'])
      expect(await verify(workspace, [], [...base, given])).toMatchObject({ exitCode: 1, code });
  });

  it('denies a chain without a proof in every form', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    const { aat_chain } = JSON.parse(workspace.read('chain.json'));
    const noProof = JSON.stringify({ aat_chain, aat_pop: null });
    for (const text of [
      noProof,
      JSON.stringify({ aat_chain }),
      JSON.stringify(aat_chain),
      aat_chain[0],
    ]) {
      workspace.write('call.json', text);
      expect(await verify(workspace)).toMatchObject({ exitCode: 1, code: 'proof_missing' });
    }
  });

  it('denies where the audience is another, or none', async () => {
    const workspace = new Workspace();
    await workspace.prove('{"path":"/q1"}', ['--audience', AUDIENCE]);
    expect(await verify(workspace, ['--audience', AUDIENCE])).toEqual(PERMIT);
    expect(await verify(workspace, ['--audience', 'x:', '--audience', AUDIENCE])).toEqual(PERMIT);
    for (const more of [[], ['--audience', `${AUDIENCE}/`]])
      expect(await verify(workspace, more)).toMatchObject({ code: 'proof_audience_mismatch' });
  });

  it('requires an audience of the proof or of the chain when told to', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    expect(await verify(workspace, ['--require-proof-audience'])).toMatchObject({
      code: 'proof_audience_required',
    });
    expect(await verify(workspace, ['--require-chain-audience'])).toMatchObject({
      code: 'audience_required',
    });
    const both = ['--require-proof-audience', '--require-chain-audience', '--audience', AUDIENCE];
    await workspace.issue(READ_TWO, ['--audience', AUDIENCE]);
    await workspace.taper([
      ...['prove', 'chain.json', '--key', 'planner.jwk', '--anchors', 'anchors.json', '--force'],
      ...['--tool', 'read_file', '--args', '{"path":"/q1"}', '--out', 'call.json'],
      ...['--audience', AUDIENCE],
    ]);
    expect(await verify(workspace, both)).toEqual(PERMIT);
  });

  it('requires the nonce when told to, whatever it looks like', async () => {
    const workspace = new Workspace();
    await workspace.prove('{"path":"/q1"}', ['--nonce', '--n1']);
    expect(await verify(workspace)).toEqual(PERMIT);
    expect(await verify(workspace, ['--nonce', '--n1'])).toEqual(PERMIT);
    expect(await verify(workspace, ['--nonce', 'n2'])).toMatchObject({
      code: 'proof_nonce_invalid',
    });
  });

  it('judges at the time that is given', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    expect(await verify(workspace, ['--now', String(NOW + 30)])).toEqual(PERMIT);
    expect(await verify(workspace, ['--now', String(NOW + 31)])).toMatchObject({ step: '7g' });
    expect(await verify(workspace, ['--now', '2026-01-01T01:00:00Z'])).toMatchObject({
      code: 'token_expired',
    });
  });

  it('trusts the anchors of all files that are given, and no other', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    const { stdout } = await workspace.taper([
      ...['root', 'anchor', '--issuer', 'https://other.example', '--key', 'stranger.jwk'],
    ]);
    workspace.write('others.json', `{"trust_anchors":${stdout}}`);
    const base = [...VERIFY_Q1.slice(2), '--anchors', 'others.json'];
    expect(await verify(workspace, [], base)).toMatchObject({ code: 'signature_invalid' });
    expect(await verify(workspace, ['--anchors', 'anchors.json'], base)).toEqual(PERMIT);
  });

  it.each([
    ['cut off', (text: string) => text.slice(0, -20), 'json_invalid'],
    ['with a member twice', (text: string) => text.replace('{', '{"aat_pop":"",'), 'json_invalid'],
    ['without a chain', () => '{"aat_pop":"x.y.z"}', 'chain_malformed'],
    ['with a proof that is no text', () => '{"aat_chain":[],"aat_pop":1}', 'chain_malformed'],
    ['that is null', () => 'null', 'chain_malformed'],
  ])('denies a presentation %s, and says what is wrong with the file', async (_, change, code) => {
    const workspace = new Workspace();
    await workspace.prove();
    workspace.write('call.json', change(workspace.read('call.json')));
    const { exitCode, result, error } = await workspace.json(['verify', 'call.json', ...VERIFY_Q1]);
    expect(exitCode).toBe(1);
    expect(result).toMatchObject({ verdict: 'deny', denial: { code: 'presentation_malformed' } });
    expect(error).toMatchObject({ code, file: 'call.json' });
  });

  it('gives every denial of the draft a summary and a hint', async () => {
    const { default: entries } = await import('../../../spec/denials.json');
    const { reportDenial } = await import('../src/text/denial.ts');
    for (const { code, hint, summary } of entries) {
      const denial = { code: code as keyof typeof DENIALS, facts: {} };
      expect(reportDenial(denial)).toEqual({ ...denial, hint, summary });
    }
    expect(entries.map(({ code }) => code).sort()).toEqual(Object.keys(DENIALS).sort());
  });

  it('escapes what it repeats', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    const evil = 'read\u001b[31m\u202e\u0085\u2028\u{e0041}_file';
    const argv = [
      'verify',
      'call.json',
      '--anchors',
      'anchors.json',
      '--args',
      '{}',
      '--tool',
      evil,
    ];
    for (const more of [[], ['--json']]) {
      const { exitCode, stdout, stderr } = await workspace.taper([...argv, ...more]);
      expect(exitCode).toBe(1);
      const hidden = /(?!\n)[\p{C}\p{Zl}\p{Zp}]/u;
      expect(stdout + stderr).not.toMatch(hidden);
    }
    const { result } = await workspace.json(argv);
    expect(result.tool).toBe(evil);
  });

  it('colours the verdict on a terminal only, and not with NO_COLOR', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    const argv = ['verify', 'call.json', ...VERIFY_Q1];
    const coloured = async (options: object): Promise<boolean> =>
      (await workspace.taper(argv, options)).stdout.includes('\u001b[');
    expect(await coloured({ terminal: true })).toBe(true);
    expect(await coloured({ terminal: true, env: { NO_COLOR: '1' } })).toBe(false);
    expect(await coloured({ terminal: true, env: { TERM: 'dumb' } })).toBe(false);
    expect(await coloured({ terminal: false })).toBe(false);
  });
});

describe('hostile tokens', () => {
  const segment = (text: string): string => Buffer.from(text).toString('base64url');
  const header = segment('{"alg":"Ed25519","typ":"aat+jwt"}');
  const signature = 'A'.repeat(86);
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  it.each([
    ['huge', `${header}.${segment(`{"jti":"x","p":"${'x'.repeat(200_000)}"}`)}.${signature}`],
    ['deeply nested', `${header}.${segment(`{"jti":"x","p":${deep}}`)}.${signature}`],
    ['not base64url', `${header}.%%%.${signature}`],
    ['of one part', 'abc'],
    ['empty', ''],
  ])('%s, are denied and can be inspected without a crash', async (_, token) => {
    const workspace = new Workspace();
    workspace.write('call.json', JSON.stringify({ aat_chain: [token], aat_pop: 'a.b.c' }));
    const { exitCode, result } = await workspace.json(['verify', 'call.json', ...VERIFY_Q1]);
    expect({ exitCode, verdict: result.verdict }).toEqual({ exitCode: 1, verdict: 'deny' });
    expect(result.denial.code).not.toBe('internal_error');
    const inspected = await workspace.json(['inspect', 'call.json']);
    expect(inspected.error?.code).not.toBe('internal_error');
    expect(inspected.result.verified).toBe(false);
  });

  it('with a constraint type that nobody knows are refused by name', async () => {
    const workspace = new Workspace();
    const tools = { read_file: { path: { constraint_type: 'regex', value: '.*' } } };
    const { exitCode, result, error } = await workspace.json([
      ...['root', 'issue', '--issuer', 'https://issuer.example', '--key', 'issuer.jwk'],
      ...['--holder', 'planner.pub.jwk', '--lifetime', '1m', '--tools', JSON.stringify(tools)],
    ]);
    expect({ exitCode, result }).toEqual({ exitCode: 1, result: undefined });
    expect(error).toMatchObject({
      code: 'refused',
      denial: {
        code: 'constraint_unknown',
        facts: { tool: 'read_file', argument: 'path', constraint: 'regex' },
      },
    });
  });
});

describe('keys whose private half is published', () => {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };
  const d = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A'; // RFC 8037 appendix A

  async function withTestKey(): Promise<Workspace> {
    const workspace = new Workspace();
    workspace.write('test.jwk', JSON.stringify({ ...jwk, d }), 0o600);
    workspace.write('test.pub.jwk', JSON.stringify(jwk));
    await workspace.issue();
    return workspace;
  }

  const root = ['root', 'issue', '--issuer', 'https://issuer.example', '--lifetime', '1m'];
  it.each([
    ['sign a root', [...root, '--tools', '{}', '--key', 'test.jwk', '--holder', 'planner.pub.jwk']],
    ['hold a root', [...root, '--tools', '{}', '--key', 'issuer.jwk', '--holder', 'test.pub.jwk']],
    ['be an anchor', ['root', 'anchor', '--issuer', 'https://issuer.example', '--key', 'test.jwk']],
    [
      'hold a token',
      [
        ...['delegate', 'chain.json', '--key', 'planner.jwk', '--holder', 'test.pub.jwk'],
        ...['--anchors', 'anchors.json', '--tools', JSON.stringify(READ_ONE)],
      ],
    ],
  ])('must not %s, but with --allow-test-keys', async (_, argv) => {
    const workspace = await withTestKey();
    const refused = await workspace.json(argv);
    expect(refused).toMatchObject({ exitCode: 1, error: { code: 'key_well_known' } });
    expect((await workspace.json([...argv, '--allow-test-keys'])).exitCode).toBe(0);
  });

  it('are warned of by verify and receipt, as anchor and as holder', async () => {
    const workspace = await withTestKey();
    const allow = '--allow-test-keys';
    await workspace.taper([
      ...['root', 'anchor', '--issuer', 'https://issuer.example', '--key', 'test.jwk', allow],
      ...['--out', 'test-anchors.json'],
    ]);
    await workspace.taper([
      ...[...root, '--tools', '{"t":{}}', '--key', 'test.jwk', '--holder', 'test.pub.jwk', allow],
      ...['--out', 'test-chain.json'],
    ]);
    await workspace.taper([
      ...['prove', 'test-chain.json', '--key', 'test.jwk', '--anchors', 'test-anchors.json'],
      ...['--tool', 't', '--args', '{}', '--out', 'call.json'],
    ]);
    const verified = await workspace.json([
      ...['verify', 'call.json', '--anchors', 'test-anchors.json', '--tool', 't', '--args', '{}'],
    ]);
    expect(verified).toMatchObject({ exitCode: 0, warnings: [{ code: 'key_well_known' }] });
    const drawn = await workspace.json(['receipt', 'call.json', '--anchors', 'test-anchors.json']);
    expect(drawn).toMatchObject({ exitCode: 0, warnings: [{ code: 'key_well_known' }] });
  });

  it('are not seen where there are none', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    const { warnings } = await workspace.json(['verify', 'call.json', ...VERIFY_Q1]);
    expect(warnings).toEqual([]);
  });
});
