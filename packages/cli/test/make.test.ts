import { describe, expect, it } from 'vitest';
import {
  ISSUER,
  type JsonResult,
  NOW,
  READ_ONE,
  READ_TWO,
  VERIFY_Q1,
  Workspace,
} from './workspace.ts';

async function inspected(
  workspace: Workspace,
  file: string,
): Promise<readonly Record<string, unknown>[]> {
  const { result } = await workspace.json(['inspect', file]);
  return result.parts.map(({ claims }: { claims: Record<string, unknown> }) => claims);
}

function delegate(
  workspace: Workspace,
  tools: object,
  more: readonly string[] = [],
  key = 'planner.jwk',
): Promise<JsonResult> {
  return workspace.json([
    ...['delegate', 'chain.json', '--key', key, '--holder', 'reader.pub.jwk', '--anchors'],
    ...['anchors.json', '--tools', JSON.stringify(tools), ...more],
  ]);
}

describe('taper root issue', () => {
  it('grants what it was told to, and nothing else', async () => {
    const workspace = new Workspace();
    await workspace.issue(READ_TWO, ['--audience', 'a:', '--audience', 'b:']);
    const [root] = await inspected(workspace, 'chain.json');
    expect(root).toMatchObject({
      iss: ISSUER,
      iat: NOW,
      exp: NOW + 3600,
      jti: 'root-1',
      aud: ['a:', 'b:'],
      del_depth: 0,
      del_max_depth: 3,
      authorization_details: [{ tools: READ_TWO }],
    });
  });

  it('makes a token that cannot be delegated, unless told otherwise', async () => {
    const workspace = new Workspace();
    const { result } = await workspace.json([
      ...['root', 'issue', '--issuer', ISSUER, '--key', 'issuer.jwk', '--lifetime', '1m'],
      ...['--holder', 'planner.pub.jwk', '--tools', JSON.stringify(READ_ONE)],
    ]);
    workspace.write('chain.json', JSON.stringify(result));
    expect(await delegate(workspace, READ_ONE)).toMatchObject({
      exitCode: 1,
      error: { code: 'refused', denial: { code: 'depth_exhausted' } },
    });
  });

  it('gives each token an identifier of its own', async () => {
    const workspace = new Workspace();
    const argv = [
      ...['root', 'issue', '--issuer', ISSUER, '--key', 'issuer.jwk', '--lifetime', '1m'],
      ...['--holder', 'planner.pub.jwk', '--tools', '{"t":{}}'],
    ];
    const ids = new Set<unknown>();
    for (const name of ['a.json', 'b.json']) {
      await workspace.taper([...argv, '--out', name]);
      ids.add((await inspected(workspace, name))[0]?.['jti']);
    }
    expect(ids.size).toBe(2);
  });

  it.each([
    ['a lifetime beyond the limit', ['--lifetime', '91d'], 'lifetime_too_long'],
    ['more hops than the limit', ['--lifetime', '1m', '--max-depth', '9'], 'max_depth_invalid'],
  ])('refuses %s', async (_, more, code) => {
    const { exitCode, result, error } = await new Workspace().json([
      ...['root', 'issue', '--issuer', ISSUER, '--key', 'issuer.jwk', '--tools', '{"t":{}}'],
      ...['--holder', 'planner.pub.jwk', ...more],
    ]);
    expect({ exitCode, result }).toEqual({ exitCode: 1, result: undefined });
    expect(error).toMatchObject({ code: 'refused', denial: { code } });
  });

  it('refuses an issuer that is no URI, as anchor too', async () => {
    const workspace = new Workspace();
    for (const argv of [
      ['root', 'anchor', '--issuer', 'issuer', '--key', 'issuer.jwk'],
      [
        ...['root', 'issue', '--issuer', 'issuer', '--key', 'issuer.jwk', '--tools', '{}'],
        ...['--holder', 'planner.pub.jwk', '--lifetime', '1m'],
      ],
    ])
      expect(await workspace.json(argv)).toMatchObject({
        exitCode: 2,
        error: { field: '--issuer' },
      });
  });
});

