import { describe, expect, it } from 'vitest';
import { ISSUER, NOW, READ_ONE, Workspace } from './workspace.ts';

const COMMANDS = [
  'key new',
  'key show',
  'root issue',
  'root anchor',
  'root rotate',
  'anchors fetch',
  'anchors pin',
  'anchors show',
  'delegate',
  'prove',
  'approve',
  'verify',
  'receipt',
  'inspect',
  'up',
  'restore',
  'agent enrol',
  'agent token',
  'agent list',
  'agent show',
  'agent suspend',
  'agent resume',
  'agent rotate',
  'agent compromise',
  'agent retire',
  'token request',
  'token exchange',
  'token list',
  'grant check',
  'grant plan',
  'grant apply',
  'grant show',
  'peer list',
  'peer allow',
  'peer block',
  'peer remove',
  'admin add',
  'admin list',
  'admin renew',
  'admin remove',
  'admin revoke',
  'revoke',
  'revocation serve',
  'revocation audit',
  'audit verify',
  'audit head',
  'audit chain',
  'evidence export',
  'evidence report',
  'log init',
  'log append',
  'log show',
  'log prove',
  'log verify',
  'log fsck',
  'log serve',
  'log monitor',
  'log witness',
  'conformance',
  'version',
  'help',
];

describe('help', () => {
  it('names every command', async () => {
    const { result } = await new Workspace().json(['help']);
    expect(result.commands.map(({ name }: { name: string }) => name)).toEqual(
      COMMANDS.map((name) => `taper ${name}`),
    );
  });

  it.each(COMMANDS)('explains %s with an example, in both ways of asking', async (name) => {
    const workspace = new Workspace();
    const words = name.split(' ');
    const asked = await workspace.taper(['help', ...words]);
    const flagged = await workspace.taper([...words, '--help']);
    expect(asked).toEqual(flagged);
    expect(asked).toMatchObject({ exitCode: 0, stderr: '' });
    const { result } = await workspace.json([...words, '-h']);
    expect(result.examples.length).toBeGreaterThan(0);
    expect(result.description.length).toBeGreaterThan(result.command.length);
  });

  it('gives examples that name options which exist', async () => {
    const workspace = new Workspace();
    for (const name of COMMANDS) {
      const { result } = await workspace.json(['help', ...name.split(' ')]);
      const known = result.options.flatMap(({ flags }: { flags: string }) =>
        flags.match(/--[a-z-]+/g),
      );
      for (const { line } of result.examples) {
        expect(line).toMatch(new RegExp(`^taper ${name}\\b`));
        const needed = result.options.filter(({ required }: { required: boolean }) => required);
        for (const { flags } of needed) expect(line).toContain(/--[a-z-]+/.exec(flags)?.[0]);
        for (const flag of line.match(/(?<= )--[a-z-]+/g) ?? []) expect(known).toContain(flag);
      }
    }
  });
});

describe('wrong usage', () => {
  it.each([
    [[], undefined],
    [['key'], undefined],
    [['verfy'], 'verify'],
    [['key', 'nwe'], 'new'],
    [['issue'], 'taper root issue'],
    [['inspekt', 'x'], 'inspect'],
    [['verify', 'x', '--anchor', 'y'], '--anchors'],
    [['verify', 'x', '--require-chain-aud'], '--require-chain-audience'],
    [['verify'], undefined],
    [['verify', 'x'], undefined],
    [['verify', 'x', 'y'], undefined],
    [['verify', 'x', '--anchors'], undefined],
    [['verify', 'x', '--anchors', '--tool'], undefined],
    [['verify', 'x', '--anchors', ''], undefined],
    [['verify', 'x', '--tool', 'a', '--tool', 'b'], undefined],
    [['verify', 'x', '--nonce', 'a', '--nonce', 'b'], undefined],
    [['receipt', 'x', '--anchors', 'y', '--tool', 'z'], undefined],
    [['receipt', 'x', '--anchors', 'y', '--args', '{}'], undefined],
    [['receipt', 'x', '--anchors', 'y', '--format', 'pdf'], undefined],
    [['help', 'nothing'], undefined],
    [['version', '--verbose'], undefined],
  ])('%j exits with 2, and with the nearest that exists', async (argv, suggestion) => {
    const workspace = new Workspace();
    const before = workspace.files();
    const { exitCode, result, error } = await workspace.json(argv);
    expect({ exitCode, result, code: error.code }).toEqual({
      exitCode: 2,
      result: undefined,
      code: 'usage',
    });
    if (suggestion !== undefined) expect(error.hint).toContain(`${suggestion}?`);
    expect(await workspace.taper(argv)).toMatchObject({ exitCode: 2, stdout: '' });
    expect(workspace.files()).toEqual(before);
  });

  const issue = [
    ...['root', 'issue', '--issuer', ISSUER, '--key', 'issuer.jwk', '--holder', 'planner.pub.jwk'],
    ...['--tools', JSON.stringify(READ_ONE)],
  ];
  it.each(['600', '10 m', '-1s', '0s', '1.5h', '10M', 'm', '1w', '99999999999d'])(
    'a lifetime of %j is no duration',
    async (lifetime) => {
      const answer = await new Workspace().json([...issue, `--lifetime=${lifetime}`]);
      expect(answer).toMatchObject({ exitCode: 2, error: { code: 'usage', field: '--lifetime' } });
    },
  );

  it.each([
    ['90s', 90],
    ['10m', 600],
    ['2h', 7200],
    ['30d', 2_592_000],
  ])('a lifetime of %s is %i seconds', async (lifetime, seconds) => {
    const workspace = new Workspace();
    const { result } = await workspace.json([...issue, '--lifetime', lifetime]);
    workspace.write('chain.json', JSON.stringify(result));
    const { result: inspected } = await workspace.json(['inspect', 'chain.json']);
    expect(inspected.parts[0].claims).toMatchObject({ iat: NOW, exp: NOW + seconds });
  });

  it.each([
    'now',
    '1.5',
    '-1',
    '2026-02-30T00:00:00Z',
    '2026-01-01',
    '2026-01-01T00:00:00+01:00',
    '9999999999999999',
  ])('a time of %j is none', async (now) => {
    const answer = await new Workspace().json([...issue, '--lifetime', '1m', `--now=${now}`]);
    expect(answer).toMatchObject({ exitCode: 2, error: { code: 'usage', field: '--now' } });
  });

  it.each(['one', '-1', '1.0', ''])('a depth of %j is none', async (depth) => {
    const answer = await new Workspace().json([
      ...issue,
      '--lifetime',
      '1m',
      `--max-depth=${depth}`,
    ]);
    expect(answer).toMatchObject({ exitCode: 2, error: { code: 'usage', field: '--max-depth' } });
  });
});

describe('taper version', () => {
  it.each(['version', '--version', '-V'])('answers to %s', async (word) => {
    const { exitCode, result } = await new Workspace().json([word]);
    expect(exitCode).toBe(0);
    expect(result).toMatchObject({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      tokens: 'draft-niyikiza-oauth-attenuating-agent-tokens-02',
    });
  });
});