describe('taper delegate', () => {
  it('hands a narrower part on, which verifies', async () => {
    const workspace = new Workspace();
    await workspace.issue();
    const { exitCode, result } = await delegate(workspace, READ_ONE, ['--lifetime', '5m']);
    expect(exitCode).toBe(0);
    workspace.write('reader.json', JSON.stringify(result));
    const [root, child] = await inspected(workspace, 'reader.json');
    expect(root).toMatchObject({ del_depth: 0 });
    expect(child).toMatchObject({ del_depth: 1, del_max_depth: 1, exp: NOW + 300 });
    const proved = await workspace.taper([
      ...['prove', 'reader.json', '--key', 'reader.jwk', '--anchors', 'anchors.json'],
      ...['--tool', 'read_file', '--args', '{"path":"/q1"}', '--out', 'call.json'],
    ]);
    expect(proved.exitCode).toBe(0);
    expect((await workspace.json(['verify', 'call.json', ...VERIFY_Q1])).result.verdict).toBe(
      'permit',
    );
  });

  it('takes a chain in every form', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    const { aat_chain } = JSON.parse(workspace.read('chain.json'));
    for (const text of [
      JSON.stringify(aat_chain),
      `${aat_chain[0]}\n`,
      workspace.read('call.json'),
    ]) {
      workspace.write('chain.json', text);
      expect((await delegate(workspace, READ_ONE)).exitCode).toBe(0);
    }
  });

  it.each([
    ['a tool more', { send: {} }, [], 'tool_added', '4p1', { tool: 'send' }],
    [
      'another value',
      { read_file: { path: { constraint_type: 'exact', value: '/q3' } } },
      [],
      'constraint_widened',
      '4p4',
      { tool: 'read_file', argument: 'path', parent: 'one_of', constraint: 'exact' },
    ],
    [
      'an argument more',
      { read_file: { ...Object.values(READ_ONE)[0], mode: { constraint_type: 'wildcard' } } },
      [],
      'argument_keys_widened',
      '4p2',
      { tool: 'read_file', argument: 'mode' },
    ],
    ['any argument', { read_file: {} }, [], 'argument_keys_widened', '4p2', { tool: 'read_file' }],
    ['a longer life', READ_ONE, ['--lifetime', '61m'], 'expiry_extended', '4h', {}],
    ['more hops', READ_ONE, ['--max-depth', '4'], 'max_depth_raised', '4g', {}],
  ])('refuses %s, with tool, argument and rule', async (_, tools, more, code, step, facts) => {
    const workspace = new Workspace();
    await workspace.issue();
    const { exitCode, result, error } = await delegate(workspace, tools, more);
    expect({ exitCode, result }).toEqual({ exitCode: 1, result: undefined });
    expect(error).toMatchObject({ code: 'refused', denial: { code, step, hop: 1, facts } });
  });

  it('refuses whoever does not hold the chain', async () => {
    const workspace = new Workspace();
    await workspace.issue();
    expect(await delegate(workspace, READ_ONE, [], 'stranger.jwk')).toMatchObject({
      exitCode: 1,
      error: { code: 'refused', denial: { code: 'issuer_mismatch' } },
    });
  });

  it('refuses a chain that does not verify, and names its file', async () => {
    const workspace = new Workspace();
    await workspace.issue();
    await workspace.taper([
      ...['root', 'anchor', '--issuer', ISSUER, '--key', 'stranger.jwk', '--force'],
      ...['--out', 'anchors.json'],
    ]);
    expect(await delegate(workspace, READ_ONE)).toMatchObject({
      exitCode: 1,
      error: { code: 'refused', file: 'chain.json', denial: { code: 'signature_invalid', hop: 0 } },
    });
  });

  it('refuses once the chain has expired', async () => {
    const workspace = new Workspace();
    await workspace.issue();
    const at = (seconds: number): readonly string[] => ['--now', String(NOW + seconds)];
    expect((await delegate(workspace, READ_ONE, at(3599))).exitCode).toBe(0);
    expect(await delegate(workspace, READ_ONE, at(3600))).toMatchObject({
      exitCode: 1,
      error: { denial: { code: 'token_expired' } },
    });
  });
});

describe('taper prove', () => {
  it.each([
    ['a tool that is not granted', ['--tool', 'send', '--args', '{}'], 'tool_not_granted'],
    [
      'arguments that are not',
      ['--tool', 'read_file', '--args', '{"path":"/x"}'],
      'argument_refused',
    ],
    [
      'a member twice',
      ['--tool', 'read_file', '--args', '{"path":"/q1","path":"/q1"}'],
      'arguments_malformed',
    ],
    ['no JSON', ['--tool', 'read_file', '--args', 'path=/q1'], 'arguments_malformed'],
  ])('signs nothing for %s', async (_, call, code) => {
    const workspace = new Workspace();
    await workspace.issue();
    const { exitCode, result, error } = await workspace.json([
      ...['prove', 'chain.json', '--key', 'planner.jwk', '--anchors', 'anchors.json', ...call],
    ]);
    expect({ exitCode, result }).toEqual({ exitCode: 1, result: undefined });
    expect(error).toMatchObject({ code: 'refused', denial: { code } });
  });

  it('signs nothing with a key that is not the holder’s', async () => {
    const workspace = new Workspace();
    await workspace.issue();
    const { exitCode, error } = await workspace.json([
      ...['prove', 'chain.json', '--key', 'reader.jwk', '--anchors', 'anchors.json'],
      ...['--tool', 'read_file', '--args', '{"path":"/q1"}'],
    ]);
    expect({ exitCode, code: error.denial.code }).toEqual({
      exitCode: 1,
      code: 'signature_invalid',
    });
  });
});
